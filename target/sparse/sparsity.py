"""Which activations are kept, and what it costs to keep them.

`topk`       the k largest of each row (Gao et al., arXiv 2406.04093)
`batchtopk`  the k * rows largest of a batch, so that one row may use more than another (Bussmann et al., arXiv 2412.06410)
`jumprelu`   those above a threshold that each latent learns (Rajamanoharan et al., arXiv 2407.14435)
`l1`         all above zero, at a price for their sum: shrinks what it keeps, here as the cautionary twin
"""

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["topk", "batchtopk", "jumprelu", "l1"]
BANDWIDTH = 0.03
"""Width of the window around a threshold within which JumpReLU's thresholds learn; activations have unit variance."""
FIRST_THRESHOLD = 0.05
THRESHOLD_PACE = 10
"""How much faster than all else thresholds learn: from the first to where they belong is a factor of 20 and more."""


def top_k(before: "Tensor", k: float) -> "Tensor":
    """The k largest activations of each row, zero elsewhere (row, latent)."""
    import torch

    best = before.topk(int(k), dim=1, sorted=False)
    return torch.zeros_like(before).scatter(1, best.indices, best.values)


def batch_top_k(before: "Tensor", k: float) -> "Tensor":
    """The `k * rows` largest activations of the whole batch, zero elsewhere (row, latent)."""
    import torch

    flat = before.flatten()
    best = flat.topk(int(k * len(before)), sorted=False)
    return torch.zeros_like(flat).scatter(0, best.indices, best.values).view_as(before)


def jump(before: "Tensor", log_threshold: "Tensor") -> "tuple[Tensor, Tensor]":
    """Activations above their latent's threshold (row, latent), and how many there are in a row (row).

    Both pass a gradient to the thresholds through a rectangular window, as in the paper.
    """
    threshold = log_threshold.exp()
    step = _step()(before, threshold)
    return before * step, step.sum(-1)


def _step() -> "Any":
    """The Heaviside step at a threshold with the paper's pseudo-derivative."""
    import torch

    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, before: "Tensor", threshold: "Tensor") -> "Tensor":
            ctx.save_for_backward(before, threshold)
            return (before > threshold).to(before)

        @staticmethod
        def backward(ctx: Any, gradient: "Tensor") -> "tuple[None, Tensor]":
            before, threshold = ctx.saved_tensors
            near = ((before - threshold).abs() < BANDWIDTH / 2).to(gradient)
            return None, -(gradient * near).sum(0) / BANDWIDTH

    return Step.apply
