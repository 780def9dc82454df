"""A dictionary whose features are earlier activations, and that pursues them instead of encoding (arXiv 2505.17769)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target.turn import report
from tools._dictionary import Dictionary

if TYPE_CHECKING:
    from torch import Tensor

    from target.activations import Store

_PIECE = 2048
"""Activations visited between two reports."""


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


def build(
    store: "Store", layer: int, l0: int, threshold: float, about: dict[str, Any], most: int | None = None
) -> "tuple[dict[str, Any], dict[str, Tensor]]":
    """An ITDA of a store's activations in their order, as cfg.json and its tensors.

    Args:
        store: Of one model.
        layer: Which.
        l0: Steps of the pursuit.
        threshold: Share of an activation unexplained above which it becomes an atom.
        about: What else cfg.json is to say.
        most: How many activations to visit; None for all.
    """
    from tools._itda import Builder

    left = store.rows if most is None else min(most, store.rows)
    builder, wanted = Builder(store.d_model, l0, threshold, data=store.key), left
    for stored in store.layer(layer):
        for some, places in zip(stored.activations.split(_PIECE), stored.places.split(_PIECE), strict=True):
            if left > 0:
                builder.add(some[:left, 0], places[:left])
                left -= len(some[:left])
                report(f"visiting activations: {len(builder)} atoms of {wanted - left}", 1 - left / wanted)
    itda = builder.finish()
    about = about | {"threshold": itda.threshold, "tokens": itda.seen, "order": itda.order}
    config = {"architecture": "itda", "d_in": store.d_model, "d_sae": len(itda.atoms), "k": itda.l0, "metadata": about}
    return config, {"W_dec": itda.atoms, "labels": itda.labels}
