"""How alike are two layers' representations of the same rows, whatever basis each is written in?"""

from typing import TYPE_CHECKING

from evidence.errors import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor


def linear_cka(x: "Tensor", y: "Tensor") -> float:
    """Linear centred kernel alignment of matched activations x (row, d_x) and y (row, d_y): 0 to 1.

    Unchanged by rotations and by one scale for all; directions count by their variance, so a few large ones can
    decide. It approaches 1 for unrelated activations where rows are few beside d.

    Raises:
        ArgumentError: the rows do not match, are not finite, or do not vary.

    Source: Kornblith et al., "Similarity of Neural Network Representations Revisited" (arXiv 1905.00414), section 3
    """
    x, y = _centred(x, y)
    shared, own_x, own_y = (float((a.T @ b).norm()) for a, b in ((x, y), (x, x), (y, y)))
    return shared**2 / (own_x * own_y)


def svcca(x: "Tensor", y: "Tensor", keep: float = 0.99) -> float:
    """Mean canonical correlation of matched activations x (row, d_x) and y (row, d_y) within their main directions.

    Each side keeps the fewest principal directions that hold `keep` of its variance, of which each then counts alike.
    The mean, 0 to 1, is over as many correlations as the smaller side kept. By chance alone it grows with the
    directions kept, about as their number over the rows does.

    Raises:
        ArgumentError: keep is not above 0 and at most 1, the rows do not match, are not finite or do not vary, or are
            so few that some correlations are 1 for any activations.

    Source: Raghu et al., "SVCCA" (arXiv 1706.05806), section 2.1
    """
    import torch

    if not 0 < keep <= 1:
        raise ArgumentError(f"keep={keep} is not allowed: it is a share of the variance, 0 < keep <= 1")
    first, second = (_principal(side, keep) for side in _centred(x, y))
    kept = first.shape[1] + second.shape[1]
    if kept >= len(first):
        raise ArgumentError(
            f"{len(first)} rows are too few for the {kept} directions kept: give more rows or a smaller `keep`"
        )
    return float(torch.linalg.svdvals(first.T @ second).clamp(max=1).mean())


def match(scores: "Tensor") -> float:
    """Share of the layers of A whose most similar layer of B is the same one, from scores (layer_a, layer_b): 0 to 1.

    A layer that another ties with is not counted.

    Raises:
        ArgumentError: the models have different numbers of layers, or none.

    Source: Leask, Nanda & Al Moubayed (arXiv 2505.17769), equation 9
    """
    import torch

    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or not len(scores):
        raise ArgumentError(
            f"scores {tuple(scores.shape)} cannot be matched: give (layer, layer) of equally deep models"
        )
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    others = scores.masked_fill(own, -torch.inf).amax(1)
    return float((scores.diagonal() > others).double().mean())


def _centred(x: "Tensor", y: "Tensor") -> "tuple[Tensor, Tensor]":
    """Both sides with their column means removed, in float64."""
    import torch

    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ArgumentError(f"activations {tuple(x.shape)} and {tuple(y.shape)} do not match: give the same rows twice")
    sides = [side.detach().double() for side in (x, y)]
    for side in sides:
        if not torch.isfinite(side).all() or not (side != side[:1]).any():
            raise ArgumentError("activations can be compared only if they are finite and rows differ: give other rows")
    first, second = (side - side.mean(0) for side in sides)
    return first, second


def _principal(x: "Tensor", keep: float) -> "Tensor":
    """Orthonormal scores (row, kept) of the fewest principal directions that hold `keep` of the variance."""
    import torch

    left, sizes, _ = torch.linalg.svd(x, full_matrices=False)
    variance = sizes.square()
    held = variance.cumsum(0) / variance.sum()
    kept = int((held < keep).sum()) + 1
    rank = int((sizes > sizes[0] * max(x.shape) * torch.finfo(x.dtype).eps).sum())
    return left[:, : min(kept, rank)]
