"""A dictionary whose features are earlier activations, and that pursues them instead of encoding (arXiv 2505.17769)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools._dictionary import Dictionary

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class PursuedDictionary(Dictionary):
    """An ITDA with the face of any other dictionary; coefficients are signed, k is the number of its steps."""

    labels: "Tensor | None" = None
    """(feature, 2) int64: the prompt and the token each atom was read at."""

    def _features(self, x: "Tensor") -> "Tensor":
        from tools._pursuit import pursue

        rows = x.reshape(-1, self.d_in)
        return pursue(rows, self.W_dec, self.k or 1).dense(self.d_sae).reshape(*x.shape[:-1], self.d_sae)

    def _strongest(self, x: "Tensor", k: int) -> "tuple[Tensor, Tensor]":
        from target.ranking import top_of

        values, indices = top_of(self._features(x), k)
        return values.relu(), indices

    def _reconstructed(self, x: "Tensor") -> "Tensor":
        from tools._pursuit import pursue

        return x - pursue(x.to(self.W_dec), self.W_dec, self.k or 1).residual
