"""What a conversation may do: asking for it, granting, refusing and withdrawing, all of it in the audit log."""

import json
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage

from agent.audit import Audit, Event
from agent.consent import agrees
from agent.state import State, moment, open_calls
from evidence.text import quote
from tools import TOOLS
from tools._calls import DEFAULT_GRANT
from tools._tool import Capability

NEEDS_APPROVAL: set[Capability] = {"train", "export"}


@dataclass
class Permissions:
    """The permissions of conversations, over the log of their use."""

    audit: Audit

    def missing(self, state: State) -> list[Capability]:
        """What the calls being handled need and nobody has granted."""
        return sorted({capability(call) for call in open_calls(state)} & NEEDS_APPROVAL - set(state["granted"]))

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


def question(state: State, wanted: list[Capability]) -> str:
    """What would be done, and with what; the arguments are a chat model's words, so they stand in quotes."""
    asked = [call for call in open_calls(state) if capability(call) in wanted]
    listed = "; ".join(f"{call['name']} with {quote(json.dumps(call['args']), 200)}" for call in asked)
    return f"This needs your permission to {' and to '.join(wanted)}: {listed}. Allow it in this conversation?"


def capability(call: dict[str, Any]) -> Capability:
    """What a call would do; an unknown tool does nothing."""
    if call["args"].get("judge") not in (None, "grammar"):
        return "export"  # replies are sent to a model elsewhere, which may cost money
    return TOOLS[call["name"]].capability if call["name"] in TOOLS else "read"


def _refusal(call: dict[str, Any]) -> ToolMessage:
    said = f"the person did not allow {capability(call)}"
    return ToolMessage(said, tool_call_id=call["id"], name=call["name"], status="error")
