"""Ways to take a direction out of a run, and the same done to random directions.

"plain" projects it out (the paper); "centred" leaves the ordinary model's mean in its place; "erase" takes out only
what goes beyond that mean in whitened coordinates, so that what varies along the direction anyway stays. "layerwise"
uses each layer's own vector, "single" the best layer's at every layer.
"""

from typing import TYPE_CHECKING, Literal

from evidence.errors import ArgumentError
from tools._directions import Direction, random_like

if TYPE_CHECKING:
    from torch import Tensor

    from target.interventions import Intervention

Method = Literal["plain", "centred", "erase"]
Scope = Literal["layerwise", "single"]
RIDGE = 0.1
"""Of the mean variance, added to each dimension before whitening; chosen on two fine-tunes that no figure includes."""
CONTROLS = 16
_ZERO = 1e-3
"""Norm below which a layer has no direction: before the first adapter nothing differs."""


def removal(
    found: Direction, method: Method, scope: Scope = "layerwise", control: int | None = None
) -> "list[Intervention]":
    """The changes that take a direction out at every layer and position; or its `control`-th random twin.

    Raises:
        ArgumentError: the direction was kept without what the method needs.
    """
    from target.interventions import Ablate, Erase

    vectors, reads = _vectors(found, control, method)
    layers = [n for n in range(len(vectors)) if float(found.vectors[n].norm()) > _ZERO]
    at = {n: found.layer if scope == "single" else n for n in layers}
    if method == "plain":
        return [Ablate(n, vectors[at[n]]) for n in layers]
    if found.means is None:
        raise ArgumentError(
            f"the direction {found.name!r} was kept without the ordinary model's mean: make one with "
            "`misalignment_direction`, or use method='plain'"
        )
    if method == "centred":
        units = {n: vectors[at[n]] / vectors[at[n]].norm() for n in layers}
        return [Ablate(n, unit, float(found.means[n] @ unit)) for n, unit in units.items()]
    if scope == "single":
        raise ArgumentError("method='erase' measures each layer's own vector: leave `scope` at 'layerwise'")
    assert reads is not None
    return [Erase(n, vectors[n], reads[n], found.means[n]) for n in layers]


def _vectors(found: Direction, control: int | None, method: Method) -> "tuple[Tensor, Tensor | None]":
    """Vectors and reads (layer, d_model) of the direction itself, or of one of its random twins."""
    import torch

    if control is None:
        return found.vectors, found.reads
    if found.controls is None and method == "plain":
        return torch.stack([random_like(v, 1, seed=1000 * control + n)[0] for n, v in enumerate(found.vectors)]), None
    if found.controls is None:
        raise ArgumentError(f"the direction {found.name!r} was kept without random twins: make it again")
    writes, reads = found.controls[control % len(found.controls)]
    return writes, reads


def whitened(vectors: "Tensor", covariance: "Tensor") -> "Tensor":
    """What measures each vector (..., d_model) in coordinates where `covariance` (d_model, d_model) is round.

    read = C^-1 v / (v . C^-1 v), so that read . v = 1; zero for a zero vector.
    """
    import torch

    size = covariance.shape[-1]
    ridged = covariance + RIDGE * covariance.diagonal().mean() * torch.eye(size)
    solved = torch.linalg.solve(ridged, vectors.reshape(-1, size).T).T.reshape(vectors.shape)
    amount = (solved * vectors).sum(-1, keepdim=True)
    return torch.where(vectors.norm(dim=-1, keepdim=True) > _ZERO, solved / amount.clamp(min=1e-12), 0.0)
