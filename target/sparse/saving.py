"""Writing what was learnt in SAELens' format on disk, so that it reads raw activations."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target.sparse.job import DictionaryJob

if TYPE_CHECKING:
    from torch import Tensor

    from target.sparse.learner import Learner

_FORMAT = "6.0.0"
"""The version of SAELens whose format on disk is written."""
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
    from safetensors.torch import save_file

    folder, matrix = Path(job.out), getattr(torch, job.precision)
    folder.mkdir(parents=True, exist_ok=True)
    learnt = learner.parameters
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
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, _weights(folder))
    (folder / "cfg.json").write_text(json.dumps(_config(job, len(centre)), indent=1) + "\n", encoding="utf-8")


def threshold(learner: "Learner", batches: "Sequence[Tensor]") -> float:
    """One threshold for all latents: the mean over batches of the smallest activation that was kept."""
    import torch

    kept = (learner.features(x) for x in batches)
    return float(torch.stack([features[features > 0].min() for features in kept]).mean())


def _weights(folder: Path) -> Path:
    return folder / "sae_weights.safetensors"


def _config(job: DictionaryJob, width: int) -> dict[str, Any]:
    about: dict[str, Any] = {
        "sae_lens_version": _FORMAT,
        "training_architecture": "matryoshka" if job.groups else job.kind,
    }
    about |= {"k": job.k, "groups": list(job.groups)}
    return {
        "architecture": _ARCHITECTURES[job.kind],
        "d_in": width,
        "d_sae": job.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        **({"k": int(job.k)} if job.kind == "topk" else {}),
        "metadata": about | job.metadata,
    }
