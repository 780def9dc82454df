"""Which latents are kinds of which others: a tree from what fires together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

CONTAINED = 0.5
"""A child's parent fires in at least this share of the places where the child does."""
LIFT = 2.0
"""And at least this many times as often as elsewhere."""
LEAST_FIRED = 20


@dataclass(frozen=True)
class Link:
    """A latent and the more general one that fires where it does."""

    child: int
    parent: int
    contained: float
    """Share of the child's places at which the parent fires."""
    lift: float
    """That share over the parent's own density."""
    cosine: float
    """Between their decoder rows."""


class Together:
    """Counts which latents fire at the same positions, a batch at a time."""

    def __init__(self, latents: int) -> None:
        import torch

        self.both = torch.zeros(latents, latents)
        self.seen = 0

    def add(self, features: "Tensor") -> None:
        """Count activations (row, latent) in."""
        fires = (features > 0).float()
        self.both += fires.T @ fires
        self.seen += len(features)

    @property
    def fired(self) -> "Tensor":
        """Positions at which each latent fires (latent)."""
        return self.both.diagonal()


def tree(together: Together, groups: "tuple[int, ...]", W_dec: "Tensor") -> list[Link]:
    """The parent of every latent that has one: of those in earlier groups that fire where it does, the likest decoder.

    A parent is at least as frequent as its child, contains it (`CONTAINED`) and does so beyond chance (`LIFT`).

    Args:
        together: What fires together.
        groups: Sizes of the nested groups, coarsest first.
        W_dec: Decoder rows (latent, d_model).
    """
    import torch

    fired, rows = together.fired, torch.nn.functional.normalize(W_dec, dim=1)
    level = torch.repeat_interleave(torch.arange(len(groups)), torch.tensor(groups))
    contained = together.both / fired.clamp(min=1)[:, None]  # child parent
    lift = contained / (fired / max(1, together.seen)).clamp(min=1e-9)
    allowed = (level[None] < level[:, None]) & (fired[None] >= fired[:, None]) & (fired[:, None] >= LEAST_FIRED)
    allowed &= (contained >= CONTAINED) & (lift >= LIFT)
    cosines = (rows @ rows.T).masked_fill(~allowed, -2)
    best = cosines.max(1)
    return [
        Link(child, parent, float(contained[child, parent]), float(lift[child, parent]), float(best.values[child]))
        for child, parent in enumerate(best.indices.tolist())
        if best.values[child] > -2
    ]
