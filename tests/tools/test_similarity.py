"""Similarities of layers, against the same quantities by other formulas."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA

from evidence.errors import ArgumentError
from tools._similarity import linear_cka, match, svcca


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Activations (300, 10) and (300, 6) that share three directions."""
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    shared = noise(300, 3)
    return shared @ noise(3, 10) + noise(300, 10) + 2, shared @ noise(3, 6) + 0.5 * noise(300, 6) - 1


def test_cka_is_the_normalised_hsic_of_gram_matrices(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = (side.double().numpy() for side in pair)
    centring = np.eye(len(x)) - 1 / len(x)

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.trace(a @ a.T @ centring @ b @ b.T @ centring))

    assert linear_cka(*pair) == pytest.approx(hsic(x, y) / (hsic(x, x) * hsic(y, y)) ** 0.5)


def test_svcca_is_the_canonical_correlation_of_principal_components(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = (PCA(0.9, svd_solver="full").fit_transform(side.double().numpy()) for side in pair)
    assert x.shape[1] < 10 and y.shape[1] < 6
    assert svcca(*pair, keep=0.9) == pytest.approx(np.cos(subspace_angles(x, y)).mean())
    first, second = CCA(y.shape[1], scale=False, max_iter=5000, tol=1e-10).fit_transform(x, y)
    theirs = [np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)]
    assert svcca(*pair, keep=0.9) == pytest.approx(np.mean(theirs), abs=1e-6)


@pytest.mark.parametrize("measure", [linear_cka, svcca])
def test_rotation_scale_and_shift_change_nothing(
    measure: Callable[..., float], pair: tuple[torch.Tensor, torch.Tensor]
) -> None:
    x, y = (side.double() for side in pair)
    turn = torch.linalg.qr(torch.randn(10, 10, generator=torch.Generator().manual_seed(1)).double()).Q
    assert measure(x, 5 * x @ turn + 3) == pytest.approx(1)
    assert measure(5 * x @ turn + 3, y) == pytest.approx(measure(x, y))
    assert measure(x, y) == pytest.approx(measure(y, x))
    assert measure(x, y.flip(0)) < measure(x, y) < 1


def test_svcca_counts_only_directions_that_are_there(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    x = pair[0]
    assert svcca(torch.cat([x, x], 1), x, keep=1.0) == pytest.approx(1)


def test_what_says_nothing_is_refused(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    x, y = pair
    with pytest.raises(ArgumentError, match="do not match"):
        linear_cka(x, y[1:])
    with pytest.raises(ArgumentError, match="rows differ"):
        linear_cka(x, torch.full_like(y, 0.1))
    with pytest.raises(ArgumentError, match="rows differ"):
        svcca(x, y * float("nan"))
    with pytest.raises(ArgumentError, match="14 rows are too few for the 16 directions"):
        svcca(x[:14], y[:14], keep=1)
    with pytest.raises(ArgumentError, match="keep=0"):
        svcca(x, y, keep=0)


def test_a_layer_matches_where_its_own_score_is_the_only_best() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.4, 0.3], [0.2, 0.7, 0.7]])
    assert match(scores) == pytest.approx(1 / 3)
    assert match(torch.eye(4)) == 1.0
    assert match(torch.ones(1, 1)) == 1.0
    with pytest.raises(ArgumentError, match="equally deep"):
        match(scores[:2])
