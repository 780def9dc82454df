"""A conversation as a cassette: messages, tool calls and digests, which anyone may replay and hold against the record."""

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.events import Said
from agent.export.conversation import Conversation
from evidence import Evidence, Provenance, from_json
from evidence.code import exactly, references
from evidence.errors import ArgumentError, NotGranted, ToolError
from tools import _calls
from tools._calls import DEFAULT_GRANT
from tools._tool import Capability

FORMAT = "maieutic-cassette-2"
RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""How far a number may move before it counts as changed: another processor sums in another order."""
_EARLIER = {"maieutic-cassette-1"}
_PASSING = {"seconds", "peak_megabytes", "made_at", "versions"}
"""What of a provenance differs from run to run."""
LIST_ALTERED = (
    "the thread or the list of calls was altered after it was recorded: "
    "calls were taken out, put in, renamed or put in another order"
)


class Recorded(BaseModel):
    """One tool call and what it gave."""

    model_config = ConfigDict(extra="forbid")
    id: str
    evidence: dict[str, Any]
    digest: str
    """sha256 of the evidence, all of it."""


class Spoken(BaseModel):
    """Something that was said."""

    model_config = ConfigDict(extra="forbid")
    who: Literal["person", "assistant"]
    text: str


class Cassette(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["maieutic-cassette-2"]
    thread: str
    messages: list[Spoken]
    messages_digest: str
    calls: list[Recorded]
    calls_digest: str
    """sha256 of the thread and of the calls in order: their ids and digests."""


@dataclass(frozen=True)
class Replayed:
    """What came of one entry; `changes` says in words what is not as it was recorded."""

    id: str
    tool: str
    changes: tuple[str, ...] = ()
    numbers: int = 0
    """How many numbers were held against the record."""


def record(conversation: Conversation) -> str:
    """The cassette as JSON."""
    messages = [Spoken(who=p.who, text=p.text) for p in conversation.parts if isinstance(p, Said)]
    calls = [_recorded(name, found) for name, found in conversation.evidence.items()]
    made = Cassette(
        format="maieutic-cassette-2",
        thread=conversation.thread,
        messages=messages,
        messages_digest=_digest([m.model_dump() for m in messages]),
        calls=calls,
        calls_digest=_calls_digest(conversation.thread, calls),
    )
    return made.model_dump_json(indent=1) + "\n"


def _recorded(name: str, found: Evidence) -> Recorded:
    data = found.model_dump(mode="json")
    return Recorded(id=name, evidence=data, digest=_digest(data))


def load(text: str) -> Cassette:
    """A cassette from its JSON.

    Raises:
        ArgumentError: it is none.
    """
    try:
        return Cassette.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("format",) and first.get("input") in _EARLIER:
            raise ArgumentError(
                f"this cassette is of the format {first['input']!r}, which is not read any more: write it again "
                "with `python -m agent export THREAD --as cassette`"
            ) from error
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ArgumentError(
            f"this is no cassette of the format {FORMAT!r} ({where}: {first['msg'].lower()}): "
            "write one with `python -m agent export THREAD --as cassette`"
        ) from error


def replay(recorded: Cassette, *, granted: Collection[Capability] = DEFAULT_GRANT) -> Iterator[Replayed]:
    """Run every call again, offline, and report what is not as it was recorded: one result a call, as it ends."""
    if _digest([m.model_dump() for m in recorded.messages]) != recorded.messages_digest:
        yield Replayed("messages", "", ("the messages were altered after they were recorded",))
    if _calls_digest(recorded.thread, recorded.calls) != recorded.calls_digest:
        yield Replayed("calls", "", (LIST_ALTERED,))
    made: dict[str, str] = {}
    for call in recorded.calls:
        yield _one(call, made, granted)


def _one(call: Recorded, made: dict[str, str], granted: Collection[Capability]) -> Replayed:
    try:
        before = from_json(json.dumps(call.evidence))
    except (ValueError, KeyError) as error:
        return Replayed(call.id, "?", (f"this is no evidence: {' '.join(str(error).split())[:120]}",))
    tool = before.provenance.tool if before.provenance else "?"
    altered = [] if _digest(call.evidence) == call.digest else ["the record was altered after it was written"]
    try:
        after = again(before, made, granted)
    except NotGranted as error:
        return Replayed(call.id, tool, (*altered, f"not run: {error}"))
    except ToolError as error:
        return Replayed(call.id, tool, (*altered, f"it cannot be run again: {error}"))
    found = changes(before, after, made)
    made |= dict(zip(references(before), references(after), strict=False))
    return Replayed(call.id, tool, (*altered, *found), sum(1 for _ in _leaves(_lasting(before))))


def again(evidence: Evidence, made: Mapping[str, str], granted: Collection[Capability] = DEFAULT_GRANT) -> Evidence:
    """Repeat a measurement; `made` says by what an artefact of the record is called in this replay, if it made it.

    Raises:
        ToolError: the tool cannot do it here and now.
    """
    p = evidence.provenance
    if p is None:
        raise ToolError("it was not made by a tool, so that there is nothing to run")
    return _calls.run(p.tool, _exact(p, made), current=p.target, granted=granted)


def _exact(p: Provenance, made: Mapping[str, str]) -> dict[str, Any]:
    """The arguments, with artefacts by digest."""
    named = _calls.find(p.tool).references
    return {name: exactly(value, p.used, made) if name in named else value for name, value in p.arguments.items()}


def changes(before: Evidence, after: Evidence, made: Mapping[str, str] | None = None) -> list[str]:
    """What is not as it was, each in words: digests of the weights first, then numbers and texts by their field.

    An artefact that was made anew has another digest where a number in it is rounded otherwise. That stands at the
    call that made it, and not again at each that took it: `made` says what the digests of the record are now.
    """
    moved = {old: new for old, new in (made or {}).items() if old != new}
    was, now = dict(_leaves(_renamed(_comparable(before), moved))), dict(_leaves(_comparable(after)))
    if before.provenance and any(one.digest in moved for one in before.provenance.used):
        was["provenance.id"] = now["provenance.id"]  # it is a digest over those
    found = [f"{name} was {was[name]!r}, is {now.get(name)!r}" for name in was if not _same(was[name], now.get(name))]
    found += [f"{name} is new: {now[name]!r}" for name in now if name not in was]
    return sorted(found, key=lambda line: not line.startswith(("provenance.weights", "provenance.adapter")))


def _lasting(evidence: Evidence) -> Any:
    data = evidence.model_dump(mode="json")
    if data.get("provenance"):
        data["provenance"] = {k: v for k, v in data["provenance"].items() if k not in _PASSING}
    return data


def _comparable(evidence: Evidence) -> Any:
    data = _lasting(evidence)
    if evidence.provenance:
        data["provenance"]["arguments"] = _exact(evidence.provenance, {})  # a replay names artefacts by digest
    return data


def _renamed(data: Any, moved: Mapping[str, str]) -> Any:
    if not moved:
        return data
    text = re.sub("|".join(map(re.escape, moved)), lambda found: moved[found[0]], json.dumps(data))
    return json.loads(text)


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _leaves(one, f"{where}.{name}" if where else str(name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _leaves(one, f"{where}[{number}]")
    else:
        yield where, value


def _same(was: Any, now: Any) -> bool:
    if isinstance(was, float) and isinstance(now, int | float):
        return math.isclose(was, now, rel_tol=RELATIVE, abs_tol=ABSOLUTE) or (math.isnan(was) and math.isnan(now))
    return bool(was == now)


def _calls_digest(thread: str, calls: list[Recorded]) -> str:
    return _digest([thread, [[call.id, call.digest] for call in calls]])


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
