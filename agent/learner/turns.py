"""What a person's own words show of what they understand: the labels, never the numbers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agent.embedding import Embedding, embedding
from agent.learner.inventory import Concept, concepts
from agent.understanding.classifier import Task, classifier

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

Kind = Literal["knows", "does_not_know", "confused", "asks", "states", "analogy", "none"]
FILE = Path(__file__).with_name("turns.yaml")
IT = "this thing"
"""What stands for a concept's name, so that a kind is learned of all concepts at once."""
SURE = 0.5
"""Probability of a kind from which it is noted."""
NEAR = 0.25
"""Probability from which a message that names no concept is about the likeliest one."""
NAMED = 8.0
"""How much likelier a concept is that is named."""


@dataclass(frozen=True)
class Shown:
    """What one message shows."""

    kind: Kind
    concept: str
    """The concept it is about."""
    share: float
    """Probability of the kind."""


def shown(said: str, embedding_name: str, about: Sequence[str] = (), *, least: float = SURE) -> Shown | None:
    """What a message shows of understanding, or None; `about` are the concepts talked of before, the newest first.

    Args:
        said: the message.
        embedding_name: which embedding reads it.
        about: concepts that "it" may be.
        least: probability of the kind below which it shows nothing.
    """
    embed = embedding(embedding_name)
    kind, share = next(iter(classifier(embed, TURNS)(features(embed, said)).items()))
    if kind == "none" or share < least:
        return None
    back = about[0] if about and not all_named(said) and _points_back(said) else None
    concept = back or nearest(embed, said) or (about[0] if about else None)
    return Shown(kind, concept, share) if concept else None  # type: ignore[arg-type]


def features(embed: Embedding, said: str) -> "Matrix":
    """What the classifier sees of a message: its meaning and its letters, with the concept's name blanked."""
    import numpy as np

    plain = [blanked(said)]
    parts = [embed.deep(plain)] + ([embedding("lexical")(plain)] if embed.name != "lexical" else [])
    return np.concatenate(parts, axis=1)[0]


def all_named(said: str) -> list[str]:
    """Every concept a message names, in order."""
    found = sorted((m.start(), -len(m[0]), one.id) for one, m in _mentions(said))
    return list(dict.fromkeys(name for _, _, name in found))


def blanked(said: str) -> str:
    """A message with the names of concepts blanked, the longest first."""
    for pattern, _ in _patterns():
        said = pattern.sub(IT, said)
    return said


def nearest(embed: Embedding, said: str) -> str | None:
    """The concept a message is likeliest about, by its meaning and by what it names; None where nothing is likely."""
    shares = classifier(embed, CONCEPTS)(embed.deep([said])[0])
    names = set(all_named(said))
    weighed = {name: share * (NAMED if name in names else 1.0) for name, share in shares.items()}
    best = max(weighed, key=lambda name: weighed[name])
    return best if best in names or shares[best] >= NEAR else None


def _points_back(said: str) -> bool:
    return bool(re.search(r"\b(?:it|its|that|this|them|those|these)\b", said, re.IGNORECASE))


def _mentions(said: str) -> Iterator[tuple[Concept, re.Match[str]]]:
    rest = said
    for pattern, one in _patterns():
        for m in pattern.finditer(rest):
            yield one, m
        rest = pattern.sub(lambda m: " " * len(m[0]), rest)  # "tuned lens" is not also a lens


@cache
def _patterns() -> list[tuple[re.Pattern[str], Concept]]:
    names = {name.lower(): one for one in concepts().values() for name in (one.name, *one.called)}
    ending = r"(?:s|es|ed|ing)?"
    return [
        (re.compile(rf"\b{re.escape(name)}{ending}\b", re.IGNORECASE), names[name])
        for name in sorted(names, key=len, reverse=True)
    ]


def _texts(one: Concept) -> list[str]:
    answers = [answer.text for check in one.checks for answer in check.answers]
    questions = [check.question for check in one.checks]
    return [one.name, one.about, *one.called, *one.explained.values(), *questions, *answers]


@cache
def _rows() -> list[dict[str, str]]:
    import yaml

    found: list[dict[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


@cache
def _by_kind() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in _rows():
        found.setdefault(row["kind"], []).append(row["say"])
    return found


@cache
def _by_concept() -> dict[str, list[str]]:
    """What is said of each concept, and its own texts; a message that leaves the concept out teaches nothing of it."""
    found = {name: list(dict.fromkeys(_texts(one))) for name, one in concepts().items()}
    for row in _rows():
        if row.get("of"):
            found[row["of"]].append(row["say"])
    return found


TURNS = Task("turns", _by_kind, lambda embed, texts: _stacked(embed, texts))
"""What a message shows of understanding."""
CONCEPTS = Task("concepts", _by_concept, lambda embed, texts: embed.deep(list(texts)))
"""Which concept a message is about."""


def _stacked(embed: Embedding, texts: Sequence[str]) -> "Matrix":
    import numpy as np

    return np.stack([features(embed, text) for text in texts])
