"""Where does a path turn? Local cosine along the snapshots of a vector, against straight paths with the same noise.

cos(t) = cos(B[t-k] - B[t], B[t+k] - B[t]): -1 on straight motion, -cos(angle) at a turn (arXiv 2506.11613). A fixed
threshold is wrong, for noise lifts the whole curve: a turn counts when its peak stands out from the path's own median
further than in straight paths of as many steps with the same drift and noise.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools._statistics import ALPHA

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WINDOWS = (5, 10, 15)
STRAIGHT_PATHS = 499
LEAST = 0.05
"""The least prominence that counts as a turn: that of 18 degrees without noise."""
STILL = 0.002
"""A window whose largest step is shorter, as a share of the path's longest, is noise and skipped."""
_MOST_DIMENSIONS = 512
_FAR = 6
"""Steps this far apart share little noise: from them its dimension is read."""


@dataclass(frozen=True)
class Turn:
    """The sharpest place of a path."""

    at: int
    """Index of the snapshot at the peak."""
    first: int
    last: int
    """Between them the curve is above half of the peak's prominence."""
    window: int
    middle: float
    """Median of the local cosine."""
    prominence: float
    """Peak minus median."""
    p: float
    """Share of straight noisy paths whose sharpest place stands out as far, by rank."""
    straight: float
    """The largest prominence of a straight path."""

    @property
    def angle(self) -> float:
        """How far it turns, in degrees, taking the median for straight: noise makes it too small."""
        import math

        return math.degrees(math.acos(max(-1.0, min(1.0, 1.0 - self.prominence))))


def is_turn(turn: Turn) -> bool:
    """Whether it is sharper than straight paths are, and sharp enough to matter."""
    return turn.p < ALPHA and turn.prominence >= LEAST


def local_cosine(path: "Tensor", window: int) -> "Tensor":
    """Local cosine at every snapshot of a path (snapshot, d); nan where the window does not fit or nothing moves."""
    import torch

    found = torch.full((len(path),), float("nan"), dtype=path.dtype)
    if len(path) <= 2 * window:
        return found
    here = path[window:-window]
    before, after = path[: -2 * window] - here, path[2 * window :] - here
    steps = path.diff(dim=0).norm(dim=1)
    moves = steps.unfold(0, 2 * window, 1).max(1).values > STILL * steps.max()
    cosines = torch.nn.functional.cosine_similarity(before, after, 1)
    found[window:-window] = torch.where(moves, cosines, float("nan"))
    return found


def windows_for(snapshots: int) -> tuple[int, ...]:
    """The windows that leave at least five places to look at."""
    return tuple(k for k in WINDOWS if snapshots - 2 * k >= 5) or ((2,) if snapshots >= 9 else ())


def sharpest(path: "Tensor", *, seed: int = 0) -> Turn | None:
    """The sharpest place of a path (snapshot, d) and how it compares with straight ones; None when it is too short.

    Each window has its own straight paths; the window with the least p is reported, corrected for how many there were.
    """
    windows = windows_for(len(path))
    if not windows:
        return None
    found = [_seen_through(path.double(), window, seed) for window in windows]
    best = min(found, key=lambda one: (one.p, -one.prominence))
    return replace(best, p=min(1.0, best.p * len(windows)))


def _seen_through(path: "Tensor", window: int, seed: int) -> Turn:
    """The highest place of the local cosine at one window, against straight paths with the same gait."""
    import torch

    curve = local_cosine(path, window)
    at, middle, prominence = _peak(curve)
    generator = torch.Generator().manual_seed(seed + window)
    gait = _gait(path)
    paths = (_straight(gait, generator) for _ in range(STRAIGHT_PATHS))
    straight = [_peak(local_cosine(one, window))[2] for one in paths]
    p = (1 + sum(one >= prominence for one in straight)) / (1 + len(straight))
    high = (torch.nan_to_num(curve, nan=-2.0) >= middle + prominence / 2).tolist()
    first = last = at
    while first > 0 and high[first - 1]:
        first -= 1
    while last < len(high) - 1 and high[last + 1]:
        last += 1
    return Turn(at, first, last, window, middle, prominence, p, max(straight))


def _peak(curve: "Tensor") -> tuple[int, float, float]:
    """Where a curve is highest, its median, and how far the one is above the other."""
    import torch

    known = curve[~torch.isnan(curve)]
    if len(known) == 0:
        return 0, -1.0, 0.0
    filled = torch.nan_to_num(curve, nan=-2.0)
    at, middle = int(filled.argmax()), float(known.median())
    return at, middle, float(filled[at]) - middle


@dataclass(frozen=True)
class _Gait:
    """How a path goes."""

    lengths: "Tensor"
    """Of each step."""
    drift: float
    """Share of a step's square that is drift; the rest is noise."""
    carried: float
    """How much of the noise is that of the step before."""
    dimensions: int
    """In how many dimensions the noise lives."""


def _gait(path: "Tensor") -> _Gait:
    """Of the steps of a path (snapshot, d): with AR(1) noise, steps at lag l have the cosine q + (1 - q) phi^l on average.

    An optimizer's momentum carries noise on, and a path of such noise wanders without ever turning. Medians over the
    path, so that one turn does not count as noise. Steps far apart have cosines that vary by 1/sqrt(d) for noise in d
    dimensions: gradient noise lives in far fewer than there are weights.
    """
    import torch

    steps = path.diff(dim=0)
    lengths = steps.norm(dim=1)
    unit = steps / lengths.clamp(min=1e-12)[:, None]
    lags = range(1, max(2, len(steps) // 3) + 1)
    seen = torch.tensor([float((unit[lag:] * unit[:-lag]).sum(1).median()) for lag in lags])
    drift, carried = _fitted(seen)
    apart = (unit @ unit.T)[torch.triu(torch.ones(len(unit), len(unit)), _FAR) > 0]
    dimensions = int(min(max(1 / max(float(apart.var()), 1e-6), 2.0), path.shape[1], _MOST_DIMENSIONS))
    return _Gait(lengths, drift, carried, dimensions)


def _fitted(seen: "Tensor") -> tuple[float, float]:
    """Q and phi of q + (1 - q) phi^l from the cosines of steps at lags 1, 2, ...: least squares, q in closed form."""
    import torch

    lags = torch.arange(1, len(seen) + 1)
    best = (float("inf"), 0.0, 0.0)
    for phi in torch.linspace(0, 0.98, 99).tolist():
        decay = phi**lags
        weight = ((1 - decay) ** 2).sum()
        drift = min(max(float(((seen - decay) * (1 - decay)).sum() / weight), 0.0), 1.0)
        error = float(((drift + (1 - drift) * decay - seen) ** 2).sum())
        best = min(best, (error, drift, phi))
    return best[1], best[2]


def _straight(gait: _Gait, generator: "torch.Generator") -> "Tensor":
    """A straight path (snapshot, 1 + dimensions) with that gait."""
    import torch

    fresh = torch.randn(len(gait.lengths), gait.dimensions, generator=generator, dtype=gait.lengths.dtype)
    fresh = torch.nn.functional.pad(fresh / gait.dimensions**0.5, (1, 0))
    noise = [fresh[0]]
    for one in fresh[1:]:
        noise.append(gait.carried * noise[-1] + (1 - gait.carried**2) ** 0.5 * one)
    drift = torch.zeros_like(fresh[0])
    drift[0] = 1.0
    walk = gait.lengths[:, None] * (gait.drift**0.5 * drift + (1 - gait.drift) ** 0.5 * torch.stack(noise))
    return torch.cat([torch.zeros_like(walk[:1]), walk.cumsum(0)])
