"""How one tool call of the chat model is run."""

import re
from collections.abc import Callable, Collection
from typing import Any

from evidence.errors import GroundingError, ToolError
from tools import _calls
from tools._tool import Capability


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
