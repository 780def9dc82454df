"""Writing what was learnt in SAELens' format on disk, so that it reads raw activations."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target.sparse import saelens
from target.sparse.job import DictionaryJob

if TYPE_CHECKING:
    from torch import Tensor

    from target.sparse.learner import Learner

_ARCHITECTURES = {"batchtopk": "jumprelu", "jumprelu": "jumprelu", "topk": "topk", "l1": "standard"}


def save(
    learner: "Learner",
    centre: "Tensor",
    scale: float,
    batches: "Sequence[Tensor]",
    job: DictionaryJob,
) -> None:
    """Write cfg.json and sae_weights.safetensors; latents in the units of the activations, decoder rows as they are.

    Args:
        learner: What was learnt, on (x - centre) / scale.
        centre: (source * d_model)
        scale: One for all.
        batches: Scaled activations on which the threshold of a BatchTopK is settled.
        job: Where to write, how, and what else is to be said of it.
    """
    import torch

    learnt, matrix = learner.parameters, getattr(torch, job.precision)
    tensors = {
        "W_enc": learnt.W_enc.to(matrix),
        "b_enc": learnt.b_enc * scale,
        "W_dec": learnt.W_dec.to(matrix),
        "b_dec": learnt.b_dec * scale + centre.to(learnt.b_dec),
    }
    if job.kind == "batchtopk":
        tensors["threshold"] = torch.full((job.d_sae,), threshold(learner, batches) * scale)
    if job.kind == "jumprelu":
        tensors["threshold"] = learner.log_threshold.exp() * scale
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    saelens.write(Path(job.out), _config(job, len(centre)), plain)


def threshold(learner: "Learner", batches: "Sequence[Tensor]") -> float:
    """One threshold for all latents: the mean over batches of the smallest activation that was kept."""
    import torch

    kept = (learner.features(x) for x in batches)
    return float(torch.stack([features[features > 0].min() for features in kept]).mean())


def _config(job: DictionaryJob, width: int) -> dict[str, Any]:
    about = {"training_architecture": "matryoshka" if job.groups else job.kind, "k": job.k, "groups": list(job.groups)}
    k = int(job.k) if job.kind == "topk" else None
    return saelens.config(_ARCHITECTURES[job.kind], width, job.d_sae, about | job.metadata, k=k)
