"""How long the guide takes to choose the next action, over the development set of utterances."""

import statistics
import time
from collections.abc import Iterator

from agent import dry_run
from agent.understanding.router import router
from evals.result import Metric
from evals.understanding import START, nobodys_home, rows

BAR_MS = 100.0
TURNS = 200
"""Messages that are timed."""


def run() -> Iterator[Metric]:
    """Milliseconds a message; loading the encoder and the classifier is not in it."""
    with nobodys_home():
        for embedding in ("minilm", "lexical"):
            started = time.perf_counter()
            router(embedding)
            yield Metric(f"{embedding}: seconds to load", round(time.perf_counter() - started, 2))
            seconds = [_timed(said, embedding) for said in _messages()]
            bar = BAR_MS if embedding == "minilm" else None
            yield Metric(
                f"{embedding}: median ms to choose",
                1e3 * statistics.median(seconds),
                len(seconds),
                bar=bar,
                side="at most",
            )
            slowest = sorted(seconds)[int(0.95 * len(seconds))]
            yield Metric(f"{embedding}: 95th percentile, ms", 1e3 * slowest, len(seconds))


def _messages() -> list[str]:
    return [row["say"] for name in ("routing_dev", "routing_dev_more") for row in rows(name)][:TURNS]


def _timed(said: str, embedding: str) -> float:
    conversation = dry_run.DryRun(START, embedding=embedding)
    started = time.perf_counter()
    conversation.plan(said)
    return time.perf_counter() - started
