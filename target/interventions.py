"""What may be done to a run, and where. Each change acts on one site of one layer.

A vector is (d_model), the same for every row of the batch, or (batch, d_model), one each: so a sweep over
positions, heads or controls is one forward pass.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Site = Literal["input", "head", "attention", "neurons", "mlp", "residual"]
"""In the order a layer computes them: what enters it; the heads' outputs side by side, before they are mixed
(heads * d_head); what attention adds; the MLP's neurons, before they are mixed (d_mlp); what the MLP adds; the residual
stream that leaves it."""
SITES: tuple[Site, ...] = ("input", "head", "attention", "neurons", "mlp", "residual")


class Intervention(Protocol):
    """A change to one site of one layer: (batch, position, width) in and out."""

    @property
    def layer(self) -> int: ...

    @property
    def site(self) -> Site: ...

    @property
    def prompt_only(self) -> bool:
        """Whether it acts while the prompt is read, and not on the tokens generated after it."""
        ...

    def apply(self, hidden: "Tensor") -> "Tensor": ...


@dataclass(frozen=True)
class Steer:
    """Add `scale * vector` at every position."""

    layer: int
    vector: "Tensor"
    scale: float
    site: Site = "residual"
    prompt_only: bool = False

    def apply(self, hidden: "Tensor") -> "Tensor":
        return hidden + self.scale * _spread(self.vector, hidden)


@dataclass(frozen=True)
class Ablate:
    """Project out a direction at every position; `centre` is the coefficient left in its place."""

    layer: int
    direction: "Tensor"
    centre: float = 0.0
    site: Site = "residual"
    prompt_only: bool = False

    def apply(self, hidden: "Tensor") -> "Tensor":
        unit = _spread(self.direction / self.direction.norm(dim=-1, keepdim=True), hidden)
        return hidden - ((hidden * unit).sum(-1, keepdim=True) - self.centre) * unit


@dataclass(frozen=True)
class Erase:
    """Take out what a stream has of `write` beyond a mean, as `read` measures it: x - ((x - mean) . read) write.

    With read = write = a unit vector it is a centred projection. With `read` whitened by the covariance of ordinary
    activations (read . write = 1) what varies along `write` anyway stays (least-squares concept erasure, arXiv
    2306.03819). All three are (d_model) or one each (batch, d_model).
    """

    layer: int
    write: "Tensor"
    read: "Tensor"
    mean: "Tensor"
    site: Site = "residual"
    prompt_only: bool = False

    def apply(self, hidden: "Tensor") -> "Tensor":
        beyond = hidden - _spread(self.mean, hidden)
        amount = (beyond * _spread(self.read, hidden)).sum(-1, keepdim=True)
        return hidden - amount * _spread(self.write, hidden)


@dataclass(frozen=True)
class Patch:
    """Replace what stands at the last `values.shape[1]` positions of the prompt (batch, position, width)."""

    layer: int
    values: "Tensor"
    site: Site = "residual"
    prompt_only: bool = True

    def apply(self, hidden: "Tensor") -> "Tensor":
        import torch

        kept = hidden[:, : hidden.shape[1] - self.values.shape[1]]
        return torch.cat([kept, self.values.to(hidden)], dim=1)


@dataclass(frozen=True)
class PatchEach:
    """Replace one position of each row's prompt (batch, width).

    `from_end` (batch) counts from the last position, which is 1; 0 leaves a row as it is.
    """

    layer: int
    values: "Tensor"
    from_end: "Tensor"
    site: Site = "residual"
    prompt_only: bool = True

    def apply(self, hidden: "Tensor") -> "Tensor":
        import torch

        rows = torch.nonzero(self.from_end.to(hidden.device)).flatten()
        changed = hidden.clone()
        changed[rows, hidden.shape[1] - self.from_end.to(hidden.device)[rows]] = self.values.to(hidden)[rows]
        return changed


@dataclass(frozen=True)
class Replace:
    """Put a value in place of some columns at every position, in some rows of the batch.

    `value` broadcasts to (rows, position, columns): 0 for zero ablation, a mean, or another run's activations.
    """

    layer: int
    site: Site
    value: "Tensor"
    columns: slice = field(default_factory=lambda: slice(None))
    rows: slice = field(default_factory=lambda: slice(None))
    prompt_only: bool = False

    def apply(self, hidden: "Tensor") -> "Tensor":
        changed = hidden.clone()
        changed[self.rows, :, self.columns] = self.value.to(hidden)
        return changed


def _spread(vector: "Tensor", hidden: "Tensor") -> "Tensor":
    """(d_model) or (batch, d_model) so that it meets (batch, position, d_model)."""
    moved = vector.to(hidden)
    return moved if moved.ndim == 1 else moved[:, None]
