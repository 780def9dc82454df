"""Which tools a chat model is offered, and how one call of it is run."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evidence.errors import GroundingError, ToolError
from tools import TOOLS, _calls
from tools._tool import Capability, Tool

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

FEW = 6
"""Tools that a small model is offered: those that a message most likely means."""
_SPARED = {
    "seed",
    "draws",
    "chat",
    "max_new_tokens",
    "temperature",
    "inspection",
    "into_layer",
    "position",
    "site",
    "tokens",
    "untrained_control",
}
"""Arguments that a small model is not told of: each has a value that serves."""


@dataclass(frozen=True)
class Offer:
    """What a chat model is offered: all tools, or, if it is small, few with strict schemas."""

    small: bool = False
    embedding: str = "lexical"

    def tools(self, messages: "Sequence[BaseMessage]") -> list[Any]:
        """Tools to bind to a model for its next step."""
        if not self.small:
            return [tool.as_langchain() for tool in TOOLS.values()]
        return [strict(tool) for tool in self._likely(messages)]

    def _likely(self, messages: "Sequence[BaseMessage]") -> list[Tool[Any, Any]]:
        from agent.understanding.router import router
        from target.spec import public_names

        said = next((str(m.content) for m in reversed(messages) if m.type == "human"), "")
        shares = router(self.embedding).route(said, public_names()).shares
        return [TOOLS[name] for name in shares if name in TOOLS][:FEW]


def strict(tool: Tool[Any, Any]) -> dict[str, Any]:
    """A tool in the OpenAI form for a small model: one line of description, the arguments that matter, and no others."""
    schema = tool.schema()
    kept = {name: _plain(field) for name, field in schema["properties"].items() if name not in _SPARED}
    parameters = {
        "type": "object",
        "properties": kept,
        "required": [name for name in schema.get("required", []) if name in kept],
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": tool.name, "description": tool.summary, "parameters": parameters}}


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    """A field without alternatives: what it is when it is given."""
    given = next((one for one in field.get("anyOf", []) if one.get("type") != "null"), field)
    kept = {name: given[name] for name in ("type", "enum", "items", "minimum", "maximum") if name in given}
    return kept | ({"description": field["description"]} if "description" in field else {})


def run(call: dict[str, Any], current: str, evidence: "Callable[[str], Any]", granted: Collection[Capability]) -> Any:
    """Run one tool call of a chat model; `evidence` reads the conversation's evidence by id.

    Raises:
        NotGranted: the tool does more than the person has allowed in this conversation.
        ToolError: there is no such tool, or it cannot do what was asked.
    """
    references = _calls.find(call["name"]).references
    given = {name: _resolved(v, evidence) if name in references else v for name, v in call["args"].items()}
    return _calls.run(call["name"], given, current=current, granted=granted)


def _resolved(value: Any, evidence: "Callable[[str], Any]") -> Any:
    """An artefact named by the id of this conversation's evidence ("E3") becomes that evidence."""
    if isinstance(value, list):
        return [_resolved(one, evidence) for one in value]
    if not (isinstance(value, str) and re.fullmatch(r"E\d+", value)):
        return value
    try:
        return evidence(value)
    except GroundingError as error:
        raise ToolError(str(error)) from error
