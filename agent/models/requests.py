"""The requests of one message: "look it up and then turn it up" are two, "switch it off and see what changes" is one."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.models import followups
from agent.models.context import Decision, Here
from agent.understanding.quotes import quotes
from agent.understanding.router import SURE, Route
from tools import TOOLS

One = Callable[[str, Here], Decision]
"""Decides about one request."""
_BETWEEN = re.compile(
    r"\s*[,;:.]?\s+(?:and )?\(?(?:[2-5]|ii|iii|[b-d])\)\s+"
    r"|(?<=[?.!;])\s+(?:and\s+|then\s+|after that,?\s+|afterwards,?\s+)*"
    r"|,?\s+(?:and then|and afterwards|and after that|n then|then|afterwards|after that|and also|n also|and|n|also|plus|followed by|as well as"
    r"|,? second(?:ly)?)\s+",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"[\d\"“'‘`]|(?:see|watch|look|observe)\b(?! up)"
    r"|(?:questions?|prompts?|texts?|words?|layers?|topics?|domain|judge|methods?|samples|seed|rank|steps|target|with|on|using|for|in|at|from|versus|vs|against)\b",
    re.IGNORECASE,
)
"""How a part begins that goes on with the request before it."""
_A_THING = re.compile(r"(?:its|the|a|an|their|this|that|one|another|some|no)\b", re.IGNORECASE)
CLEAR = 0.75
"""Probability from which half a message is a request by itself."""
ELLIPTIC = 4
"""Words up to which the second half of a message may leave out what it is about."""
_DOES = re.compile(
    r"(?:ask|tell|show|find|train|probe|steer|push|add|ablate|remove|project|erase|knock|switch|turn|crank|apply|run|use|compare|decode|look up"
    r"|patch|plot|draw|measure|check|give|let|test|list|steer|score|swap)\b",
    re.IGNORECASE,
)
"""How a request begins that tells to do something."""
_FIRST = re.compile(r"^(?:.{0,40}?[:.,]?\s+)?\(?(?:1|i|a)\)\s+|^first(?:ly)?,?\s+", re.IGNORECASE)
"""How the first of some numbered requests begins."""
OWN = 0.9
"""Probability from which the second half is a request by itself, whatever the first one takes."""
OWN_TEXT = 0.5
"""The same, where it is another one and has a text of its own."""
LOOKS_LIKE = 0.05
"""Probability that a whole message must give to each of two requests that it holds."""


@dataclass(frozen=True)
class Halves:
    """A message cut in two."""

    whole: str
    left: str
    right: str
    joined: bool
    """Whether nothing but "and" stands between them."""

    @property
    def possible(self) -> bool:
        """Whether the second half can begin a request of its own."""
        short = min(len(self.left.split()), len(self.right.split())) < 2
        return not (short or _GOES_ON.match(self.right) or (self.joined and _A_THING.match(self.right)))


def requests(said: str, here: Here, one: One) -> list[str]:
    """The requests of a message: split only where both sides are one by themselves; greetings before them are dropped."""
    for cut in _BETWEEN.finditer(_masked(said)):
        halves = Halves(
            said,
            _FIRST.sub("", said[: cut.start()].strip()),
            said[cut.end() :].strip(),
            cut[0].strip(" ,").lower() in {"and", "n"},
        )
        if halves.right and _greets(halves.left, here):
            return requests(halves.right, here, one)
        if not halves.possible:
            continue
        first = one(halves.left, here)
        if _are_two(halves, first, here, here.after(first)) and not _goes_on(halves, first, here, one):
            return [halves.left, *requests(halves.right, here.after(first), one)]
    return [said]


def _masked(said: str) -> str:
    """The message with its quotations blanked: a request is never cut within one."""
    for quote in quotes(said):
        said = said[: quote.start] + "x" * (quote.end - quote.start) + said[quote.end :]
    return said


def _are_two(halves: Halves, first: Decision, here: Here, after: Here) -> bool:
    """Whether the halves ask for different things: the second read after the first, the whole like both of them."""
    one, other = here.read(halves.left), after.route(halves.right)
    if not halves.joined and first.calls and (other.intent == "followup" or len(halves.right.split()) <= ELLIPTIC):
        made = followups.changed(after.past, other.slots, after.situation, halves.right)
        if made is not None or other.intent == "followup":
            return made not in (None, first.calls[-1])
    if first.intent not in TOOLS or not _acts(other):
        return False
    if other.intent == "ask" and first.pending is not None:
        return False  # "switch feature 5 off and ask it this": the text is the first one's
    if first.intent == other.intent or {first.intent, other.intent} == {"compare", "compare_targets"}:
        texts = all(half.slots.texts and half.score >= CLEAR for half in (one, other))
        return texts or any(_differ(one, other, name) for name in ("target", "feature"))
    whole = here.read(halves.whole).shares
    likely = min(whole.get(first.intent, 0.0), whole.get(other.intent, 0.0)) >= LOOKS_LIKE
    return likely or not halves.joined or min(one.score, other.score) >= CLEAR or bool(_DOES.match(halves.right))


def _goes_on(halves: Halves, first: Decision, here: Here, one: One) -> bool:
    """Whether all that the second half gives has its place in the first one's request: "what does it hide? Read at layer 4."."""
    second = here.read(halves.right)
    likely = OWN_TEXT if second.slots.texts and second.intent != first.intent else OWN
    if not second.slots.any or second.score >= likely:
        return False
    whole = one(halves.whole, here)
    if len(whole.calls) != 1 or whole.calls[0].tool != first.intent:
        return False
    taken = [str(part) for value in whole.calls[0].arguments.values() for part in _parts(value)]
    return all(str(part) in taken for part in _given(second))


def _given(route: Route) -> list[Any]:
    """What a message gives: texts, words, numbers and models."""
    slots = route.slots
    named = (
        slots.target,
        slots.dictionary,
        slots.head,
        slots.feature,
        slots.k,
        slots.samples,
        slots.strength,
        slots.prefill,
    )
    return [*slots.texts, *slots.quoted_words, *slots.layers, *(one for one in named if one is not None)]


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _differ(first: Route, second: Route, name: str) -> bool:
    """Whether the same is asked of two things, in requests of which each could stand alone."""
    things = [getattr(one.slots, name) for one in (first, second)]
    return None not in things and things[0] != things[1] and min(first.score, second.score) >= SURE


def _acts(route: Route) -> bool:
    return route.sure and (route.intent in TOOLS or route.intent in {"compare", "investigate", "safe"})


def _greets(part: str, here: Here) -> bool:
    return len(part.split()) <= 3 and here.read(part).intent == "smalltalk" and here.read(part).sure
