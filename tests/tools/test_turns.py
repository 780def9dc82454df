"""Planted turns are found where they are, straight paths have none, and the curve is what its formula says."""

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools._statistics import ALPHA
from tools._turns import LEAST, STILL, WINDOWS, Turn, local_cosine, sharpest, windows_for

SNAPSHOTS, DIMENSIONS, AT = 72, 512, 36


def planted(angle: float, noise: float, seed: int, *, carried: float = 0.0, width: int = DIMENSIONS) -> torch.Tensor:
    """A path of unit steps that turns once by an angle (snapshot, d); noise of that norm on each, AR(1) where carried."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.zeros(SNAPSHOTS - 1, width, dtype=torch.float64)
    steps[:AT, 0] = 1
    steps[AT:, :2] = torch.tensor([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    fresh = torch.randn(SNAPSHOTS - 1, width, generator=generator, dtype=torch.float64) / width**0.5
    noises = [fresh[0]]
    for one in fresh[1:]:
        noises.append(carried * noises[-1] + (1 - carried**2) ** 0.5 * one)
    return walked(steps + noise * torch.stack(noises))


def walked(steps: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.zeros_like(steps[:1]), steps.cumsum(0)])


def turned(found: Turn | None) -> bool:
    """As the tool claims it: beyond straight paths, and large enough to count."""
    assert found is not None
    return found.p < ALPHA and found.prominence >= LEAST


@pytest.mark.parametrize("angle", [30, 60, 90])
@pytest.mark.parametrize(
    "noise", [pytest.param(0.1, marks=pytest.mark.slow), pytest.param(0.33, marks=pytest.mark.slow), 1.0]
)
def test_a_planted_turn_is_found_where_it_is(angle: float, noise: float) -> None:
    path = planted(angle, noise, seed=int(angle + 10 * noise))
    found = sharpest(path)
    assert found is not None and turned(found)
    assert abs(found.at - AT) <= 1 and found.first <= AT <= found.last <= found.first + 2 * found.window
    for window in WINDOWS:
        curve = torch.nan_to_num(local_cosine(path, window), nan=-2)
        assert abs(int(curve.argmax()) - AT) <= 1
        if noise <= 0.33:
            assert float(curve.max()) == pytest.approx(-math.cos(math.radians(angle)), abs=0.1)
    if noise <= 0.33:
        assert found.angle == pytest.approx(angle, abs=5)


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), *range(1, 5)])
def test_a_straight_path_has_no_turn(seed: int) -> None:
    width = DIMENSIONS if seed == 0 else 128  # straight paths as wide take seconds, and short ones less
    path = planted(0, (1.0, 0.33, 0.1)[seed % 3], seed, width=width)
    assert not turned(sharpest(path if seed < 3 else path[:24]))


def test_noise_that_is_carried_on_wanders_and_does_not_turn() -> None:
    assert not turned(sharpest(planted(0, 1.0, seed=1, carried=0.7, width=128)))


def test_a_turn_is_found_in_noise_that_is_carried_on() -> None:
    found = sharpest(planted(90, 0.33, seed=1, carried=0.7, width=128))
    assert found is not None and turned(found) and abs(found.at - AT) <= 1


@pytest.mark.parametrize("snapshots", [1, 2, 8])
def test_a_path_that_is_too_short_gives_nothing(snapshots: int) -> None:
    assert sharpest(planted(90, 0.1, 0)[:snapshots]) is None and windows_for(snapshots) == ()


def test_windows_leave_places_to_look_at() -> None:
    for snapshots in range(9, 80):
        assert windows_for(snapshots), snapshots
        assert all(snapshots - 2 * window >= 5 for window in windows_for(snapshots))
    assert windows_for(9) == windows_for(14) == (2,)
    assert windows_for(15) == (5,) and windows_for(SNAPSHOTS) == WINDOWS


def test_the_shortest_path_with_a_corner() -> None:
    found = sharpest(planted(90, 0.0, 0)[AT - 4 : AT + 5])
    assert found is not None and turned(found) and (found.at, found.first, found.last, found.window) == (4, 4, 4, 2)


def test_the_same_seed_compares_with_the_same_straight_paths() -> None:
    path = planted(30, 1.0, seed=5)[AT - 7 : AT + 8]
    assert sharpest(path, seed=1) == sharpest(path, seed=1)


def test_a_path_that_stands_still_has_no_turn_and_no_curve() -> None:
    path = torch.ones(SNAPSHOTS, 8)
    assert local_cosine(path, 5).isnan().all()
    assert not turned(sharpest(path[:15]))


def test_where_nothing_moves_the_curve_has_a_gap() -> None:
    steps = torch.zeros(40, 4, dtype=torch.float64)
    steps[:10, 0] = steps[30:, 1] = 1.0
    steps[10:30] += STILL / 2 * torch.randn(20, 4, generator=torch.Generator().manual_seed(0)).double().clamp(-0.5, 0.5)
    curve = local_cosine(walked(steps), 5)
    assert curve[15:26].isnan().all() and not curve[5:15].isnan().any() and not curve[26:36].isnan().any()


vectors = st.integers(0, 2**31 - 1).map(lambda seed: torch.Generator().manual_seed(seed))
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@st.composite
def paths(draw: st.DrawFn) -> torch.Tensor:
    """Any path: straight, turning, wandering, of any size (snapshot, d)."""
    generator = draw(vectors)
    snapshots, width = draw(st.integers(3, 40)), draw(st.integers(2, 12))
    drift, noise = draw(st.floats(0, 2)), draw(st.floats(1e-3, 2))
    steps = noise * torch.randn(snapshots - 1, width, generator=generator, dtype=torch.float64)
    steps[: snapshots // 2, 0] += drift
    steps[snapshots // 2 :, 1] += drift
    return walked(steps)


@quick
@given(path=paths(), window=st.integers(1, 8))
def test_a_cosine_is_one_wherever_the_window_fits(path: torch.Tensor, window: int) -> None:
    curve = local_cosine(path, window)
    assert len(curve) == len(path)
    fits = torch.zeros(len(path)).bool()
    fits[window : len(path) - window] = True
    assert torch.equal(~curve.isnan(), fits)  # these steps are too even for one to count as still
    assert curve[fits].abs().max() <= 1 + 1e-9 if fits.any() else curve.isnan().all()


@quick
@given(path=paths(), window=st.integers(1, 8))
def test_it_is_the_formula(path: torch.Tensor, window: int) -> None:
    curve = local_cosine(path, window)
    for t in range(window, len(path) - window):
        before, after = path[t - window] - path[t], path[t + window] - path[t]
        assert float(curve[t]) == pytest.approx(float(before @ after / (before.norm() * after.norm())), abs=1e-9)


@quick
@given(path=paths(), window=st.integers(1, 8), generator=vectors, scale=st.floats(1e-3, 1e3))
def test_it_does_not_depend_on_where_how_turned_and_how_large(
    path: torch.Tensor, window: int, generator: torch.Generator, scale: float
) -> None:
    width = path.shape[1]
    rotation = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64)).Q
    moved = scale * (path @ rotation) + torch.randn(width, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(
        local_cosine(moved, window), local_cosine(path, window), atol=1e-6, rtol=0, equal_nan=True
    )


@quick
@given(path=paths(), window=st.integers(1, 8))
def test_backwards_it_is_the_same_curve(path: torch.Tensor, window: int) -> None:
    back = local_cosine(path.flip(0), window).flip(0)
    torch.testing.assert_close(back, local_cosine(path, window), atol=1e-9, rtol=0, equal_nan=True)
