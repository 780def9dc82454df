"""What may be done to the residual stream during a run. Each acts on the output of one layer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Intervention(Protocol):
    """A change to the residual stream after `layer`: (batch, position, d_model) in and out."""

    @property
    def layer(self) -> int: ...

    def apply(self, hidden: "Tensor") -> "Tensor": ...


@dataclass(frozen=True)
class Steer:
    """Add `scale * vector` (d_model) at every position."""

    layer: int
    vector: "Tensor"
    scale: float

    def apply(self, hidden: "Tensor") -> "Tensor":
        return hidden + self.scale * self.vector.to(hidden)


@dataclass(frozen=True)
class Ablate:
    """Project out a direction (d_model) at every position; `centre` is the coefficient left in its place."""

    layer: int
    direction: "Tensor"
    centre: float = 0.0

    def apply(self, hidden: "Tensor") -> "Tensor":
        unit = (self.direction / self.direction.norm()).to(hidden)
        return hidden - ((hidden @ unit) - self.centre)[..., None] * unit


@dataclass(frozen=True)
class Patch:
    """Replace the residual stream at the last `values.shape[1]` positions (batch, position, d_model)."""

    layer: int
    values: "Tensor"

    def apply(self, hidden: "Tensor") -> "Tensor":
        import torch

        kept = hidden[:, : hidden.shape[1] - self.values.shape[1]]
        return torch.cat([kept, self.values.to(hidden)], dim=1)
