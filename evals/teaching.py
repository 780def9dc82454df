"""Does somebody predict a target better after a conversation? Simulated pupils, against no teaching, a script, and another target's evidence."""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from agent.conversation import Agent, Answer, Aside, Question, Step
from agent.learner.gain import shown_in
from evals.pupils import LEVELS, UNDERSTANDS, Pupil
from evals.remembered import remembered
from evals.result import Metric, bootstrapped
from evals.side_by_side import each
from evals.suites import Options
from evals.understanding import rows
from evidence import Quiz
from target import load
from target.spec import public_entries
from tools import prediction_quiz
from tools.prediction_quiz import PROMPTS, plain

SIZE, MORE, TURNS, ITEMS = 20, 40, 8, 8
TOOLS_ASKED = ("ask", "logit_lens", "sae_features", "patchscope", "compare_targets", "elicit_secret")
WORDINGS, CONCEPTS = "routing_newcomers", "learners_test"
SCRIPT = (
    'ask it "give me a hint."',
    "what is a logit lens?",
    'show the logit lens on "give me a hint."',
    "what is a sparse autoencoder?",
    'which sparse features are active on "give me a hint."?',
    'compare it with its base on "give me a hint." and "what is a fox?"',
    'ask it "any clue for me?"',
    "what word is it hiding?",
)
"""The same messages for everybody."""
ARMS = {
    "assistant": "the assistant",
    "without": "the assistant without the learner model",
    "script": "a fixed script",
    "none": "no teaching",
    "yoked": "yoked: the same turns, evidence about another target",
}
BARS = {"assistant": 0.15, "yoked": 0.05}


@dataclass
class Talk:
    """A conversation as a pupil had it."""

    said: list[str] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Case:
    """One pupil: the target they are to predict, another one, and what seeds them."""

    number: int
    target: str
    other: str

    def pupil(self) -> Pupil:
        """The same pupil anew: nothing carries over from one arm to the next."""
        draw = Random(self.number)
        names = sorted({one[1:] for one in _asks() if one[0] == "?"})
        understands = {name for name in names if draw.random() < UNDERSTANDS}
        return Pupil(draw, draw.choice(LEVELS), _asks(), understands)


def measure(options: Options) -> Iterator[Metric]:
    """Each pupil is quizzed before and after, in every arm; the gain of an arm is the mean over pupils, its interval a bootstrap over them."""
    cases = _cases(MORE if options.full else SIZE)
    told = [one for part in each(_some, [cases[::2], cases[1::2]]) for one in part]
    befores, gains = [one.before for one in told], {arm: [one.gains[arm] for one in told] for arm in ARMS}
    yield Metric("right before", round(statistics.mean(befores), 4), len(befores))
    for arm, shown in ARMS.items():
        low, high = bootstrapped(gains[arm])
        value, n = round(statistics.mean(gains[arm]), 4), len(gains[arm])
        yield Metric(f"gain, {shown}", value, n, low, high, BARS.get(arm), "at most" if arm == "yoked" else "at least")
        if arm == "assistant":
            yield Metric("lower end of the assistant's gain", low, len(gains[arm]), bar=0.0001)
    shares = [a - b for a, b in zip(gains["assistant"], gains["without"], strict=True)]
    yield Metric(
        "the learner model's part of the gain", round(statistics.mean(shares), 4), len(shares), *bootstrapped(shares)
    )


class Told(NamedTuple):
    """What one pupil had right before, and how much more after each arm."""

    before: float
    gains: dict[str, float]


def _some(cases: Sequence[Case]) -> list[Told]:
    with remembered():
        return asyncio.run(_all(cases))


async def _all(cases: Sequence[Case]) -> list[Told]:
    told = []
    with tempfile.TemporaryDirectory() as folder:
        full = await Agent(folder=Path(folder) / "full", embedding="minilm").start()
        bare = await Agent(folder=Path(folder) / "bare", embedding="minilm", remembers=False).start()
        try:
            for case in cases:
                quiz = _quiz(case, set())
                before = _right(case.pupil(), quiz)
                told.append(Told(before, {arm: after - before async for arm, after in _arms(case, quiz, full, bare)}))
        finally:
            await full.close()
            await bare.close()
    return told


