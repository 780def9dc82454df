"""A follow-up is the last experiment with something changed: another layer, another text, another target."""

import re
from typing import Any

from agent.models.plans import Call, Past
from agent.router import Route
from agent.slots import Slots
from tools import TOOLS

_CORRECTS = re.compile(
    r"^(?:no|nope|sorry|actually|wait|oops|i mean|i meant|rather)\b[,.:!]?\s+(?!\w+\s+need\b)", re.IGNORECASE
)
_ELLIPTIC = re.compile(
    r"^(?:and|what about|how about|what if|same|the same|now|again|but|instead|try)\b", re.IGNORECASE
)
WORDS = 9
"""An utterance that leaves out what it is about is short."""


def is_one(said: str, route: Route, past: Past) -> bool:
    """Whether the message changes the last experiment rather than asks for one of its own."""
    if past.last_call is None or not route.slots.any:
        return False
    if route.intent in {"belief", "preference", "compare"} and route.sure:
        return False
    if route.intent == "followup":
        return True
    short = len(said.split()) <= WORDS
    names_another = route.intent in TOOLS and route.named
    return short and not names_another and bool(_CORRECTS.match(said) or _ELLIPTIC.match(said))


def changed(past: Past, slots: Slots, said: str) -> Call | None:
    """The last call with what the message gives; None when nothing of it fits."""
    last = past.last_call
    if last is None:
        return None
    known = TOOLS[last["name"]].schema()["properties"]
    given = {name: value for name, value in _given(slots, known).items() if value is not None and name in known}
    return Call(last["name"], {**last["args"], **given}) if given else None


def _given(slots: Slots, known: dict[str, Any]) -> dict[str, Any]:
    layers, words = list(slots.layers), list(slots.words)
    return {
        "target": slots.target,
        "other": slots.other,
        "layers": layers or None,
        "layer": layers[0] if layers and "layers" not in known else None,
        "prompt": slots.text,
        "prompts": list(slots.texts) or None,
        "words": words or None,
        "word": words[0] if words else None,
        "feature": slots.feature,
        "head": slots.head,
        "strength": slots.strength,
        "temperature": slots.temperature,
        "samples": slots.samples,
        "direction": slots.evidence[0] if slots.evidence else None,
        "probe": slots.evidence[0] if slots.evidence else None,
    }
