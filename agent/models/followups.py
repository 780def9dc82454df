"""A follow-up is the last experiment with something changed: another layer, another text, another target."""

import re
from collections.abc import Iterator
from typing import Any

from agent.models.arguments import given
from agent.models.plans import Call, Past, known_names, plan
from agent.products import slug
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
_SMALL_WORDS = """
a act all are as behave better come different do does did has have how is it like look no one out please question run
safer test that the thing things this to was way what worse would
"""
_LEADS = {"and", "but", "so", "ok", "okay", "now", "then", "for", "with", "on", "in", "try", "instead"}
"""Words that alone, with a model's name, ask for the same there."""
_LIKE = {"same", "too", "also", "well", "likewise", "alike", "similar", "any", "again"}
_ABOUT = re.compile(r"\b(?:what|how) about\b", re.IGNORECASE)
_SMALL = {*_SMALL_WORDS.split(), *_LEADS, *_LIKE, "about"}
"""All that a message may hold beside a model's name, where nothing else is asked of that model."""
_COMPARED = re.compile(r"\b(?:as|like|to)\s*;", re.IGNORECASE)
"""The model that follows is what something is held against."""
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


def elsewhere(said: str, route: Route, past: Past, situation: Situation) -> tuple[Call, ...]:
    """All that was asked for last on another model, where a message says no more: "is em-07 the same?"; else nothing."""
    if not another(route.slots, past, situation):
        return ()
    if past.request == past.calls[-1:]:
        one = changed(past, route.slots, situation, said)
        return (one,) if one else ()
    return tuple(_moved(past.request, str(route.slots.target)))


def another(slots: Slots, past: Past, situation: Situation) -> bool:
    """Whether a message names another model and says nothing else but that it is the same there."""
    trains = any(map(_trains, past.request))
    before = {one["args"].get("target") for one in past.request}
    named = slots.target not in (None, situation.base, *before) and slots.other is None
    more = slots.groups or slots.quoted_words or slots.evidence or re.search(r"\d", slots.rest)
    words = re.findall(r"[a-z']+", slots.rest.lower())
    small = set(words) <= _SMALL and not _COMPARED.search(slots.rest)
    like = bool(_LIKE & set(words)) or _ABOUT.search(slots.rest) or set(words) <= _LEADS
    return bool(past.request and named and words and small and like) and not (trains or more)


def _trains(call: dict[str, Any]) -> bool:
    return call["name"] in TOOLS and TOOLS[call["name"]].capability == "train"


def _moved(request: list[dict[str, Any]], target: str) -> Iterator[Call]:
    """The calls of a request on another model; what they make for one another is called after that one."""
    names: dict[str, str] = {}
    for one in request:
        before = slug(str(one["args"].get("target", "")))
        name = one["args"].get("name")
        if before and isinstance(name, str):
            names[name] = name.replace(before, slug(target))
        arguments = {key: _renamed(value, names) for key, value in one["args"].items()}
        yield Call(one["name"], arguments | {"target": target})


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """A value with the names of what is made renamed, in lists too."""
    if isinstance(value, list):
        return [_renamed(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


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
    if _trains(last):
        new.pop("target", None)  # a base: no fine-tune is trained on
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
