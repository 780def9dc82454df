"""Greedy pursuits, against the same by hand."""

import numpy as np
import pytest
import torch

from evidence.errors import ArgumentError
from tools import _pursuit
from tools._pursuit import Codes, pursue


def unit_rows(n: int, d: int, seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return rows / rows.norm(dim=1, keepdim=True)


def by_hand(x: np.ndarray, atoms: np.ndarray, l0: int) -> np.ndarray:
    """Dense coefficients (n) of matching pursuit."""
    coefficients = np.zeros(len(atoms))
    for _ in range(l0):
        corr = atoms @ (x - coefficients @ atoms)
        best = int(np.argmax(np.abs(corr)))
        coefficients[best] += corr[best]
    return coefficients


@pytest.mark.parametrize(("n", "d"), [(6, 8), (60, 8), (200, 30)])
@pytest.mark.parametrize("piece", [1, 1_000_000])
def test_matching_pursuit_is_that_by_hand(n: int, d: int, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pursuit, "_PIECE_VALUES", piece)
    atoms, x = unit_rows(n, d, 0), 4 * unit_rows(40, d, 1)
    codes = pursue(x, atoms, 12)
    wanted = [by_hand(row, atoms.numpy(), min(12, n)) for row in x.numpy()]
    np.testing.assert_allclose(codes.dense(n), wanted, atol=1e-12)
    np.testing.assert_allclose(codes.residual, x - codes.dense(n) @ atoms, atol=1e-12)
    assert n > d or any(len(set(row)) < len(row) for row in codes.indices.tolist())  # chosen again


def test_whether_a_gram_matrix_is_worth_computing_changes_nothing() -> None:
    atoms, x = unit_rows(50, 12, 0), 3 * unit_rows(80, 12, 1)
    many, few = pursue(x, atoms, 6), pursue(x[:2], atoms, 6)
    assert torch.equal(many.indices[:2], few.indices)
    assert torch.allclose(many.values[:2], few.values)


def test_matching_pursuit_leaves_less_at_every_step() -> None:
    atoms, x = unit_rows(40, 16, 0, torch.float32), unit_rows(50, 16, 1, torch.float32)
    left = torch.stack([pursue(x, atoms, steps).residual.norm(dim=1) for steps in range(1, 20)])
    assert bool((left[1:] <= left[:-1] + 1e-6).all())
    assert float(left[-1].mean()) < 0.5 * float(left[0].mean())


def test_pursuits_over_few_atoms_or_rows_are_narrower() -> None:
    def shapes(codes: Codes) -> list[tuple[int, ...]]:
        return [tuple(part.shape) for part in codes]

    x = unit_rows(3, 8, 0)
    assert shapes(pursue(x, unit_rows(2, 8, 1), 5)) == [(3, 2), (3, 2), (3, 8)]
    assert shapes(pursue(x[:0], unit_rows(9, 8, 1), 5)) == [(0, 5), (0, 5), (0, 8)]
    nothing = pursue(x, x[:0], 5)
    assert shapes(nothing) == [(3, 0), (3, 0), (3, 8)]
    assert torch.equal(nothing.residual, x)
    with pytest.raises(ArgumentError, match="l0=0"):
        pursue(x, x, 0)
