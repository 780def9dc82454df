"""Is the learner model right about learners whose states are known?"""

import asyncio
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from agent.conversation import Agent
from agent.learner.person import Person
from evals.learners import TURNS, Learner, cohort
from evals.result import Metric
from evals.suites import Options
from evals.understanding import rows

SIZE, DRAWS = 105, 1000
FIRST, MORE = 0, (1, 2)
"""The cohort of every run, and those of `--full`."""
WORDINGS = "learners_test"
UNDERSTOOD = 0.5
"""Mastery from which a concept is taken to be understood."""


@dataclass(frozen=True)
class Judged:
    """One concept of one learner: what is so, and what each way of judging says (0 to 1)."""

    learner: int
    archetype: str
    known: bool
    model: float
    prior: float
    fraction: float
    level: float


def measure(options: Options) -> Iterator[Metric]:
    """A cohort talks with the guide for twelve turns each; the model is held against what is so, and against simpler ways of judging.

    With `--full` two more cohorts, and the median over the three.
    """
    judged, planted = _measured(FIRST)
    yield from _told(judged, planted)
    if options.full:
        all_ = [judged, *(_measured(seed)[0] for seed in MORE)]
        for shown, score in (("AUROC", _auroc), ("Brier", _brier)):
            found = sorted(score(one, "model") for one in all_)
            yield Metric(f"{shown}, the model, median of three cohorts", round(found[1], 4), 3, found[0], found[2])


def _measured(seed: int) -> tuple[list[Judged], list[list[bool]]]:
    return asyncio.run(_talked(cohort(SIZE, list(rows(WORDINGS)), seed)))


def _told(judged: Sequence[Judged], planted: Sequence[Sequence[bool]]) -> Iterator[Metric]:
    for name, bars in (("model", True), ("prior", False), ("fraction", False), ("level", False)):
        yield from _scores(judged, name, bars=bars)
    right = [sum(one) for one in planted]
    yield Metric(
        "planted states right of 6, median", statistics.median(right), len(right), min(right), max(right), bar=5
    )
    yield Metric("planted concepts that came up, of 6, mean", round(len(judged) / len(planted), 2), len(planted))
    for archetype in sorted({one.archetype for one in judged}):
        mine = [one for one in judged if one.archetype == archetype]
        yield Metric(f"Brier, {archetype}", round(_brier(mine, "model"), 4), len(mine))


async def _talked(learners: Sequence[Learner]) -> tuple[list[Judged], list[list[bool]]]:
    judged: list[Judged] = []
    planted: list[list[bool]] = []
    with tempfile.TemporaryDirectory() as folder:
        agent = await Agent(folder=Path(folder), embedding="minilm").start()
        try:
            for number, learner in enumerate(learners):
                await _talk(agent, learner, f"learner-{number}")
                mine, right = _judge(agent, learner, number)
                judged += mine
                planted.append(right)
        finally:
            await agent.close()
    return judged, planted


async def _talk(agent: Agent, learner: Learner, name: str) -> None:
    for _ in range(TURNS):
        state = await agent.graph.aget_state({"configurable": {"thread_id": name}})
        said = learner.next(state.values.get("check"))
        async for _event in agent.send(name, said, person=name, target="base@1"):
            pass
        learner.was_explained()


def _judge(agent: Agent, learner: Learner, number: int) -> tuple[list[Judged], list[bool]]:
    assert agent.people
    person = agent.people.person(f"learner-{number}")
    signs = [sign for one in person.masteries.values() for sign in one.signs]
    claims = [sign.grade == "right" for sign in signs if sign.sign == "says"]
    level = statistics.mean(claims) if claims else 0.5
    found, right = [], []
    for name, known in learner.truth.items():
        one = person.masteries[name]
        right.append((one.known >= UNDERSTOOD) == known)
        if one.touched:
            fraction = statistics.mean(sign.grade == "right" for sign in one.signs)
            prior = Person().masteries[name].known
            found.append(Judged(number, learner.archetype.name, known, one.known, prior, fraction, level))
    return found, right


def _scores(judged: Sequence[Judged], name: str, *, bars: bool) -> Iterator[Metric]:
    shown = {"model": "the model", "prior": "prior only", "fraction": "fraction right", "level": "level switch"}[name]
    by_learner: dict[int, list[Judged]] = {}
    for one in judged:
        by_learner.setdefault(one.learner, []).append(one)
    draw, groups = Random(0), list(by_learner.values())
    again = [[one for group in draw.choices(groups, k=len(groups)) for one in group] for _ in range(DRAWS)]
    auroc, brier = [_auroc(one, name) for one in again], [_brier(one, name) for one in again]
    ends = (int(0.025 * DRAWS), int(0.975 * DRAWS))
    low, high = (sorted(auroc)[end] for end in ends)
    yield Metric(f"AUROC, {shown}", round(_auroc(judged, name), 4), len(judged), low, high, 0.85 if bars else None)
    low, high = (sorted(brier)[end] for end in ends)
    value = round(_brier(judged, name), 4)
    yield Metric(f"Brier, {shown}", value, len(judged), low, high, 0.18 if bars else None, "at most")


def _auroc(judged: Sequence[Judged], name: str) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score([one.known for one in judged], [getattr(one, name) for one in judged]))


def _brier(judged: Sequence[Judged], name: str) -> float:
    return statistics.mean((getattr(one, name) - one.known) ** 2 for one in judged)
