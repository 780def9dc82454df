"""What a measurement is: a number with its interval and its bar, as a table and as JSON."""

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from tools._statistics import wilson

_DRAWS = 2000
HERE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Metric:
    """One measured number."""

    name: str
    value: float
    n: int | None = None
    low: float | None = None
    high: float | None = None
    bar: float | None = None
    side: Literal["at least", "at most"] = "at least"

    @property
    def ok(self) -> bool | None:
        if self.bar is None:
            return None
        return self.value >= self.bar if self.side == "at least" else self.value <= self.bar


def share(
    name: str, hits: int, of: int, *, bar: float | None = None, side: Literal["at least", "at most"] = "at least"
) -> Metric:
    """A proportion with its 95 % Wilson interval."""
    if of == 0:
        raise ValueError(f"{name}: nothing was counted, so nothing was measured")
    low, high = wilson(hits, of)
    return Metric(name, round(hits / of, 4), of, low, high, bar, side)


def spread(
    name: str,
    values: Sequence[float],
    *,
    bar: float | None = None,
    side: Literal["at least", "at most"] = "at least",
) -> Metric:
    """A median with its range."""
    middle = round(statistics.median(values), 4)
    return Metric(f"{name} (median, range)", middle, len(values), min(values), max(values), bar, side)


def bootstrapped(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of a mean, by drawing again."""
    draw = Random(0)
    means = sorted(statistics.mean(draw.choices(values, k=len(values))) for _ in range(_DRAWS))
    return round(means[int(0.025 * _DRAWS)], 4), round(means[int(0.975 * _DRAWS)], 4)


def measure(name: str, run: Callable[[], Iterable[Metric]], json_file: Path | None) -> None:
    """Run a measurement, print its table, write its JSON."""
    started = time.monotonic()
    metrics = list(run())
    seconds = round(time.monotonic() - started, 1)
    _print(name, metrics, seconds)
    if json_file:
        json_file.write_text(json.dumps(as_json(name, metrics, seconds), indent=1) + "\n", encoding="utf-8")


def as_json(name: str, metrics: list[Metric], seconds: float) -> dict[str, Any]:
    """The public form of a result."""
    return {
        "name": name,
        "commit": _commit(),
        "seconds": seconds,
        "results": {m.name: m.value for m in metrics},
        "bars": {m.name: {"bar": m.bar, "ok": m.ok} for m in metrics if m.bar is not None},
    }


def _print(name: str, metrics: list[Metric], seconds: float) -> None:
    table = Table(title=f"{name} ({seconds:.0f} s)")
    for column in ("metric", "value", "95 % interval", "n", "bar", ""):
        table.add_column(column, justify="left" if column == "metric" else "right")
    for m in metrics:
        interval = "" if m.low is None or m.high is None else f"{m.low:.3f} .. {m.high:.3f}"
        bar = "" if m.bar is None else f"{'>=' if m.side == 'at least' else '<='} {m.bar:g}"
        table.add_row(
            m.name, f"{m.value:.4g}", interval, str(m.n or ""), bar, {True: "met", False: "MISSED", None: ""}[m.ok]
        )
    Console(width=140).print(table)


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE, check=False
    )
    return found.stdout.strip() or "unknown"
