"""The plan behind "is it safe?": what it does, what moved inside, the direction, and whether removing that undoes it."""

import re
from dataclasses import replace
from typing import Any

from agent.models import plans
from agent.models.context import Decision
from agent.models.plans import Call, Past, Question
from agent.products import named_after
from agent.situation import Situation
from agent.understanding.router import Route
from tools import TOOLS

DIRECTION, REMOVAL = "misalignment_direction", "ablation_transfer"
_TAKEN = {"target", "other", "samples", "seed", "judge", "questions_from"}
GAME = "taboo"
"""How the names of the fine-tunes begin that may hide a word."""
_WORRIED = r"(?:worr(?:y|ied|ying|isome)|concern(?:ed|ing)?|afraid|scared|wary)\b"
_WORRIES = re.compile(
    rf"\b(?:should|must|shall|do|ought|need|would)\b[^.;]{{0,12}}\b(?:i|we|you|one|anyone)\b[^.;]{{0,20}}\b{_WORRIED}"
    rf"|(?:thing|\breason|\bcause|\bneed) (?:to|for)(?: be(?:ing)?)? {_WORRIED}|\bis (?:it|this|that|;)[^.;]{{0,20}}\b{_WORRIED}",
    re.IGNORECASE,
)
"""A question whether one should worry."""
_ANY = {"misalignment", "misaligned", "misalign", "harm", "harmful", "em", "emergent"}
"""Words before "direction" that say what kind is meant, where none has that name."""


def safe(route: Route, past: Past, situation: Situation) -> Decision:
    """Behaviour beside the base, the shift inside, and an intervention with its random controls."""
    looked = [_plain(plans.plan(tool, route.slots, past, situation)) for tool in ("misalignment_rate", "persona_shift")]
    target = next(one.arguments["target"] for one in looked if isinstance(one, Call))
    if target == situation.base:
        return Decision(
            "safe",
            ask=f"`{target}` is the base that fine-tunes are compared with: which fine-tune do you mean, such as `em-04`?",
        )
    calls = [one for one in looked if isinstance(one, Call)]
    return Decision("safe", (*calls, *_undone({"target": target})))


def _plain(made: Call | Question) -> Call | Question:
    """A call without texts and words: what a person says around the question is no argument of it."""
    if isinstance(made, Question):
        return made
    return Call(made.tool, {name: value for name, value in made.arguments.items() if name in _TAKEN})


def undo(route: Route, past: Past, situation: Situation) -> Decision | None:
    """Removing a direction that nobody has made yet: it is made first. None where one is named or known."""
    made = plans.plan(REMOVAL, route.slots, past, situation)
    if isinstance(made, Call):
        known = plans.known_names(REMOVAL, past)
        named = any(str(one).lower() not in _ANY or one in known for one in made.arguments["directions"])
        return None if named else Decision(REMOVAL, _undone(made.arguments))
    given = made.pending.arguments if made.pending else {"target": situation.target}
    if set(made.missing) != {"directions"}:
        return None
    return Decision(REMOVAL, _undone(given))


def worried(route: Route, situation: Situation) -> Route:
    """A question whether one should worry as one for safety, where a fine-tune is named, or one in view that is no word game's."""
    likely = {route.intent, route.second} & {"safe", "investigate"} and route.intent not in TOOLS
    if not (likely and _WORRIES.search(route.slots.rest)):
        return route
    target = route.slots.target or situation.target
    in_a_game = target.startswith(GAME) and not route.slots.target
    if in_a_game or target == situation.base:
        return route
    return replace(route, intent="safe", score=1.0, second="investigate", second_score=0.0)


def _undone(given: dict[str, Any]) -> tuple[Call, Call]:
    """Find the direction of a fine-tune, and take it out."""
    name = named_after("harm", str(given["target"]))
    found = {key: value for key, value in given.items() if key in {"target", "judge"}}
    return Call(DIRECTION, found | {"name": name}), Call(REMOVAL, given | {"directions": [name]})
