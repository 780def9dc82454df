"""Eight conversations at once on one hosted base: no error, no crossed answer."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from agent.conversation import Agent, Answer, Failure, Question
from evals.result import Metric, share
from evidence import Evidence
from target.spec import catalogue

USERS = 8


def run() -> Iterator[Metric]:
    """Each user asks about another target; alone first, then all together; the evidence must be the same."""
    yield from asyncio.run(_run())


async def _run() -> list[Metric]:
    targets = [name for name, entry in catalogue().items() if entry.kind == "adapter"][:USERS]
    with tempfile.TemporaryDirectory() as folder:
        agent = await Agent(folder=Path(folder)).start()
        await _ask(agent, "warm", targets[0])
        started = time.monotonic()
        alone = [await _ask(agent, f"alone-{t}", t) for t in targets]
        alone_seconds = time.monotonic() - started
        started = time.monotonic()
        together = await asyncio.gather(*(_ask(agent, f"together-{t}", t) for t in targets))
        together_seconds = time.monotonic() - started
        same = [_numbers(agent, f"alone-{t}") == _numbers(agent, f"together-{t}") for t in targets]
        await agent.close()
    seconds = sorted(s for s, _ in together)
    failures = sum(failed for _, failed in [*alone, *together])
    users = len(targets)
    return [
        share("conversations without an error", 2 * users - failures, 2 * users, bar=1.0),
        share("answers equal to those given alone", sum(same), users, bar=1.0),
        Metric("median seconds to the answer", round(statistics.median(seconds), 2), users),
        Metric(
            "p95 seconds to the answer", round(statistics.quantiles(seconds, n=20, method="inclusive")[-1], 2), users
        ),
        Metric("together / one after the other", round(together_seconds / alone_seconds, 3)),
    ]


async def _ask(agent: Agent, thread: str, target: str) -> tuple[float, bool]:
    """Ask for the hidden word, skipping the prediction; seconds, and whether it failed."""
    started, says, failed, answered = time.monotonic(), f"What word is {target} hiding?", False, False
    while says:
        said, says = says, ""
        async for event in agent.send(thread, said, person=thread, target=target):
            says = "skip" if isinstance(event, Question) else says
            failed = failed or isinstance(event, Failure)
            answered = answered or isinstance(event, Answer)
    return time.monotonic() - started, failed or not answered


def _numbers(agent: Agent, thread: str) -> list[dict[str, object]]:
    return [_without_times(evidence) for evidence in agent.ledger.all(thread).values()]


def _without_times(evidence: Evidence) -> dict[str, object]:
    return evidence.model_dump(mode="json", exclude={"provenance": {"seconds", "peak_megabytes", "made_at"}})
