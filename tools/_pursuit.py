"""Greedy pursuit over a fixed dictionary: which few atoms, and how much of each, make up an activation?"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from evidence.errors import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor

_PIECE_VALUES = 1_000_000
"""How many values an intermediate result may have: more leave the processor's cache."""


class Choices(NamedTuple):
    """The path of a pursuit."""

    values: "Tensor"
    """(row, step) signed coefficients, in the order the atoms were chosen."""
    indices: "Tensor"
    """(row, step) atoms; one may be chosen again, and its coefficients then add up."""


class Codes(NamedTuple):
    """What a pursuit makes of each activation."""

    values: "Tensor"
    """(row, l0) signed coefficients, in the order the atoms were chosen; n columns where there are n < l0 atoms."""
    indices: "Tensor"
    """(row, l0) atoms; one may be chosen again, and its coefficients then add up."""
    residual: "Tensor"
    """(row, d) what is left unexplained."""

    def dense(self, n: int) -> "Tensor":
        """Coefficients (row, n) of all n atoms."""
        return self.values.new_zeros(len(self.values), n).scatter_add_(1, self.indices, self.values)


def pursue(x: "Tensor", atoms: "Tensor", l0: int) -> Codes:
    """Decompose activations x (row, d) into l0 of the atoms (n, d) each, which have unit length.

    Every step takes the atom with the largest absolute correlation with what is left (of equals, the first) and
    subtracts that correlation times the atom: matching pursuit (Mallat & Zhang 1993).

    It is what the paper's text describes and what its code has under the name `omp`; the caption of its Algorithm 1
    says orthogonal. Coefficients are signed here.

    Args:
        x: Activations (row, d), in any precision: all is computed in that of the atoms.
        atoms: The dictionary (n, d).
        l0: Steps, 1 or more; n of them where there are n < l0 atoms.

    Raises:
        ArgumentError: the widths differ, or l0 is below 1.

    Source: Leask, Nanda & Al Moubayed (arXiv 2505.17769)
    """
    import torch

    if l0 < 1 or x.ndim != 2 or x.shape[1] != atoms.shape[1]:
        raise ArgumentError(
            f"activations {tuple(x.shape)} have no l0={l0} decomposition into atoms {tuple(atoms.shape)}: "
            "give (row, d) of the atoms' width and an l0 of 1 or more"
        )
    x, steps = x.detach().to(atoms), min(l0, len(atoms))
    if not steps or not len(x):
        return Codes(x.new_zeros(len(x), steps), torch.zeros(len(x), steps, dtype=torch.int64, device=x.device), x)
    gram = atoms @ atoms.T if len(x) * steps > len(atoms) else None
    pieces = [
        _matching(rows, atoms, steps, gram)
        for rows in x.split(max(1, _PIECE_VALUES // max(len(atoms), steps * x.shape[1])))
    ]
    return Codes(*(torch.cat(parts) for parts in zip(*pieces, strict=True)))


def match_correlations(corr: "Tensor", gram_rows: "Callable[[Tensor], Tensor]", steps: int) -> Choices:
    """Matching pursuit on correlations (row, n) with n atoms, whose Gram matrix gives rows (row, n) for atoms (row).

    It works in place: corr becomes the correlations of what is left.
    """
    import torch

    values = corr.new_zeros(len(corr), steps)
    indices = torch.zeros(len(corr), steps, dtype=torch.int64, device=corr.device)
    for step in range(steps):
        best = corr.abs().argmax(1)
        value = corr.gather(1, best[:, None])
        corr.addcmul_(gram_rows(best), value, value=-1)
        values[:, step], indices[:, step] = value[:, 0], best
    return Choices(values, indices)


def _matching(x: "Tensor", atoms: "Tensor", steps: int, gram: "Tensor | None") -> Codes:
    def gram_rows(best: "Tensor") -> "Tensor":
        return atoms[best] @ atoms.T if gram is None else gram[best]

    values, indices = match_correlations(x @ atoms.T, gram_rows, steps)
    return Codes(values, indices, x - _combined(values, atoms[indices]))


def _combined(values: "Tensor", vectors: "Tensor") -> "Tensor":
    """Sums (row, d) of vectors (row, step, d) times their values (row, step)."""
    return (values[:, None] @ vectors)[:, 0]
