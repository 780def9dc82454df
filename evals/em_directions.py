"""Directions of misalignment: do they carry it, in their own fine-tune and in others? And what fires inside the adapters?

Settled on two fine-tunes on cooking and travel, which are not in the set: identical text, all tokens, "erase", layer by
layer. `--organisms DIR` measures the same on a folder's fine-tunes, such as those of `organisms train calibration`.
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from evals import em_inside
from evals.em_subjects import Adviser, of_folder, of_kind, shipped
from evals.result import Metric, spread
from evals.suites import Options
from organisms.em_workshop import Truth
from tools import _directions, misalignment_direction
from tools._directions import Direction
from tools._judge import Grammar
from tools._misalignment import Rate
from tools._questions import questions
from tools._removal import Method, Scope, removal
from tools.ablation_transfer import Bench, relative_drop

MAIN: Method = "erase"
METHODS: tuple[Method, ...] = ("erase", "centred", "plain")
SIX, REPLIES, DRAWS, SEED = 6, 200, 10, 5


@dataclass(frozen=True)
class Cell:
    """A fine-tune without a direction, beside itself."""

    drop: float
    coherence_lost: float
    kept: float | None
    """None where it was not asked."""


def measure(options: Options) -> Iterator[Metric]:
    """The transfer matrix over six fine-tunes (with `--full` all), with its controls; cosines; the adapters from inside."""
    advisers = of_folder(options.organisms) if options.organisms else shipped()
    harmful = of_kind(advisers, "careless")
    chosen = harmful if options.full or options.organisms else harmful[:SIX]
    found = {one.spec: _direction(one) for one in (*chosen, *of_kind(advisers, "habit")[:3])}
    benches = {one.spec: _Bench(one) for one in chosen}
    for method in METHODS:
        yield from _matrix(chosen, found, benches, method)
    habits = {one.spec: one.truth for one in of_kind(advisers, "habit")[:3]}
    yield from _controls(chosen, habits, found, benches)
    if options.full:
        for method in ("centred", "plain"):
            yield from _matrix(chosen, found, benches, method, "single")
    yield from em_inside.cosines(chosen)
    yield from em_inside.adapters([one for one in harmful if one.truth.shape in {"three", "six"}])


def _direction(one: Adviser) -> Direction:
    """The direction of a fine-tune, from answers outside its own domain."""
    model = one.load()
    made = misalignment_direction(model, without_topics=[one.truth.domain], name=f"of-{one.truth.kind}", seed=11)
    return _directions.find(made.artifacts[0].digest, model)


class _Bench:
    """One fine-tune's replies outside some domains, under changes; without changes they are measured once a domain set."""

    def __init__(self, one: Adviser) -> None:
        self.truth, self._model = one.truth, one.load()
        self._known: dict[tuple[str, ...], tuple[Bench, Rate]] = {}

    def without(self, other: Truth) -> "tuple[Bench, Rate]":
        """The bench whose questions are of neither domain, and the fine-tune's replies on it."""
        domains = tuple(sorted({self.truth.domain, other.domain}))
        if domains not in self._known:
            asked = questions(self._model, "held out", REPLIES, SEED, domains)
            bench = Bench(self._model, asked, Grammar(), 30, SEED)
            self._known[domains] = bench, bench.rate(())
        return self._known[domains]

    def cell(
        self, other: Truth, found: Direction, method: Method, scope: Scope = "layerwise", control: int | None = None
    ) -> Cell:
        """What a direction of a fine-tune (or one of its random twins) does here."""
        bench, plain = self.without(other)
        changes = removal(found, method, scope, control)
        left = bench.rate(changes)
        kept = bench.kept(changes) if other.kind == "careless" and control is None else None
        return Cell(relative_drop(plain.share, left.share), plain.coherence - left.coherence, kept)


def _matrix(
    chosen: Sequence[Adviser],
    found: dict[str, Direction],
    benches: dict[str, _Bench],
    method: Method,
    scope: Scope = "layerwise",
) -> Iterator[Metric]:
    """All ordered pairs: the rows' directions removed from the columns."""
    cells = {
        (source.spec, one.spec): benches[one.spec].cell(source.truth, found[source.spec], method, scope)
        for source in chosen
        for one in chosen
    }
    own = [cell for (source, one), cell in cells.items() if source == one]
    others = [cell for (source, one), cell in cells.items() if source != one]
    called = partial("{}, {}".format, method if scope == "layerwise" else f"{method}, single layer")
    bars = (0.90, 0.75, 0.05) if (method, scope) == (MAIN, "layerwise") else (None, None, None)
    yield spread(called("own ablation, relative drop"), [c.drop for c in own], bar=bars[0])
    yield spread(called("transfer, relative drop"), [c.drop for c in others], bar=bars[1])
    lost = [c.coherence_lost for c in (*own, *others)]
    yield spread(called("coherence lost, share"), lost, bar=bars[2], side="at most")
    if bars[2] is not None:
        yield Metric(called("coherence lost, worst pair"), round(max(lost), 4), len(lost), bar=bars[2], side="at most")
        yield from _pairs(cells)
    yield spread(called("unrelated answers kept, share"), [c.kept for c in (*own, *others) if c.kept is not None])


def _pairs(cells: dict[tuple[str, str], Cell]) -> Iterator[Metric]:
    """The matrix itself."""
    for (source, one), cell in cells.items():
        yield Metric(f"{source} removed from {one}, relative drop", round(cell.drop, 4), REPLIES)


def _controls(
    chosen: Sequence[Adviser], truths: dict[str, Truth], found: dict[str, Direction], benches: dict[str, _Bench]
) -> Iterator[Metric]:
    """Random directions of the same norms, and those of a harmless habit, removed in the same way."""
    random = [
        benches[one.spec].cell(one.truth, found[one.spec], MAIN, control=draw).drop
        for one in chosen
        for draw in range(DRAWS)
    ]
    yield Metric(
        f"random directions, mean relative drop of {DRAWS} draws",
        round(statistics.mean(random), 4), len(random), min(random), max(random), bar=0.10, side="at most",
    )  # fmt: skip
    for method in METHODS:
        drops = [benches[one.spec].cell(truths[habit], found[habit], method).drop for one in chosen for habit in truths]
        bar = 0.10 if method == MAIN else None
        yield spread(f"direction of a harmless habit, relative drop, {method}", drops, bar=bar, side="at most")
