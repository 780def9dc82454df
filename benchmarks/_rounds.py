"""Variants timed in turn in one process: other work on the machine then meets all of them alike.

What is quoted is the median over rounds of the ratio within a round; single times depend on the load.
"""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Literal

from evals.result import Metric

Seconds = dict[str, list[float]]
"""For each variant its time in every round."""


def in_turn(
    actions: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> Seconds:
    """Run every variant once unmeasured, then all of them in each round, every other round in reverse.

    `time.process_time` as the clock tells what each costs on a machine that others use too; with one thread only.
    """
    for action in actions.values():
        action()
    seconds: Seconds = {name: [] for name in actions}
    for number in range(rounds):
        for name in list(actions)[:: 1 if number % 2 == 0 else -1]:
            started = clock()
            actions[name]()
            seconds[name].append(clock() - started)
    return seconds


def ratio(
    name: str,
    seconds: Seconds,
    variant: str,
    *floor: str,
    bar: float | None = None,
    side: Literal["at least", "at most"] = "at most",
) -> Metric:
    """The median over rounds of a variant by the sum of its floor, with the lowest and highest round."""
    found = [own / sum(parts) for own, *parts in zip(seconds[variant], *(seconds[f] for f in floor), strict=True)]
    return Metric(name, round(statistics.median(found), 3), len(found), min(found), max(found), bar, side)


def median(name: str, seconds: Seconds, variant: str) -> Metric:
    """A variant's own median time."""
    return Metric(f"seconds, {name}", round(statistics.median(seconds[variant]), 2), len(seconds[variant]))


def load() -> Metric:
    """How many processes want to run as the measurement begins: above the number of cores, times are rough."""
    return Metric("load average at the start", round(os.getloadavg()[0], 2))
