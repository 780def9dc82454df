"""What makes each feature of a dictionary fire: its strongest contexts, how often it fires, how strongly.

tokens      (feature, context, window) int16   ids of the tokens around the peak, -1 where there are none
peaks       (feature, context) int8            column of `tokens` at which the feature fires most
activations (feature, context) float16         how strongly; 0 where fewer contexts were found
density     (feature) float32                  share of held-out positions at which it fires
maximum     (feature) float16                  its strongest activation in the contexts searched
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from tools._dictionary import Dictionary

Rows = Sequence[Sequence[int]]
PARTS = ("tokens", "peaks", "activations", "density", "maximum")
CONTEXTS, REACH = 8, 10
_CANDIDATES = 4 * CONTEXTS
"""Rows looked at per feature: texts repeat themselves, and a context is kept once."""


def build(
    dictionary: "Dictionary", rows: Rows, activations: "Tensor", held_out: "Tensor", *, wide: bool = False
) -> "dict[str, Tensor]":
    """The index from rows of token ids and what the dictionary reads of them, the first token of each row left out.

    Args:
        dictionary: Whose features.
        rows: Texts, each its token ids.
        activations: Of all rows, one after another (token, d_in).
        held_out: Of other texts (token, d_in).
        wide: Whether token ids need more than 16 bits.
    """
    import torch

    peaks, places = _peaks(dictionary, rows, activations)  # row feature
    best = peaks.topk(min(_CANDIDATES, len(rows)), dim=0)  # candidate feature
    size = (dictionary.d_sae, CONTEXTS, 2 * REACH + 1)
    tokens = torch.full(size, -1, dtype=torch.int32 if wide else torch.int16)
    columns = torch.zeros(dictionary.d_sae, CONTEXTS, dtype=torch.int8)
    strengths = torch.zeros(dictionary.d_sae, CONTEXTS, dtype=torch.float16)
    for feature in range(dictionary.d_sae):
        found: dict[tuple[int, ...], tuple[int, float]] = {}
        for value, row in zip(best.values[:, feature].tolist(), best.indices[:, feature].tolist(), strict=True):
            place = int(places[row, feature]) + 1
            first = max(0, place - REACH)
            if value > 0 and len(found) < CONTEXTS:
                found.setdefault(tuple(rows[row][first : place + REACH + 1]), (place - first, value))
        for context, (window, (column, value)) in enumerate(found.items()):
            tokens[feature, context, : len(window)] = torch.tensor(window, dtype=tokens.dtype)
            columns[feature, context], strengths[feature, context] = column, value
    return {
        "tokens": tokens,
        "peaks": columns,
        "activations": strengths,
        "density": _density(dictionary, held_out),
        "maximum": peaks.amax(0).half(),
    }


def _peaks(dictionary: "Dictionary", rows: Rows, activations: "Tensor") -> "tuple[Tensor, Tensor]":
    """Each feature's strongest activation in each row, and its place among the row's later tokens."""
    import torch

    lengths = [len(row) - 1 for row in rows]
    found = [dictionary.encode(piece).max(0) for piece in activations.split(lengths)]
    return torch.stack([peak.values for peak in found]), torch.stack([peak.indices for peak in found])


def _density(dictionary: "Dictionary", held_out: "Tensor") -> "Tensor":
    import torch

    fires = [(dictionary.encode(piece) > 0).float().sum(0) for piece in held_out.split(8192)]
    return torch.stack(fires).sum(0) / len(held_out)
