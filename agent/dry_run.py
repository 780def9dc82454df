"""What the guide would do about a message, without doing it: for a person who wants to see a plan, and for evals."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.embedding import best_available
from agent.message import fitting
from agent.models.decisions import Decision, decide
from agent.models.plans import Past
from agent.products import made
from agent.situation import Situation
from agent.understanding.router import router
from evidence.errors import ArgumentError, MaieuticError, TargetError
from target.spec import parse, public_names
from tools import TOOLS

SPOKEN = {
    "investigate": "tools",
    "safe": "tools",
    "compare": "followup",
    "again": "followup",
    "belief": "memory",
    "preference": "memory",
    "forget": "memory",
    "measured": "memory",
    "board": "memory",
    "note": "export",
    "withdraw": "stop",
}
"""Intents of the router under the names that others are given; those that are not here keep theirs."""
SHOWN = 200
"""Characters of a refused line that are shown."""


class Planned(BaseModel):
    """A tool call as it is written down."""

    model_config = ConfigDict(extra="forbid")
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Message(BaseModel):
    """What a person says, after what was said before."""

    model_config = ConfigDict(extra="ignore")
    say: str
    history: list["str | Earlier"] = Field(default_factory=list)


class Earlier(BaseModel):
    """An earlier turn, with the calls it led to where they are known; else they are planned again."""

    model_config = ConfigDict(extra="ignore")
    say: str = ""
    role: str = "user"
    content: str = ""
    calls: list[Planned] | None = None


@dataclass(frozen=True)
class Plan:
    """What would be done about a message."""

    say: str
    decision: Decision
    target: str

    @property
    def intent(self) -> str:
        return "tools" if self.decision.intent in TOOLS else SPOKEN.get(self.decision.intent, self.decision.intent)

    @property
    def calls(self) -> list[Planned]:
        """The calls in the order in which they would run."""
        return [Planned(tool=call.tool, arguments=call.arguments) for call in self.decision.calls]

    def as_record(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "say": self.say,
            "intent": self.intent,
            "calls": [call.model_dump() for call in self.calls],
            "ask": self.decision.ask,
            "cannot": self.decision.cannot,
        }


class DryRun:
    """A conversation of which nothing is run; every planned call is taken to have worked."""

    def __init__(self, target: str, *, embedding: str | None = None) -> None:
        """Start a conversation about a target.

        Raises:
            TargetError: the target cannot be named so.
        """
        self._embedding = embedding or best_available()
        self._target = target
        parse(target)
        self._past = Past({}, [])

    @property
    def target(self) -> str:
        """The target the conversation is about now."""
        return self._target

    def say(self, text: str) -> Plan:
        """Plan one turn, and take its calls for done."""
        plan, before = self.plan(text), self._target
        self.took_place(plan.calls)
        try:
            self._base()
        except TargetError:  # the plan names a folder that is not here: running it would say so, and leave the target
            self._target = before
        self.asked(plan)
        return plan

    def plan(self, text: str) -> Plan:
        """Plan one turn."""
        base = self._base()
        situation = Situation(
            thread="", target=self._target, base=base, targets=public_names(), evidence=list(self._past.measured)
        )
        read = router(self._embedding).route
        decision = decide(text, self._past, situation, lambda said: read(said, public_names()))
        return Plan(text, decision, self._target)

    def _base(self) -> str:
        """The base of the target, which an adapter that was only planned has from its plan."""
        planned = next((one for one in self._past.calls if made(one) == ("adapter", self._target)), None)
        return parse(str(planned["args"]["target"]) if planned else self._target).base_name

    def asked(self, plan: Plan) -> None:
        """Remember what the guide's question was about."""
        self._past = replace(self._past, pending=plan.decision.pending)

    def took_place(self, calls: Iterable[Planned]) -> None:
        """Add the calls of one request to what happened."""
        gave: dict[str, dict[str, Any]] = {}
        for call in calls:
            self._target = str(call.arguments.get("target", self._target))
            gave[f"E{len(self._past.measured) + len(gave) + 1}"] = {"name": call.tool, "args": call.arguments}
        past, asked = self._past, list(gave.values())
        self._past = replace(
            past,
            measured=past.measured | {name: call["name"] for name, call in gave.items()},
            calls=[*past.calls, *asked],
            made_by=past.made_by | gave,
            request=asked or past.request,
            latest=tuple(gave) or past.latest,
        )


def plan(message: Message, target: str, *, embedding: str | None = None) -> Plan:
    """What would be done about a message after its history."""
    conversation = DryRun(target, embedding=embedding)
    for earlier in message.history:
        if isinstance(earlier, Earlier) and earlier.calls is not None:
            conversation.took_place(earlier.calls)
        elif said := _said(earlier):
            conversation.say(said)
    return conversation.say(message.say)


def _said(earlier: str | Earlier) -> str:
    """What a person said in an earlier turn, if anything."""
    if isinstance(earlier, str):
        return earlier
    return (earlier.say or earlier.content) if earlier.role in {"user", "person"} else ""


@dataclass(frozen=True)
class Refused:
    """A line of a file that is no message, or one that cannot be planned."""

    say: str
    error: str

    def as_record(self) -> dict[str, Any]:
        """What was refused and why, as plain data."""
        return {"say": self.say, "error": self.error}


def plans(file: Path, target: str, *, embedding: str | None = None) -> Iterator[Plan | Refused]:
    """What would be done about each message of a file: JSON lines `{"say": ..., "history": [...]}`, or plain lines.

    Raises:
        ArgumentError: the file cannot be read.
        TargetError: the target cannot be named so.
    """
    parse(target)
    try:
        lines = file.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")  # no other line end: it may be in a text
    except OSError as error:
        raise ArgumentError(f"{file} cannot be read: give a text file with one message a line") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield plan(_message(line), target, embedding=embedding)
            except MaieuticError as error:
                yield Refused(_shown(line), f"{file}, line {number}: {error}")


def _message(line: bytes) -> Message:
    try:
        text = line.decode().strip()
        found = Message.model_validate_json(text) if text.startswith("{") else Message(say=text)
    except UnicodeDecodeError as error:
        raise ArgumentError("this is not UTF-8: save the file as UTF-8") from error
    except ValidationError as error:
        raise ArgumentError('this is not {"say": "...", "history": [...]}: mend the line') from error
    for said in (found.say, *filter(None, map(_said, found.history))):
        fitting(said)
    return found


def _shown(line: bytes) -> str:
    """A line as text, without the end of a long one."""
    text = line.decode("utf-8", "replace").strip()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."
