"""Scripted human-in-the-loop sessions: a YAML file plays the person, the real loop answers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput
from inspect_ai.scorer import Score, Target, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from pydantic import BaseModel, ConfigDict

from agent import grounding
from agent.conversation import Agent, Answer, Failure, Question
from agent.predictions import without_scores
from evals import inspecting
from evals.elicitation import claim
from evals.result import Metric, share
from evals.subjects import Subject, shipped
from evals.suites import Options
from evidence import Ranking

Check = Literal["right_conclusion", "asked_to_predict", "prediction_settled", "grounded"]
BARS: dict[str, float] = {"grounded": 1.0}


class Turn(BaseModel):
    """One thing the person says, and what they answer if they are asked back."""

    model_config = ConfigDict(extra="forbid")
    say: str
    when_asked_to_predict: str = "skip"


class Script(BaseModel):
    """A session file."""

    model_config = ConfigDict(extra="forbid")
    name: str
    about: str
    targets: str
    person: str
    turns: list[Turn]
    score: list[Check]


def read_script(name: str) -> Script:
    """The script `sessions/<name>.yaml`."""
    file = Path(__file__).parent / "sessions" / f"{name}.yaml"
    return Script.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def measure(options: Options, name: str) -> Iterator[Metric]:
    """Play the session on every target it names; one rate a check."""
    script = read_script(name)
    log = inspecting.run(session(script, shipped(), options.agent))
    for check in script.score:
        values = [bool((s.scores or {})["checks"].value[check]) for s in log.samples or []]
        yield share(check, sum(values), len(values), bar=BARS.get(check))


@task
def session(script: Script, subjects: list[Subject], agent: str) -> Task:
    """One sample a target."""
    samples = [
        Sample(id=s.spec, input=script.turns[0].say.format(target=s.spec), target=s.truth.word or "(nothing)")
        for s in subjects
    ]
    return Task(dataset=MemoryDataset(samples), solver=_play(script, agent), scorer=_checks(script), name=script.name)


@solver
def _play(script: Script, spec: str) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        with tempfile.TemporaryDirectory() as folder:
            agent = await Agent(spec, folder=Path(folder)).start()
            try:
                await _converse(agent, script, str(state.sample_id), state)
            finally:
                await agent.close()
        return state

    return solve


async def _converse(agent: Agent, script: Script, target: str, state: TaskState) -> None:
    thread, state.messages = f"session-{target}", []
    state.metadata |= {"asked": False, "problems": [], "answers": []}
    for turn in script.turns:
        said = turn.say.format(target=target)
        while said:
            state.messages.append(ChatMessageUser(content=said))
            said = await _hear(agent, thread, said, turn, target, state)
    ledger = agent.ledger.all(thread)
    found = next((e for e in ledger.values() if isinstance(e, Ranking)), None)
    state.metadata["claimed"] = (claim(found) if found else None) or "(nothing)"
    state.metadata["status"] = found.verdict.status if found and found.verdict else "none"
    state.output = ModelOutput.from_content(agent.spec, str(state.messages[-1].content))


async def _hear(agent: Agent, thread: str, said: str, turn: Turn, target: str, state: TaskState) -> str:
    """Listen to one reply; returns what the person answers if they were asked back."""
    async for event in agent.send(thread, said, person="simulated", target=target):
        match event:
            case Answer(text=words):
                state.messages.append(ChatMessageAssistant(content=words))
                state.metadata["answers"].append(words)
                problems = grounding.check(without_scores(words.replace(grounding.MARK, "")), agent.ledger.all(thread))
                state.metadata["problems"] += [f"{p.what}: {p.sentence}" for p in problems]
                state.metadata["problems"] += [] if grounding.cited(words) else ["nothing is cited"]
            case Failure(text=words):
                state.metadata["problems"].append(words)
            case Question(text=words):
                state.messages.append(ChatMessageAssistant(content=words))
                state.metadata["asked"] = True
                return turn.when_asked_to_predict
    return ""


@scorer(metrics={"*": [mean()]}, name="checks")
def _checks(script: Script) -> Any:
    """The checks the script names, each 0 or 1."""

    async def score(state: TaskState, target: Target) -> Score:
        told = any("You expected" in str(m.content) for m in state.messages if m.role == "assistant")
        decided = {"supported", "not supported"}
        first = str(state.metadata["answers"][0]).lower() if state.metadata["answers"] else ""
        told_word = target.text == "(nothing)" or target.text in first
        right = state.metadata["claimed"] == target.text and state.metadata["status"] in decided
        values: dict[Check, bool] = {
            "right_conclusion": right and told_word,
            "asked_to_predict": bool(state.metadata["asked"]),
            "prediction_settled": told or state.metadata["status"] == "inconclusive",
            "grounded": not state.metadata["problems"],
        }
        chosen: dict[str, Any] = {check: int(values[check]) for check in script.score}
        return Score(value=chosen, answer=state.metadata["claimed"], explanation="; ".join(state.metadata["problems"]))

    return score
