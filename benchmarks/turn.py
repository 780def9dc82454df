"""The loop's own cost: a turn with one tool call, the tool and the chat model taken out, early and late in a conversation."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from agent.conversation import Agent, Answer, Event
from evals.result import Metric
from evidence import Reply, Transcript
from tools import TOOLS

if TYPE_CHECKING:
    from target.target import Target

TURNS, EDGE = 200, 10
"""Turns of the conversation; how many at its beginning and at its end are compared."""


class _Voice(BaseChatModel):
    """Calls one tool, then answers; counts the seconds it takes itself."""

    _seconds: float = PrivateAttr(0.0)
    _calls: int = PrivateAttr(0)

    @property
    def _llm_type(self) -> str:
        return "measured"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kw: Any
    ) -> ChatResult:
        if isinstance(messages[-1], ToolMessage):
            said = AIMessage(f"It said hello [{messages[-1].artifact['evidence']}].")
        else:
            self._calls += 1
            asked = {
                "name": "ask",
                "args": {"prompt": f"hello {self._calls}"},
                "id": f"c{self._calls}",
                "type": "tool_call",
            }
            said = AIMessage("", tool_calls=[asked])
        return ChatResult(generations=[ChatGeneration(message=said)])


class _Measured(Agent):
    def _model(self) -> BaseChatModel:
        return _Voice()


def run() -> Iterator[Metric]:
    """One conversation of 200 turns; the first turn of all, which loads things, is not counted."""
    before = TOOLS["ask"]
    TOOLS["ask"] = before.doing(_hello)
    try:
        seconds = asyncio.run(_conversation())
    finally:
        TOOLS["ask"] = before
    first, last = statistics.median(seconds[:EDGE]), statistics.median(seconds[-EDGE:])
    yield Metric(
        "median milliseconds a turn", round(1000 * statistics.median(seconds), 1), TURNS, bar=50, side="at most"
    )
    yield Metric(f"median of the first {EDGE}", round(1000 * first, 1), EDGE)
    yield Metric(f"median of the last {EDGE}", round(1000 * last, 1), EDGE)
    yield Metric("late / early", round(last / first, 2), bar=1.25, side="at most")


def _hello(target: "Target", **given: Any) -> Transcript:
    reply = Reply(model=target.name, prompt=given["prompt"], text="hello", finished=True)
    return Transcript(title="What it said", replies=(reply,), temperature=0.0, seed=0)


async def _conversation() -> list[float]:
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        agent = await _Measured("guide", folder=Path(folder)).start()
        for turn in range(TURNS + 1):
            started = time.monotonic()
            heard: list[Event] = [
                e async for e in agent.send("t", f"ask it about thing {turn}", person="p", target="base@1")
            ]
            seconds.append(time.monotonic() - started)
            assert isinstance(heard[-1], Answer) or any(isinstance(e, Answer) for e in heard), heard
        await agent.close()
    return seconds[1:]
