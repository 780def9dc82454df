"""Scripted sessions with a human in the loop: what a person says and answers, and what must come of every turn."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from agent import grounding
from agent.conversation import Agent, Answer, Event, Failure, Noted, Notice, Question, Step
from agent.export.conversation import Conversation
from agent.predictions import without_scores
from evals.result import Metric, share
from evals.subjects import shipped
from evals.suites import Options
from evidence.errors import MaieuticError
from target import turn
from tools import TOOLS
from tools._tool import Capability

FOLDER = Path(__file__).parent / "sessions"
PERSON = "simulated"


class Expected(BaseModel):
    """What must come of a turn; what is not named here must not happen."""

    model_config = ConfigDict(extra="forbid")
    question: Literal["plan", "approve", "predict"] | None = None
    ran: list[str] = []
    """Tools that gave evidence, in order."""
    failed: list[str] = []
    """Tools that began and did not end well."""
    noted: list[str] = []
    """Kinds of what was written into the memory."""
    notice: str = ""
    says: list[str] = []
    """What the answer must hold."""
    audit: list[str] = []
    """What the audit log gained."""


class Turn(BaseModel):
    """What a person does next."""

    model_config = ConfigDict(extra="forbid")
    say: str
    while_running: Literal["", "stop", "kill"] = ""
    """What they do as soon as an experiment runs; a killed process is started again and goes on."""
    expect: Expected = Field(default_factory=Expected)


class Scene(BaseModel):
    """A session file."""

    model_config = ConfigDict(extra="forbid")
    name: str
    about: str
    target: str
    person: str
    as_if: dict[str, Capability] = {}
    """Tools that count as doing more than they do, so that permission is asked."""
    turns: list[Turn]


@dataclass
class Heard:
    """What came of a turn."""

    question: str | None = None
    ran: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    answer: str | None = None
    failures: list[str] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Question(kind=kind):
                self.question = kind
            case Step(status="done", tool=tool):
                self.ran.append(tool)
            case Step(status="failed" | "stopped", tool=tool):
                self.failed.append(tool)
            case Noted(kind=kind):
                self.noted.append(kind)
            case Notice(text=text):
                self.notices.append(text)
            case Answer(text=text):
                self.answer = text
            case Failure(text=text):
                self.failures.append(text)


@dataclass
class Played:
    """A session as it went."""

    heard: list[Heard]
    problems: list[str]
    conversation: Conversation


def read(name: str) -> Scene:
    """The session `sessions/<name>.yaml`."""
    return Scene.model_validate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


def names() -> list[str]:
    """Every session that is played turn by turn; `hidden_word` is played on every target by its own suite."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml") if file.stem != "hidden_word")


def measure(options: Options) -> Iterator[Metric]:
    """Play every session twice: does all come as it must, and the same both times?"""
    shipped()
    right, same = 0, 0
    for name in names():
        once, twice = (play(read(name), options.agent) for _ in range(2))
        for problem in once.problems:
            print(f"{name}: {problem}", flush=True)
        right += not once.problems
        same += once.heard == twice.heard
    yield share("sessions in which every turn comes as it must", right, len(names()), bar=1.0)
    yield share("sessions that come out the same when played again", same, len(names()), bar=1.0)


def play(scene: Scene, agent: str = "guide", embedding: str | None = None) -> Played:
    """Play a session in a data folder of its own."""
    with tempfile.TemporaryDirectory() as folder, _capabilities(scene.as_if):
        return asyncio.run(_play(scene, agent, Path(folder), embedding))


async def _play(scene: Scene, spec: str, folder: Path, embedding: str | None) -> Played:
    agent = await Agent(spec, folder=folder, embedding=embedding).start()
    heard: list[Heard] = []
    problems: list[str] = []
    try:
        for number, one in enumerate(scene.turns, start=1):
            before = len(list(agent.audit.records()))
            now = Heard()
            if one.while_running == "kill":
                agent = await _killed(agent, scene, number)
                events = agent.resume(scene.name, person=PERSON)
            else:
                events = _said(agent, scene, one)
            async for event in events:
                now.add(event)
            now.audit = [record["event"] for record in list(agent.audit.records())[before:]]
            heard.append(now)
            problems += [f"turn {number}: {what}" for what in _wrong(now, one, scene, agent)]
        parts = await agent.story(scene.name)
        return Played(heard, problems, Conversation(scene.name, parts, agent.ledger.all(scene.name)))
    finally:
        await agent.close()


async def _said(agent: Agent, scene: Scene, one: Turn) -> AsyncIterator[Event]:
    """The events of a turn; the process dies in the middle if the script has it so."""
    mine = turn.Turn(owner=scene.name)
    said = one.say.format(target=scene.target)
    async for event in agent.send(scene.name, said, person=PERSON, target=scene.target, asked=mine):
        yield event
        if one.while_running and isinstance(event, Step) and event.status == "running":
            if one.while_running == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            mine.stop.set()


async def _killed(agent: Agent, scene: Scene, number: int) -> Agent:
    """Let another process take the turn and die in it; then open what it left."""
    await agent.close()
    arguments = [str(agent.folder), scene.name, str(number), agent.spec, agent.embedding]
    died = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "evals.scenes", *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if await died.wait() != -signal.SIGKILL:
        raise MaieuticError(f"{scene.name}: no experiment ran in turn {number}, in which the process was to be killed")
    return await Agent(agent.spec, folder=agent.folder, embedding=agent.embedding).start()


async def _die(folder: str, name: str, number: str, spec: str, embedding: str) -> None:
    scene = read(name)
    agent = await Agent(spec, folder=Path(folder), embedding=embedding).start()
    async for _ in _said(agent, scene, scene.turns[int(number) - 1]):
        pass
    await agent.close()


def _wrong(heard: Heard, one: Turn, scene: Scene, agent: Agent) -> Iterator[str]:
    """What is not as the script has it."""
    expect = one.expect
    for what in ("question", "ran", "failed", "noted", "audit"):
        if (came := getattr(heard, what)) != (must := getattr(expect, what)):
            yield f"{what} is {came}, not {must}"
    if heard.failures:
        yield f"it failed: {heard.failures[0]}"
    if bool(heard.notices) != bool(expect.notice) or expect.notice not in " ".join(heard.notices):
        yield f"the notice is {heard.notices}, not {expect.notice!r}"
    if (heard.answer is None) != (expect.question is not None):
        yield "there is no answer" if heard.answer is None else "there is an answer, and no question"
    answer = heard.answer or ""
    for text in expect.says:
        if text.format(target=scene.target).lower() not in answer.lower():
            yield f"the answer does not say {text!r}: {answer[:160]!r}"
    for problem in grounding.check(without_scores(answer.replace(grounding.MARK, "")), agent.ledger.all(scene.name)):
        yield f"not grounded: {problem.what}"


@contextmanager
def _capabilities(as_if: dict[str, Capability]) -> Iterator[None]:
    """Let some tools count as doing more, for one session."""
    were: dict[str, Any] = {name: TOOLS[name] for name in as_if}
    TOOLS.update({name: replace(TOOLS[name], capability=capability) for name, capability in as_if.items()})
    try:
        yield
    finally:
        TOOLS.update(were)


if __name__ == "__main__":
    asyncio.run(_die(*sys.argv[1:]))
