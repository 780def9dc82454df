"""What a sentence says that the numbers near it are of: places, tokens, names, sides of a comparison."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from agent.grounding.reading import Number
from evidence.facts import Kind

CLAUSE = re.compile(r",|\b(?:and|but|whereas|while|versus|against|than)\b", re.IGNORECASE)
"""Where a clause ends: a number in a mention's own clause is its, before one in the next."""


@dataclass(frozen=True)
class Mention:
    """Something a sentence says numbers near it are of."""

    start: int
    end: int
    kind: Kind
    value: str


def verbatim(text: str, kind: Kind, labels: Mapping[str, str]) -> list[Mention]:
    """Labels that stand in a text word for word, the longer before the shorter."""
    low, found = text.casefold(), list[Mention]()
    for label in sorted(labels, key=len, reverse=True):
        if len(label) < 4:
            continue
        quote = "[\"“']" if label.isalpha() else ""  # a single word may be anybody's
        for m in re.finditer(rf"(?<!\w){quote}{re.escape(label)}(?!\w)", low):
            if not any(one.start < m.end() and m.start() < one.end for one in found):
                found.append(Mention(m.start(), m.end(), kind, label))
    return found


def apart(mentions: list[Mention], text: str) -> list[Mention]:
    """Without tokens that are listed side by side: which number is whose is not said by nearness there."""
    tokens = [m for m in mentions if m.kind == "token"]
    beside = {
        m
        for a, b in pairwise(tokens)
        for m in (a, b)
        if re.fullmatch(r"[\s,]*(?:and|or|then)?\s*", text[a.end : b.start])
    }
    return [m for m in mentions if m not in beside]


def neighbours(mention: Mention, mentions: list[Mention], numbers: list[Number], plain: str) -> list[Number]:
    """The number before and the number after a mention, unless a semicolon or another mention of the kind is between."""
    others = [m.start for m in mentions if m.kind == mention.kind and m.value != mention.value]
    others += [m.start() for m in re.finditer(";" if mention.kind != "side" else "[;:(]", plain)]
    before = max((n for n in numbers if n.start < mention.start), key=lambda n: n.start, default=None)
    after = min((n for n in numbers if n.start >= mention.end), key=lambda n: n.start, default=None)
    if before and any(before.start < at < mention.start for at in others):
        before = None
    if after and any(mention.start < at < after.start for at in others):
        after = None
    near = [n for n in (before, after) if n]
    own = [n for n in near if not CLAUSE.search(plain[slice(*_between(n, mention))])]
    return own if others or mention.kind == "side" else own or [n for n in near if n.start > mention.start]


def _between(number: Number, mention: Mention) -> tuple[int, int]:
    if number.start < mention.start:
        return number.start + len(number.text), mention.start
    return mention.end, number.start
