"""A follow-up is the last experiment with something changed: another layer, another text, another target."""

import re
from typing import Any

from agent.models.arguments import given
from agent.models.plans import Call, Past, known_names, plan
from agent.situation import Situation
from agent.understanding.router import Route
from agent.understanding.slots import Slots
from tools import TOOLS

_CORRECTS = re.compile(
    r"^(?:no|nope|sorry|actually|wait|oops|i mean|i meant|rather)\b[,.:!]?\s+(?!\w+\s+need\b)", re.IGNORECASE
)
_ELLIPTIC = re.compile(
    r"^(?:and|what about|how about|what if|same|the same|now|again|but|instead|try)\b", re.IGNORECASE
)
_INSTEAD = re.compile(r"\binstead\W*$", re.IGNORECASE)
_AGAIN = re.compile(r"\b(?:again|same|too|as well|also|once more|over)\b", re.IGNORECASE)
_TALK = {
    "why",
    "explain",
    "confidence",
    "memory",
    "measured",
    "board",
    "export",
    "help",
    "smalltalk",
    "out_of_scope",
    "stop",
}
OWN = 0.85
"""Probability from which a short message asks for an experiment of its own."""
WORDS = 9
"""An utterance that leaves out what it is about is short."""


def read(said: str, route: Route, past: Past, situation: Situation) -> Call | None:
    """The last experiment as the message changes it; None when the message asks for one of its own, or changes nothing."""
    if past.last_call is None or (route.intent in {"belief", "compare"} and route.sure):
        return None
    made = changed(past, route.slots, situation)
    if route.intent == "followup" or _CORRECTS.match(said):
        return made
    own = (
        route.intent in TOOLS
        and route.score >= OWN
        and isinstance(plan(route.intent, route.slots, past, situation), Call)
    )
    short = len(said.split()) <= WORDS
    elliptic = bool(_ELLIPTIC.match(said) or _INSTEAD.search(said))
    same = route.intent == past.last_call["name"] and bool(_AGAIN.search(said))
    unclear = route.intent in TOOLS and route.score < OWN
    return made if same or (short and not own and (elliptic or unclear) and route.intent not in _TALK) else None


def changed(past: Past, slots: Slots, situation: Situation) -> Call | None:
    """The last call with what the message gives; None when nothing of it fits."""
    last = past.last_call
    if last is None:
        return None
    schema = TOOLS[last["name"]].schema()
    new = given(last["name"], slots, schema, situation, known_names(last["name"], past), loose=False)
    new = new or _numbered(last["args"], slots.bare)
    renamed = {"name": new["texts"]} if "texts" in new and last["args"].get("name") == last["args"].get("texts") else {}
    return Call(last["name"], {**last["args"], **renamed, **new}) if new else None


def _numbered(before: dict[str, Any], number: int | None) -> dict[str, Any]:
    """A number alone is of what the last experiment had a number of."""
    name = next((name for name in ("layers", "layer", "feature", "head") if name in before), None)
    if number is None or name is None:
        return {}
    return {name: [number] if name == "layers" else number}
