"""Directions in the residual stream: kept, found again, and their random controls."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence import Artifact, artifacts
from evidence.errors import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target


@dataclass(frozen=True)
class Direction:
    """One vector a layer, as it was measured (not normalised)."""

    name: str
    digest: str
    vectors: "Tensor"
    """(layer, d_model); layers it was not measured at are zero."""
    centres: "Tensor"
    """(layer) mean coefficient along the unit direction of the texts that lack the property."""
    layer: int
    """Where it separates best."""
    means: "Tensor | None" = None
    """(layer, d_model) mean stream of the ordinary model, where it was kept."""
    reads: "Tensor | None" = None
    """(layer, d_model) what measures the direction in whitened coordinates: read . vector = 1."""
    controls: "Tensor | None" = None
    """(draw, 2, layer, d_model) random vectors of the same norms, and what measures each."""

    def at(self, layer: int) -> "Tensor":
        """The vector (d_model) of a layer; the best layer's where it was not measured."""
        own = self.vectors[layer]
        return own if float(own.norm()) > 0 else self.vectors[self.layer]

    def centre(self, layer: int) -> float:
        return float(self.centres[layer])


def keep(name: str, target: "Target", vectors: "Tensor", centres: "Tensor", layer: int, **more: "Tensor") -> Artifact:
    """Store a direction of this target; `more` are means, reads and controls where they were measured."""
    about = {"weights": target.weights_digest, "target": target.name, "d_model": target.d_model, "layer": layer}
    tensors = {"vectors": vectors, "centres": centres, **more}
    return artifacts.keep("direction", name, {key: tensor.float() for key, tensor in tensors.items()}, about)


def find(reference: str, target: "Target") -> Direction:
    """The direction a person means, if it fits this target.

    Raises:
        ArgumentError: there is none, or it was measured on other base weights.
    """
    stored = artifacts.find("direction", reference)
    require_same_weights(stored, target)
    vectors, centres = stored.tensors["vectors"], stored.tensors["centres"]
    more = {name: stored.tensors[name] for name in ("means", "reads", "controls") if name in stored.tensors}
    return Direction(stored.name, stored.digest, vectors, centres, int(stored.about["layer"]), **more)


def require_same_weights(stored: artifacts.Stored, target: "Target") -> None:
    if stored.about["weights"] != target.weights_digest:
        raise ArgumentError(
            f"the {stored.kind} {stored.name!r} was made on {stored.about['target']}, which has another base than "
            f"{target.name}: make one on a model of the same base"
        )


def random_like(vector: "Tensor", draws: int, seed: int) -> "Tensor":
    """Random vectors of the same norm (draw, d_model): the control of every direction."""
    import torch

    noise = torch.randn(draws, vector.shape[-1], generator=torch.Generator().manual_seed(seed))
    return noise / noise.norm(dim=-1, keepdim=True) * vector.norm()


def separation(positive: "Tensor", negative: "Tensor", direction: "Tensor") -> float:
    """AUROC of the projections of two sets of rows (row, d_model) on a direction (d_model)."""
    return auroc(positive @ direction, negative @ direction)


def auroc(positive: "Tensor", negative: "Tensor") -> float:
    """Chance that a positive scores above a negative; ties count half."""
    gap = positive[:, None] - negative[None, :]
    return float(((gap > 0).float() + 0.5 * (gap == 0).float()).mean())
