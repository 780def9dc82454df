"""What a sentence of an answer says, read without knowing what is true: its numbers, citations, quotes and places."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from evidence.facts import Kind

CITATION = re.compile(r"\[(E\d+(?:\s*[,;]\s*E\d+)*)\]")
_NUMBER = re.compile(r"(?<![\w.#-])([-−]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)(\s?%| percent)?(?!\.?\d)")
_NAME = re.compile(r"\b[A-Za-z][\w/@.]*-\d[\w.-]*|\b\d+(?:st|nd|rd|th)\b|\b[A-Za-z]+@\d+\b")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*[A-Za-z ][^`]*`|^>.*$|^\s*\d+[.)]\s", re.MULTILINE)
_WORDS = re.compile(r"\"([^\"]+)\"|“([^”]+)”")
LONG = 32
"""Signs from which on a quotation is somebody's sentence rather than a name."""
GOES_ON = 3
"""Words after its last citation from which on a sentence says something that it does not cite."""
_MARKED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)|(?<!\w)‘([^’]+)’(?!\w)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“*])|\n+")
_NEXT = r"\d+(?!\.?\d|\s?%| percent| nats| (?:after|at|in|on) )"
_PLACES = re.compile(
    r"\b(layers|heads|features|latents|layer|head|feature|latent)\s+#?"
    rf"(\d+(?:\s*(?:(?<=s \d),|(?<=s \d\d),|,(?=\s*\d+\s*(?:,|and|or)\b)|, and|and|or|to|through|–|-)\s*{_NEXT})*)(?!\.?\d)",
    re.IGNORECASE,
)
"""A comma alone goes on with a list only after a plural, or before the rest of a list: "feature 267, 176" is one feature."""

_KINDS: dict[str, Kind] = {"layer": "layer", "head": "head", "feature": "feature", "latent": "feature"}


@dataclass(frozen=True)
class Number:
    """A number as it is written."""

    start: int
    text: str
    value: float
    percent: bool


@dataclass(frozen=True)
class Place:
    """A layer, head or feature that is named."""

    start: int
    end: int
    kind: Kind
    value: str
    among: int = 0
    """Where the list begins that it stands in, "layers 2 and 3"; the numbers of a list follow in its order."""
    span: bool = False
    """Whether it is an end of a span, "layers 0 to 5"."""


@dataclass(frozen=True)
class Sentence:
    """One sentence and where it stands. Offsets are into `text`."""

    text: str
    plain: str
    """The same with everything in quotes blanked."""
    paragraph: int
    start: int = 0
    """Where it begins in its paragraph."""

    @cached_property
    def citations(self) -> tuple[str, ...]:
        found = [re.findall(r"E\d+", group) for group in CITATION.findall(self.plain)]
        return tuple(dict.fromkeys(name for names in found for name in names))

    @cached_property
    def unquoted(self) -> str:
        """The sentence without citations and numbered lists; short quotes, which may be names, stay."""
        text = re.sub(r"^>.*$", " ", CITATION.sub(" ", self.text), flags=re.MULTILINE)
        return _WORDS.sub(lambda m: m[0] if len(m[0]) < LONG else " ", text)

    @cached_property
    def quotes(self) -> list[str]:
        """What stands in double quotes."""
        return [a or b for a, b in _WORDS.findall(self.text)]

    @cached_property
    def marked(self) -> list[tuple[int, int, str]]:
        """What stands in any kind of quotes, with its place."""
        return [(m.start(), m.end(), next(g for g in m.groups() if g)) for m in _MARKED.finditer(self.text)]

    @cached_property
    def places(self) -> list[Place]:
        """Layers, heads and features; "layers 2 to 4" names two of them, its ends."""
        found = []
        for m in _PLACES.finditer(self.plain):
            kind = _KINDS[m[1].lower().rstrip("s")]
            span = re.search(r"to|through|–|-", m[2]) is not None
            for number in re.finditer(r"\d+", m[2]):
                at = m.start(2) + number.start()
                found.append(Place(at, at + len(number[0]), kind, str(int(number[0])), m.start(), span))
        return found

    @cached_property
    def numbers(self) -> list[Number]:
        """Numbers that are neither names, citations nor places."""
        plain = self.plain
        for pattern in (CITATION, _NAME):
            plain = pattern.sub(lambda m: "\x00" * len(m[0]), plain)
        for place in self.places:
            plain = plain[: place.start] + "\x00" * (place.end - place.start) + plain[place.end :]
        plain = re.sub(r"(?<=\d)[-–](?=[\d.])", " ", plain)  # a range is two numbers
        return [
            Number(m.start(1), (m[1] + m[2].replace(" percent", " %")) if m[2] else m[1], _value(m[1]), bool(m[2]))
            for m in _NUMBER.finditer(plain)
        ]


def read(answer: str) -> Iterator[Sentence]:
    """The sentences of an answer in order."""
    for number, paragraph in enumerate(answer.split("\n\n")):
        blank = _QUOTED.sub(lambda m: "\x00" * len(m[0]), paragraph)  # so that places stay
        start = 0
        for end, following in [*((m.start(), m.end()) for m in _SENTENCE.finditer(blank)), (len(blank), len(blank))]:
            if blank[start:end].strip() or paragraph[start:end].strip():
                yield Sentence(paragraph[start:end], blank[start:end], number, start)
            start = following


def sources(sentences: Sequence[Sentence], one: Sentence) -> tuple[str, ...]:
    """What a sentence is held against: what it cites, what the next one cites where it goes on after its citation, or its surroundings."""
    if not one.citations:
        return _around(sentences, one)
    rest = one.plain[[m.end() for m in CITATION.finditer(one.plain)][-1] :]
    after = [s.citations for s in sentences if s.paragraph == one.paragraph and s.start > one.start and s.citations]
    goes_on = len(re.findall(r"\w{2,}", rest)) >= GOES_ON
    return tuple(dict.fromkeys([*one.citations, *(after[0] if after and goes_on else ())]))


def _around(sentences: Sequence[Sentence], one: Sentence) -> tuple[str, ...]:
    """What a paragraph cites; where it cites nothing, as the items of a list, the last one before that does, or the next."""
    by_paragraph: dict[int, list[str]] = {}
    for s in sentences:
        by_paragraph.setdefault(s.paragraph, []).extend(s.citations)
    before = [names for number, names in by_paragraph.items() if number <= one.paragraph and names]
    after = [names for number, names in by_paragraph.items() if number > one.paragraph and names]
    nearest = [*before[-1:], *after[:1]]
    return tuple(dict.fromkeys(nearest[0])) if nearest else ()


def _value(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))
