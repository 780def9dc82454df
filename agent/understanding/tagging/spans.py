"""Where in a message the values of its arguments stand."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from agent.understanding import counts
from agent.understanding.tagging.roles import OPENING, QUOTED, role_of, tagged

_WORD_BY_NUMBER = dict(enumerate(counts.NAMES))
_ORDINAL_BY_NUMBER = dict(enumerate(counts.ORDINALS))
_NUMBERED = re.compile(r"(?P<family>[a-z]+)-(?P<number>\d\d)")
_CUES = {
    "layers": "l",
    "layer": "l",
    "head": "h",
    "feature": "f|latent|neuron|#",
    "k": "top|k",
    "strength": "strength|s|by|x",
    "samples": "sampl|times|n",
}
"""What stands before a number of each kind, where the same number is there twice."""
_RANGE = re.compile(r"\W*(?:to|through|and|l|L|or|\.\.)?\W*[lL]?")
ALIKE = 0.6
"""Similarity of letters from which a name with the right number is a target's."""
FAR = 9
"""Characters up to which two layers can be the ends of one range."""


@dataclass(frozen=True)
class Span:
    """A part of a message, and what it is to the tool."""

    start: int
    end: int
    role: str
    share: float = 1.0
    """Probability of the role."""
    quoted: bool = False

    def within(self, start: int, end: int) -> bool:
        """Whether a part of the message lies in this one."""
        return self.start <= start and end <= self.end


def located(said: str, arguments: Mapping[str, Any]) -> tuple[list[Span], list[str]]:
    """Where the values of arguments stand in a message, in order; and the arguments whose values do not stand there."""
    found: list[Span] = []
    missing: list[str] = []
    for name, value in sorted(tagged(arguments), key=lambda one: -len(str(one[1]))):
        free = [place for place in _places(said, value) if not any(_overlap(place, span) for span in found)]
        if not free:
            missing.append(name)
            continue
        start, end = _best(said, name, value, free)
        found.append(Span(start, end, role_of(name)))
    if any(span.role == "layers" for span in found):  # of a range, only the ends are written
        missing = [name for name in missing if name != "layers"]
    return _joined(said, sorted(found, key=lambda span: span.start)), missing


def _overlap(place: tuple[int, int], span: Span) -> bool:
    return span.start < place[1] and place[0] < span.end


def _best(said: str, name: str, value: Any, places: list[tuple[int, int]]) -> tuple[int, int]:
    """A text is rather the one in quotes, a number the one behind what it counts."""
    if isinstance(value, str):
        start, end = next((place for place in places if said[: place[0]].endswith(OPENING)), places[0])
        ends_so = end < len(said) and said[end] in "?.!" and value.rstrip().endswith(("?", ".", "!"))
        return start, end + ends_so
    cue = re.compile(rf"(?:{_CUES.get(name, name[:4])})[a-z.]*\W*$")
    return max(places, key=lambda place: (bool(cue.search(said[: place[0]].lower())), -place[0]))


def _places(said: str, value: Any) -> list[tuple[int, int]]:
    low = said.lower()
    if len(low) != len(said):
        low = said
    if isinstance(value, int | float):
        return [m.span(1) for m in re.finditer(_written(value), low)]
    value = str(value).lower()
    if numbered := _NUMBERED.fullmatch(value):
        written = re.finditer(rf"\b([a-z]+)[-_ ]?0?{int(numbered['number'])}\b", low)
        return [m.span() for m in written if SequenceMatcher(None, m[1], numbered["family"]).ratio() >= ALIKE]
    found = [m.span() for m in re.finditer(re.escape(value.strip(" .")), low)]
    if re.fullmatch(r"[\w'-]+", value):
        return [(start, end) for start, end in found if not _in_word(low, start, end)]
    return found


def _in_word(text: str, start: int, end: int) -> bool:
    return bool(re.match(r"\w", text[end : end + 1]) or re.search(r"\w$", text[:start]))


def _written(value: float) -> str:
    """A pattern for a number in digits, as a word or as an ordinal."""
    forms = {re.escape(f"{value:g}"), re.escape(str(value))}
    if float(value).is_integer():
        whole = int(value)
        forms |= {_WORD_BY_NUMBER.get(whole, ""), _ORDINAL_BY_NUMBER.get(whole, ""), f"{whole}(?:st|nd|rd|th)"}
    else:
        forms.add(re.escape(f"{value:g}".lstrip("0")))
    either = "|".join(sorted(filter(None, forms), key=len, reverse=True))
    return rf"(?<![\w.@-])(?:[lhtkn]=?)?({either})(?!\.?\d)(?![a-gi-z])"


def _joined(said: str, spans: list[Span]) -> list[Span]:
    """Layers with no more than a dash or a word between them are one part."""
    found: list[Span] = []
    for span in spans:
        between = said[found[-1].end : span.start] if found else ""
        if found and found[-1].role == span.role == "layers" and len(between) <= FAR and _RANGE.fullmatch(between):
            found[-1] = Span(found[-1].start, span.end, "layers")
        else:
            found.append(span)
    return found


def quotations(said: str) -> Iterator[tuple[int, int]]:
    """Where the insides of quotations begin and end."""
    for m in QUOTED.finditer(said):
        yield m.span(m.lastindex or 0)
