"""What a conversation is made of: the events of a turn as it runs, and what is told of it again later."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage, ToolMessage

NOT_RUN = "not run"
"""How the result of a tool call begins that was dropped before it ran."""
BROKEN_OFF = "stopped"
"""How the result of a tool call begins that the person stopped while it ran."""
NOT_BEGUN = f"{NOT_RUN}: you stopped before it began"
INTERRUPTED = f"{NOT_RUN}: the answer was interrupted"
SPENT = f"{NOT_RUN}: the step budget of this turn is spent"
PUT_OFF = (
    f"{NOT_RUN}: it waits, since the person said something else first; ask for the same again when they say to go on"
)
TAKEN_OUT = f"{NOT_RUN}: you took it out of the plan"
ASIDE = "aside"
"""Where an answer keeps what was added to it unasked, among its `additional_kwargs`: it is no claim and is not checked as one."""
EXCHANGES = "exchanges"
"""Where a message that asks for tool calls keeps what the person was asked about them, among its `additional_kwargs`.

Chat models do not read it there; between calls and their results no other message may stand.
"""


@dataclass(frozen=True)
class Step:
    """A tool call: begun, going on, or ended."""

    id: str
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    progress: str = ""
    share: float | None = None
    status: Literal["running", "done", "failed", "stopped"] = "running"
    detail: str = ""
    evidence: str | None = None


@dataclass(frozen=True)
class Words:
    """A piece of the draft answer as it is written."""

    text: str


@dataclass(frozen=True)
class Answer:
    """The checked answer."""

    text: str
    target: str


@dataclass(frozen=True)
class Aside:
    """What is added after an answer unasked: a check question, or the next useful step. Nothing waits for it."""

    text: str


@dataclass(frozen=True)
class Question:
    """The loop waits for the person: a prediction or an approval."""

    kind: str
    text: str
    target: str = ""


@dataclass(frozen=True)
class Noted:
    """Something was written into the memory."""

    id: str
    kind: str
    text: str


@dataclass(frozen=True)
class Notice:
    """Something the person should know that does not end the turn."""

    text: str


@dataclass(frozen=True)
class Failure:
    """The turn ended early; one sentence says why. Nothing before it is lost."""

    text: str


@dataclass(frozen=True)
class Spent:
    """What the conversation has cost so far, in a few words."""

    text: str


Event = Step | Words | Answer | Aside | Question | Noted | Notice | Failure | Spent


@dataclass(frozen=True)
class Said:
    """What somebody said in an earlier turn."""

    who: Literal["person", "assistant"]
    text: str


def told(messages: "Sequence[BaseMessage]") -> list[Said | Step]:
    """What was said and measured, oldest first: enough to show a conversation again."""
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    story: list[Said | Step] = []
    asked: dict[str, dict[str, Any]] = {}
    for message in messages:
        match message:
            case HumanMessage():
                story.append(Said("person", str(message.content)))
            case AIMessage():
                asked |= {str(call["id"]): dict(call) for call in message.tool_calls}
                story += [Said("assistant", str(message.text))] if message.text else []
                story += (
                    [Said("assistant", message.additional_kwargs[ASIDE])]
                    if message.additional_kwargs.get(ASIDE)
                    else []
                )
                story += [part for one in message.additional_kwargs.get(EXCHANGES, []) for part in _exchanged(one)]
            case ToolMessage() if message.tool_call_id in asked and not str(message.content).startswith(NOT_RUN):
                story.append(_ended(message, asked[message.tool_call_id]))
    return story


def with_aside(message: "BaseMessage", text: str) -> "BaseMessage":
    """An answer with what is added to it unasked; it takes the answer's place by its id."""
    return message.model_copy(update={"additional_kwargs": {**message.additional_kwargs, ASIDE: text}})


def _exchanged(one: dict[str, str]) -> Iterator[Said]:
    """A question of the loop and its answer; an answer that began a turn of its own stands there."""
    yield Said("assistant", one["question"])
    if one["answer"]:
        yield Said("person", one["answer"])


def unanswered(messages: "Sequence[BaseMessage]") -> "list[ToolMessage]":
    """Results for the tool calls that never ended, so that no call of a cut-off turn stays without one."""
    from langchain_core.messages import AIMessage, ToolMessage

    asking = next((m for m in reversed(messages) if isinstance(m, AIMessage)), None)
    ended = {m.tool_call_id for m in messages[messages.index(asking) :] if isinstance(m, ToolMessage)} if asking else {}
    return [
        ToolMessage(INTERRUPTED, tool_call_id=call["id"], name=call["name"], status="error")
        for call in (asking.tool_calls if asking else [])
        if call["id"] not in ended
    ]


def ended_as(status: str, detail: str) -> Literal["done", "failed", "stopped"]:
    """How a tool call ended, by the status and the text of its result."""
    if status == "success":
        return "done"
    return "stopped" if detail.startswith(BROKEN_OFF) else "failed"


def left_over(result: "ToolMessage") -> bool:
    """Whether a tool call gave nothing because the turn was stopped, cut off or put off, so that it is still wanted."""
    why = (BROKEN_OFF, NOT_BEGUN, INTERRUPTED, SPENT, PUT_OFF)
    return result.status == "error" and str(result.content).startswith(why)


def _ended(message: "ToolMessage", call: dict[str, Any]) -> Step:
    evidence = (message.artifact or {}).get("evidence")
    detail = str(message.content)
    status = ended_as(message.status, detail)
    return Step(str(message.id), call["name"], call["args"], status=status, detail=detail, evidence=evidence)
