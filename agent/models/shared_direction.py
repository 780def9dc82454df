"""The plan behind "does em-07 have the same direction?": find its own, hold both against each other, take the other's out of it."""

import re
from collections.abc import Sequence

from agent.models import followups, safety
from agent.models.context import Decision
from agent.models.plans import Call, Made, Past, known_names
from agent.products import MAKERS, named_after
from agent.situation import Situation
from agent.understanding.router import Route

COMPARED = "compare_directions"
_SAME = re.compile(
    r"\b(?:same|shar(?:es?|ed|ing)|common)\b[^.;]{0,24}\b(?:direction|vector)|\b(?:direction|vector)s?\b[^.]{0,24}\b(?:same|shared?|common)\b",
    re.IGNORECASE,
)
_ACTS = re.compile(r"\b(?:remov|ablat|eras|steer|project|take|taking|transfer|apply|add|work)", re.IGNORECASE)
_ASKED = {COMPARED, safety.REMOVAL, *MAKERS["direction"], "compare_targets", "compare", "followup"}
"""Intents that such a question is taken for."""


def shared(route: Route, past: Past, situation: Situation) -> Decision | None:
    """What to do where one asks whether a fine-tune has a direction that was found in another; None for any other message."""
    slots, made = route.slots, past.made("direction")
    asked = route.intent in _ASKED and _SAME.search(slots.rest) and not _ACTS.search(slots.rest)
    before = next((one["args"].get("directions") for one in past.request if one["name"] == COMPARED), None)
    again = before if before and followups.another(slots, past, situation) else []
    if not (asked or again) or slots.target in (None, situation.base) or slots.other:
        return None
    named = slots.evidence or slots.names(known_names(COMPARED, past)) or again[:1]
    theirs = next((one for one in made if _is_of_another(one, str(slots.target)) and _is_meant(one, named)), None)
    return Decision(COMPARED, tuple(_calls(theirs, str(slots.target), made))) if theirs else None


def _is_of_another(one: Made, target: str) -> bool:
    return one.arguments.get("target") not in (None, target)


def _is_meant(one: Made, named: Sequence[str]) -> bool:
    return one.reference in named if named else True


def _calls(theirs: Made, where: str, made: Sequence[Made]) -> list[Call]:
    own = next((o for o in made if o.tool == theirs.tool and o.arguments.get("target") == where), None)
    name = named_after("harm" if theirs.tool == safety.DIRECTION else _what(theirs), where)
    found = [] if own else [Call(theirs.tool, {**theirs.arguments, "target": where, "name": name})]
    both = [theirs.reference, own.reference if own else name]
    compared = Call(COMPARED, {"target": where, "directions": both})
    judge = {key: value for key, value in theirs.arguments.items() if key == "judge"}
    removed = Call(safety.REMOVAL, {"target": where, "directions": both[:1], **judge})
    return [*found, compared, *([removed] if theirs.tool == safety.DIRECTION else [])]


def _what(made: Made) -> str:
    """What a direction of texts is called after."""
    return str(made.arguments.get("texts") or made.arguments.get("name") or "direction")
