"""What is computed where the weights are: in this process, or on the machine that hosts them.

Plain functions of the model's tree. A hosted engine gets them as source, so they use nothing of ours but one another.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from target.ranking import log_probs_at, top_of

if TYPE_CHECKING:
    from torch import Tensor


def logits_of(lens: Any, hidden: "Tensor", softcap: float | None) -> "Tensor":
    """Final norm and unembedding of residual streams (..., d_model): logits (..., vocab)."""
    norm = lens.model.norm._module
    like = next(norm.parameters())
    logits = lens.lm_head._module(norm(hidden.to(like.device, like.dtype)))
    return (logits / softcap).tanh() * softcap if softcap else logits


def best_of(
    lens: Any, hidden: "Tensor", softcap: float | None, k: int, track: Sequence[int]
) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    """What the lens says of streams (row, d_model): the best k tokens and their probabilities (row, k); ranks and log
    probabilities of the tracked tokens (row, tracked).
    """
    import torch

    logits = logits_of(lens, hidden, softcap)
    best = top_of(logits, k)[1]
    asked = torch.tensor(list(track), dtype=best.dtype, device=best.device).expand(len(best), -1)
    log_probs = log_probs_at(logits, torch.cat([best, asked], 1))
    ranks = torch.stack([(logits >= logits[:, [t]]).sum(-1) for t in track], -1) if track else asked
    return best.cpu(), log_probs[:, :k].exp().cpu(), ranks.cpu(), log_probs[:, k:].cpu()


def unembedding_of(lens: Any, tokens: Sequence[int] | None) -> "Tensor":
    """Rows of the unembedding matrix (token, d_model); None for all."""
    weight = lens.lm_head._module.weight.detach()
    return (weight if tokens is None else weight[list(tokens)]).float().cpu()


def mixing_of(lens: Any, module: Any, width: int) -> "Tensor":
    """The matrix of a linear module (width, d_model), its adapter's part in it and its bias taken away."""
    import torch

    like = next(lens.model.norm._module.parameters())
    with torch.no_grad():
        eye = torch.eye(width + 1, width, device=like.device, dtype=like.dtype)  # the last row is zero
        out = module._module(eye).float()
    return (out[:-1] - out[-1]).cpu()


def norm_as_linear(lens: Any, stream: "Tensor", parts: "Tensor") -> "Tensor":
    """The final norm as the linear map it is for one stream (d_model), applied to parts (..., d_model).

    The scale is found by running the norm itself, so Gemma's `1 + weight` and any epsilon are right.
    """
    import torch

    norm = lens.model.norm._module
    with torch.no_grad():
        centred = norm.__class__.__name__ == "LayerNorm"
        weight = norm.weight.float().cpu()
        bias = norm.bias.float().cpu() if getattr(norm, "bias", None) is not None else torch.zeros(())
        x = stream.float()
        image = norm(x.to(norm.weight)).float().cpu() - bias
        seen = x - x.mean() if centred else x
        scale = (
            (image @ seen) / (seen @ seen)
            if bool((weight == weight[0]).all())
            else image / seen.where(seen != 0, torch.ones(()))
        )
        moved = parts - parts.mean(-1, keepdim=True) if centred else parts
        return moved * scale
