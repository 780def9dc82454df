"""A follow-up is the last experiment with something changed: another layer, another text, another target."""

import re
from typing import Any

from agent.models.arguments import given
from agent.models.plans import Call, Past, known_names, plan
from agent.situation import Situation
from agent.understanding import counts
from agent.understanding.router import SURE, Route
from agent.understanding.slots import Slots
from tools import TOOLS

_CORRECTS = re.compile(
    r"^(?:no|nope|sorry|actually|wait|oops|i mean|i meant|rather)\b[,.:!]?\s+(?!\w+\s+need\b)", re.IGNORECASE
)
_ELLIPTIC = re.compile(
    r"^(?:and|what about|how about|what if|same|the same|now|again|but|instead|try|do that|do it|do the same|limit)\b",
    re.IGNORECASE,
)
_MEANT = re.compile(r"^(?:no,? |sorry,? |oops,? |wait,? )*(?:i mean|i meant)\b", re.IGNORECASE)
_OTHER = re.compile(r"\bthe other (one|model|target|direction|vector)\b", re.IGNORECASE)
_INSTEAD = re.compile(r"\binstead\W*$", re.IGNORECASE)
_AGAIN = re.compile(r"\b(?:again|same|too|as well|also|once more|over)\b", re.IGNORECASE)
_TALK = {
    "why",
    "explain",
    "confidence",
    "memory",
    "measured",
    "board",
    "note",
    "export",
    "help",
    "smalltalk",
    "out_of_scope",
    "stop",
}
OWN = 0.7
"""Probability from which a short message asks for an experiment of its own."""
SHORT = 4
"""Words up to which a correction is of the last experiment."""
WORDS = 9
"""An utterance that leaves out what it is about is short."""


def read(said: str, route: Route, past: Past, situation: Situation) -> Call | None:
    """The last experiment as the message changes it; None when the message asks for one of its own, or changes nothing."""
    if past.last_call is None or (route.intent in {"belief", "compare"} and route.sure):
        return None
    made = changed(past, route.slots, situation, said)
    corrects = bool(_CORRECTS.match(said)) and len(said.split()) <= SHORT and made is not None
    if route.intent == "followup" or _MEANT.match(said) or corrects:
        return made
    if route.intent in _TALK and not _CORRECTS.match(said):
        return None
    elliptic = bool(_ELLIPTIC.match(said) or _CORRECTS.match(said) or _INSTEAD.search(said))
    same, own = _same(said, route, past, situation), _own(route, past, situation, OWN if elliptic else SURE)
    return made if same or (not own and len(said.split()) <= WORDS and (elliptic or route.intent in TOOLS)) else None


def _same(said: str, route: Route, past: Past, situation: Situation) -> bool:
    """Whether the same experiment is asked for, and what it needs is left out."""
    last = past.last_call
    if last is None or route.intent != last["name"]:
        return False
    schema = TOOLS[last["name"]].schema()
    stated = given(last["name"], route.slots, schema, situation, known_names(last["name"], past), loose=False)
    return bool(_AGAIN.search(said)) or not set(schema.get("required", [])) <= set(stated)


def _own(route: Route, past: Past, situation: Situation, likely: float) -> bool:
    """Whether an experiment of its own is asked for, with this probability, and can be run."""
    if route.intent not in TOOLS or route.score < likely:
        return False
    return route.score >= OWN or isinstance(plan(route.intent, route.slots, past, situation), Call)


def changed(past: Past, slots: Slots, situation: Situation, said: str = "") -> Call | None:
    """The last call with what the message gives; None when nothing of it fits."""
    last = past.last_call
    if last is None:
        return None
    schema = TOOLS[last["name"]].schema()
    new = given(last["name"], slots, schema, situation, known_names(last["name"], past), loose=False)
    new = new or _other_one(said, past) or _numbered(last, slots, said)
    renamed = {"name": new["texts"]} if "texts" in new and last["args"].get("name") == last["args"].get("texts") else {}
    return Call(last["name"], {**last["args"], **renamed, **new}) if new else None


def _other_one(said: str, past: Past) -> dict[str, Any]:
    """What "the other one" is: the model, or the direction, that was used before the last."""
    found = _OTHER.search(said)
    last = past.last_call
    if not found or last is None:
        return {}
    kind = "direction" if found[1].lower() in {"direction", "vector"} else "target"
    used = [c["args"][kind] for c in reversed(past.calls) if kind in c["args"]] + (
        past.makers("direction") if kind == "direction" else []
    )
    other = next((one for one in used if one != last["args"].get(kind)), None)
    return {kind: other} if other else {}


def _numbered(last: dict[str, Any], slots: Slots, said: str) -> dict[str, Any]:
    """A number alone is of what the last experiment had a number of."""
    number = counts.any_number(slots.rest) if len(said.split()) <= WORDS else None
    if number is None:
        return {}
    if not number.is_integer():
        return {"strength": number} if "strength" in TOOLS[last["name"]].schema()["properties"] else {}
    name = next(
        (name for name in ("layers", "layer", "feature", "samples", "k", "head", "strength") if name in last["args"]),
        None,
    )
    return {} if name is None else {name: [int(number)] if name == "layers" else int(number)}
