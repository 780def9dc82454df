"""The calls of a request, run one after the other; a call that needs what a lost one was to make is left out."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import ToolMessage

from agent import products
from agent.events import BROKEN_OFF, NOT_BEGUN, NOT_RUN, TAKEN_OUT
from agent.ledger import Ledger
from agent.permissions import Permissions, capability
from agent.products import Product
from agent.quizzing import Quizzes
from agent.state import State, calls, moment, open_calls, since_asked, since_said
from agent.toolbox import run
from evidence import artifacts, as_text
from evidence.errors import NotGranted, ToolError
from target import turn
from target.spec import trained

STOPPED = "I stopped, as you asked. What was measured before is kept; ask me to go on."
TRAINING_KEPT = (
    "The training is kept as far as it was saved last: say `go on`, or ask for the same again, and it goes on there."
)
Writer = Callable[[dict[str, Any]], None]
Call = dict[str, Any]


@dataclass(frozen=True)
class Acting:
    """Runs calls; what they give goes to the ledger, its id to the chat model."""

    ledger: Ledger
    permissions: Permissions
    quizzes: Quizzes

    async def results(self, state: State, writer: Writer) -> list[ToolMessage]:
        """The result of every open call, in order."""
        messages: list[ToolMessage] = []
        lost = _lost_before(state)
        for call in open_calls(state):
            message = _left_out(call, lost) or await self._shown(state, call, writer)
            messages.append(message)
            _note(call, message, lost)
        return messages

    async def _shown(self, state: State, call: Call, writer: Writer) -> ToolMessage:
        """Run a call and tell of it while it runs."""
        writer({"step": call["id"], "tool": call["name"], "arguments": call["args"]})
        message = await self._result(state, call, writer)
        ended = {"done": message.status, "detail": message.content, "evidence": message.artifact}
        writer({"step": call["id"], **ended})
        return message

    async def _result(self, state: State, call: Call, writer: Writer) -> ToolMessage:
        said = {"tool_call_id": call["id"], "name": call["name"]}
        try:
            name = await self._evidence(state, call, writer)
            text = f"[{name}] {as_text(self.ledger.get(state['thread'], name))}"
            return ToolMessage(text, artifact={"evidence": name}, **said)
        except ToolError as error:
            if isinstance(error, NotGranted):
                self.permissions.record("refused", state, call)
            return ToolMessage(_why(error), status="error", **said)

    async def _evidence(self, state: State, call: Call, writer: Writer) -> str:
        """The id of what a call measured, now or before the process was killed."""
        thread = state["thread"]
        key = f"{moment(state)}/{call['id']}"  # some models number their calls anew in every message
        if known := self.ledger.find(thread, key):
            return known
        mine = replace(
            turn.current(),
            progress=lambda what, share: writer({"step": call["id"], "progress": what, "share": share}),
        )
        granted = self.permissions.granted(state)
        self.permissions.record("call", state, call)
        with turn.taking(mine):
            asked = self.quizzes.unseen(call, thread)
            result = await asyncio.to_thread(run, asked, state["target"], lambda e: self.ledger.get(thread, e), granted)
        return self.ledger.add(thread, key, result)


def stopped(state: State) -> str:
    """What is said where the person stopped the turn; a training goes on where it was saved."""
    broken = {m.tool_call_id for m in since_said(state) if isinstance(m, ToolMessage) and _broken_off(m)}
    trained_on = broken and any(call["id"] in broken and capability(call) == "train" for call in calls(state))
    return f"{STOPPED} {TRAINING_KEPT}" if trained_on else STOPPED


def unrun(call: Call, why: str) -> ToolMessage:
    """The result of a call that was not run."""
    return ToolMessage(why, tool_call_id=call["id"], name=call["name"], status="error")


def _why(error: ToolError) -> str:
    """The sentence of an error; where the person had stopped, the step was stopped, however it ended: Ctrl-C ends a training's process too."""
    text = str(error)
    own = text.startswith(BROKEN_OFF) or not turn.current().stop.is_set()
    return text if own else f"{BROKEN_OFF} as you asked: {text}"


def _broken_off(result: ToolMessage) -> bool:
    return result.status == "error" and str(result.content).startswith(BROKEN_OFF)


def _left_out(call: Call, lost: dict[Product, Call]) -> ToolMessage | None:
    """Why a call is not begun, if it is not."""
    if turn.current().stop.is_set():
        return unrun(call, NOT_BEGUN)
    needs = next((one for one in lost if one in products.taken(call)), None)
    if needs is None:
        return None
    kind, name = needs
    why = f"it needs the {kind} `{name}`, and `{lost[needs]['name']}`, which was to make it, gave none"
    return unrun(call, f"{NOT_RUN}: {why}")


def _note(call: Call, result: ToolMessage, lost: dict[Product, Call]) -> None:
    """Remember what a call was to make and did not."""
    if product := products.made(call):
        if result.status == "success":
            lost.pop(product, None)
        else:
            lost[product] = call


def _lost_before(state: State) -> dict[Product, Call]:
    """What the calls were to make that were refused, or taken out of the plan and are not there from before."""
    lost: dict[Product, Call] = {}
    ended: Sequence[ToolMessage] = [m for m in since_asked(state) if isinstance(m, ToolMessage)]
    by_id = {m.tool_call_id: m for m in ended}
    for call in calls(state):
        result, product = by_id.get(call["id"]), products.made(call)
        if result and product and not (result.content == TAKEN_OUT and _is_there(product)):
            _note(call, result, lost)
    return lost


def _is_there(product: Product) -> bool:
    kind, name = product
    return name in (trained() if kind == "adapter" else artifacts.names(kind))  # type: ignore[arg-type]
