"""The terms a newcomer asks about, each in a sentence or two."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

MOST = 2
"""Terms explained in one answer."""


@dataclass(frozen=True)
class Entry:
    """A term as people write it, and what it means."""

    terms: tuple[str, ...]
    text: str
    narrower: bool = False
    """Whether it is explained also where the message names a concept of the learner's, which is wider."""

    def named_in(self, said: str) -> int | None:
        """Where a message names it, if it does."""
        found = [
            m.start()
            for term in self.terms
            if (m := re.search(rf"\b{re.escape(term)}(?:s|es)?\b", said, re.IGNORECASE))
        ]
        return min(found, default=None)


@cache
def entries() -> tuple[Entry, ...]:
    """All terms; one that holds another in its name stands before it."""
    rows = yaml.safe_load(Path(__file__).with_name("glossary.yaml").read_text(encoding="utf-8"))
    return tuple(Entry(tuple(row["terms"]), row["text"], row.get("narrower", False)) for row in rows)


def narrower(asked: str) -> list[str]:
    """What terms mean that stand for less than the concepts people learn: "crosscoder" is not all of model diffing."""
    return [entry.text for entry in entries() if entry.narrower and entry.named_in(asked) is not None][:MOST]


def explained(asked: str) -> str:
    """What the terms mean that a question names, the first ones of it; or which terms there are."""
    found: list[tuple[int, Entry]] = []
    rest = asked
    for entry in entries():
        place = entry.named_in(rest)
        if place is not None:
            found.append((place, entry))
            for term in entry.terms:  # "tuned lens" is not also a lens
                rest = re.sub(rf"\b{re.escape(term)}(?:s|es)?\b", lambda m: " " * len(m[0]), rest, flags=re.IGNORECASE)
    if not found:
        known = ", ".join(entry.terms[0] for entry in entries())
        return f"I have no explanation for that term. I can explain: {known}."
    first = [entry.text for _, entry in sorted(found, key=lambda one: one[0])[:MOST]]
    return "\n\n".join(first)
