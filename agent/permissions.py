"""What a conversation may do: asking for it, granting, refusing and withdrawing, all of it in the audit log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage

from agent import planning
from agent.audit import Audit, Event
from agent.consent import agrees
from agent.state import State, moment, open_calls
from evidence.errors import ToolError
from tools import TOOLS, _calls
from tools._calls import DEFAULT_GRANT
from tools._tool import Capability

NEEDS_APPROVAL: set[Capability] = {"train", "export"}


@dataclass
class Permissions:
    """The permissions of conversations, over the log of their use."""

    audit: Audit

    def missing(self, state: State) -> list[Capability]:
        """What the calls being handled need and nobody has granted; a call with wrong arguments needs nothing, since it cannot run."""
        needed = {capability(call) for call in open_calls(state) if _can_run(call)}
        return sorted(needed & NEEDS_APPROVAL - set(state["granted"]))

    def granted(self, state: State) -> list[Capability]:
        """All that may be done in a conversation."""
        return [*DEFAULT_GRANT, *state["granted"]]

    def decide(self, state: State, answer: str) -> dict[str, Any]:
        """What changes by a person's answer to `question`; only a clear yes allows anything."""
        wanted = self.missing(state)
        if agrees(answer):
            for one in wanted:
                once = f"{moment(state)} {one}"
                self.audit.write("granted", thread=state["thread"], capability=one, once=once)
            return {"granted": [*state["granted"], *wanted]}
        refused = [call for call in open_calls(state) if capability(call) in wanted]
        for call in refused:
            self.record("refused", state, call)
        return {"messages": [_refusal(call) for call in refused]}

    def withdraw(self, state: State) -> str:
        """Take all back; what to tell the person."""
        granted = state["granted"]
        for one in granted:
            once = f"{state['messages'][-1].id} {one}"
            self.audit.write("withdrawn", thread=state["thread"], capability=one, once=once)
        return f"Your permission to {' and to '.join(granted)} is withdrawn: I will ask before I use it again."

    def record(self, event: Event, state: State, call: dict[str, Any]) -> None:
        """Write down a call, once."""
        self.audit.write(
            event,
            thread=state["thread"],
            tool=call["name"] if call["name"] in TOOLS else "(unknown)",
            capability=capability(call),
            once=f"{moment(state)}/{call['id']}",
            arguments=call["args"],
            target=call["args"].get("target") or state["target"],
        )


def question(state: State, wanted: list[Capability], seconds: Callable[[str], float | None]) -> str:
    """What would be done, with what, and how long it takes; the arguments are a chat model's words, so they are marked as such."""
    asked = [call for call in open_calls(state) if capability(call) in wanted and _can_run(call)]
    steps = "\n".join(planning.step(n, call, state["target"], seconds) for n, call in enumerate(asked, start=1))
    return (
        f"This needs your permission to {' and to '.join(wanted)}:\n\n{steps}\n\n"
        "Allow it in this conversation? Answer `yes` or `no`, or ask for something else."
    )


def _can_run(call: dict[str, Any]) -> bool:
    """Whether there is such a tool, and its schema allows the arguments."""
    try:
        _calls.find(call["name"]).check({name: value for name, value in call["args"].items() if name != "target"})
    except ToolError:
        return False
    return True


def capability(call: dict[str, Any]) -> Capability:
    """What a call would do; an unknown tool does nothing."""
    if call["args"].get("judge") not in (None, "grammar"):
        return "export"  # replies are sent to a model elsewhere, which may cost money
    return TOOLS[call["name"]].capability if call["name"] in TOOLS else "read"


def _refusal(call: dict[str, Any]) -> ToolMessage:
    said = f"the person did not allow {capability(call)}"
    return ToolMessage(said, tool_call_id=call["id"], name=call["name"], status="error")