async def _arms(case: Case, before: Quiz, full: Agent, bare: Agent) -> AsyncIterator[tuple[str, float]]:
    """The share that is right after each arm."""
    talks: dict[str, Talk] = {}
    for arm, agent, target, script in (
        ("assistant", full, case.target, None),
        ("without", bare, case.target, None),
        ("script", bare, case.target, SCRIPT),
        ("yoked", full, case.other, ()),
        ("none", None, case.target, None),
    ):
        pupil = case.pupil()
        _right(pupil, before)  # they are asked before in every arm
        said = talks["assistant"].said if arm == "yoked" else script
        talk = talks[arm] = await _talk(agent, pupil, f"{arm}-{case.number}", target, said) if agent else Talk()
        shown = talk.shown | {item.prompt for item in before.items}
        after = _quiz(case, shown)
        assert not {plain(item.prompt) for item in after.items} & {plain(one) for one in shown}, "a shown item is asked"
        yield arm, _right(pupil, after)


async def _talk(agent: Agent, pupil: Pupil, thread: str, target: str, script: Sequence[str] | None) -> Talk:
    """The messages of one conversation; the pupil's own, or given ones."""
    talk, aside, pending = Talk(), "", None
    for turn in range(TURNS):
        said = script[turn] if script is not None else pupil.says(aside, pending)
        talk.said.append(said)
        answer, aside, ran = await _turn(agent, thread, said, target)
        pupil.read(target, answer, ran)
        pending = (await agent.graph.aget_state({"configurable": {"thread_id": thread}})).values.get("check")
    talk.shown = shown_in(list(agent.ledger.all(thread).values()))
    return talk


async def _turn(agent: Agent, thread: str, said: str, target: str) -> tuple[str, str, list[str]]:
    """The answer, what was added, and which tools ran; a question of the loop is passed, a plan accepted."""
    answer, aside, ran, say = "", "", [], said
    while say:
        say_next = ""
        async for event in agent.send(thread, say, person=thread, target=target):
            match event:
                case Answer():
                    answer = event.text
                case Aside():
                    aside = event.text
                case Step(status="done"):
                    ran.append(event.tool)
                case Question():
                    say_next = "skip" if event.kind == "predict" else "yes"
        say = say_next
    return answer, aside, ran


def _quiz(case: Case, shown: set[str]) -> Quiz:
    without = [prompt for prompt in PROMPTS if plain(prompt) in {plain(one) for one in shown}]
    return prediction_quiz(load(case.target), questions=ITEMS, seed=case.number, without=without)


def _right(pupil: Pupil, quiz: Quiz) -> float:
    return sum(pupil.choose(item) == item.right for item in quiz.items) / len(quiz.items)


def _cases(size: int) -> list[Case]:
    """Targets drawn from the catalogue without a look at what they hide."""
    names = sorted(one.name for one in public_entries() if one.name.startswith("taboo"))
    Random(0).shuffle(names)
    return [Case(n, names[n % len(names)], names[(n + 1) % len(names)]) for n in range(size)]


def _asks() -> dict[str, list[str]]:
    """What pupils say, by other hands: requests for experiments, and questions on what those show."""
    found: dict[str, list[str]] = {}
    for row in rows(WORDINGS):
        calls = row["calls"]
        if (
            len(calls) == 1
            and not row["history"]
            and calls[0]["tool"] in TOOLS_ASKED
            and not {"target", "other"} & set(calls[0]["arguments"])
        ):
            found.setdefault(calls[0]["tool"], []).append(row["say"])
    for row in rows(CONCEPTS):
        if (
            row["kind"] == "asks"
            and row["concept"] in ("logit_lens", "sparse_autoencoder", "elicitation", "patchscope")
            and not row.get("after")
        ):
            found.setdefault("?" + row["concept"], []).append(row["say"])
    return found
