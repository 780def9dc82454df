"""Matching pursuits of a batch of rows that stay right while some of the rows become atoms.

A new atom changes a pursuit only if at some step it correlates more with what was left then than the atom that was
chosen. What was left is known from the path, so this costs one inner product of Gram entries a step; only the pursuits
that do change are done again.
"""

from typing import TYPE_CHECKING

from tools._pursuit import match_correlations

if TYPE_CHECKING:
    from torch import Tensor

_WINDOW = 64
"""How far ahead outdated pursuits are renewed together: the next atom may outdate some of them again."""
_CAPACITY = 64
"""Atoms there is room for at first."""


class Atoms:
    """Rows of unit length and their Gram matrix, in buffers whose capacity doubles."""

    def __init__(self, rows: "Tensor") -> None:
        self.count = len(rows)
        self._rows = rows
        self._gram = rows @ rows.T

    @property
    def rows(self) -> "Tensor":
        """(count, d)"""
        return self._rows[: self.count]

    @property
    def gram(self) -> "Tensor":
        """(count, count)"""
        return self._gram[: self.count, : self.count]

    def append(self, row: "Tensor", products: "Tensor") -> None:
        """Add a row (d), given its inner products (count + 1) with the atoms there are and with itself."""
        n = self.count
        if n == len(self._rows):
            self._grow(max(2 * n, _CAPACITY))
        self._rows[n] = row
        self._gram[n, : n + 1] = products
        self._gram[: n + 1, n] = products
        self.count += 1

    def _grow(self, capacity: int) -> None:
        n, rows, gram = self.count, self.rows, self.gram
        self._rows, self._gram = rows.new_empty(capacity, rows.shape[1]), rows.new_empty(capacity, capacity)
        self._rows[:n], self._gram[:n, :n] = rows, gram


class Batch:
    """Rows (row, d) of unit length, each with its pursuit of l0 steps over the atoms."""

    def __init__(self, rows: "Tensor", atoms: Atoms, l0: int) -> None:
        import torch

        size, n = len(rows), atoms.count
        self._rows, self._atoms, self._l0 = rows, atoms, l0
        self._products = rows @ rows.T  # row row
        self._corr = rows.new_empty(size, n + size)  # row atom, with room for all of the batch
        self._corr[:, :n] = rows @ atoms.rows.T
        self._values = rows.new_zeros(size, l0)
        self._indices = torch.zeros(size, l0, dtype=torch.int64, device=rows.device)
        self._error = rows.new_ones(size)  # share of the squared length, 0 to 1
        self._outdated = torch.ones(size, dtype=torch.bool, device=rows.device)

    def next_unexplained(self, start: int, threshold: float) -> int | None:
        """The first row from `start` on whose error exceeds the threshold, by pursuits over all atoms."""
        while len(doubtful := (self._outdated | (self._error > threshold))[start:].nonzero()):
            start += int(doubtful[0])
            if not self._outdated[start]:
                return start
            self._renew(start)
        return None

    def append(self, row: int) -> None:
        """Make a row an atom, and find the rows after it whose pursuits would have chosen it."""
        n, later = self._atoms.count, slice(row + 1, None)
        self._corr[:, n] = self._products[:, row]
        self._atoms.append(self._rows[row], self._corr[row, : n + 1])
        if n < self._l0:  # one more step for everyone
            self._outdated[later] = True
            return
        values = self._values[later]
        removed = values * self._corr[row, self._indices[later]]  # row step
        left = self._products[later, row, None] - (removed.cumsum(1) - removed)  # row step, before each step
        self._outdated[later] |= (left.abs() > values.abs()).any(1)

    def _renew(self, start: int) -> None:
        """Do outdated pursuits again: that of `start` and those not far after it."""
        rows = start + self._outdated[start : start + _WINDOW].nonzero()[:, 0]
        n = self._atoms.count
        steps = min(n, self._l0)
        codes = match_correlations(self._corr[rows, :n], self._atoms.gram.__getitem__, steps)
        self._values[rows, :steps], self._indices[rows, :steps] = codes
        self._error[rows] = 1 - codes.values.square().sum(1)
        self._outdated[rows] = False
