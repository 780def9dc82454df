"""What was asked for in a conversation, request by request, and what came of it: measured, stopped, or put off."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from agent.events import PUT_OFF, TAKEN_OUT, left_over

Call = dict[str, Any]
"""A tool call as {"name", "args"}."""


@dataclass(frozen=True)
class Request:
    """The tool calls of one message, each with its result where it has one."""

    ended: tuple[tuple[Call, ToolMessage | None], ...]

    @property
    def calls(self) -> list[Call]:
        return [call for call, _ in self.ended]

    @property
    def wanted(self) -> list[Call]:
        """The calls without those that the person took out of the plan."""
        return [call for call, result in self.ended if result is None or result.content != TAKEN_OUT]

    @property
    def made(self) -> dict[str, Call]:
        """The call behind each evidence."""
        return {m.artifact["evidence"]: c for c, m in self.ended if m and m.status == "success" and m.artifact}

    @property
    def left(self) -> list[Call]:
        """The calls that a stop or another message left."""
        return [call for call, result in self.ended if result and left_over(result)]

    @property
    def put_off(self) -> list[Call]:
        """The calls that wait because the person said something else first."""
        return [call for call, result in self.ended if result and result.content == PUT_OFF]


def requests(messages: Sequence[BaseMessage]) -> list[Request]:
    """The requests of a conversation; some models number their calls anew in every message, so a result is of the last one before it."""
    asking = [at for at, m in enumerate(messages) if isinstance(m, AIMessage) and m.tool_calls]
    return [_request(messages[at:end]) for at, end in zip(asking, [*asking[1:], len(messages)], strict=False)]


def _request(messages: Sequence[BaseMessage]) -> Request:
    results = {m.tool_call_id: m for m in messages if isinstance(m, ToolMessage)}
    asking = messages[0]
    assert isinstance(asking, AIMessage)
    return Request(
        tuple(({"name": c["name"], "args": c["args"]}, results.get(str(c["id"]))) for c in asking.tool_calls)
    )


def waiting(asked: Sequence[Request]) -> list[Call]:
    """The calls of the newest request that was put off, without those that were asked for again since."""
    plans: list[list[Call]] = []
    for one in asked:
        plans = [[call for call in plan if call not in one.calls] for plan in plans]
        plans.append(one.put_off)
    return next((plan for plan in reversed(plans) if plan), [])


def latest(asked: Sequence[Request]) -> tuple[str, ...]:
    """Ids of what the last request that measured anything gave, with what it gave before it was stopped and gone on with."""
    place = next((at for at in reversed(range(len(asked))) if asked[at].made), None)
    if place is None:
        return ()
    found = list(asked[place].made)
    for now, before in zip(asked[place:0:-1], asked[place - 1 :: -1], strict=False):
        if not all(call in before.left for call in now.calls):
            break
        found = [*before.made, *found]
    return tuple(found)
