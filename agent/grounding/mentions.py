"""What a sentence says that the numbers near it are of: places, tokens, names, sides of a comparison."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evidence.facts import Kind

CLAUSE = re.compile(r",|\b(?:and|but|whereas|while|versus|against|than)\b", re.IGNORECASE)
"""What may not stand between a list of places and its numbers."""


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
