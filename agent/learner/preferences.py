"""What a person prefers about the conversation, read from how they say it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agent.embedding import embedding
from agent.learner.inventory import Depth
from agent.notes import Note

if TYPE_CHECKING:
    import numpy as np

FILE = Path(__file__).with_name("preferences.yaml")
NEAR = 0.45
"""Cosine to a known wording from which a preference is taken for that one."""
OF_PREDICTIONS = ("predict", "expect")
"""Words of a preference in the person's own words by which it is about being asked for predictions."""
DEPTHS: tuple[Depth, ...] = ("newcomer", "student", "expert")


@dataclass(frozen=True)
class Preferences:
    """What holds now: the newest word on each thing."""

    depth: Depth | Literal[""] = ""
    answer_only: bool = False
    predictions: bool = True
    """Whether they may be asked what they expect before a reveal."""


def meant(said: str, embedding_name: str) -> str:
    """Which preference a message states, or "" for one of the person's own."""
    names, vectors = _known(embedding_name)
    likeness = vectors @ embedding(embedding_name)([said])[0]
    best = int(likeness.argmax())
    return names[best] if likeness[best] >= NEAR else ""


def within(said: str) -> list[str]:
    """Preferences that a longer message states among other things, in one of the listed wordings of two words or more.

    *Teach me* is none of them: it begins requests ("teach me about probes").
    """
    plain = f" {_words(said)} "
    return [
        name
        for name, texts in _listed().items()
        if name != "teach me" and any(" " in (one := _words(text)) and f" {one} " in plain for text in texts)
    ]


def _words(said: str) -> str:
    return " ".join(re.findall(r"[a-z']+", said.lower()))


@cache
def _listed() -> dict[str, list[str]]:
    import yaml

    listed: dict[str, list[str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return listed


def standing(notes: Sequence[Note]) -> Preferences:
    """What the notes of a person add up to."""
    held = {"depth": "", "answer_only": False, "predictions": True}
    for note in sorted((n for n in notes if n.kind == "preference"), key=lambda n: n.made_at):
        match note.wants:
            case "answer only":
                held["answer_only"], held["predictions"] = True, False
            case "teach me":
                held["answer_only"], held["predictions"] = False, True
            case "no predictions":
                held["predictions"] = False
            case "" if any(word in note.text.lower() for word in OF_PREDICTIONS):
                held["predictions"] = False
            case depth if depth in DEPTHS:
                held["depth"] = depth
    return Preferences(**held)  # type: ignore[arg-type]


@cache
def _known(embedding_name: str) -> "tuple[list[str], np.ndarray[Any, Any]]":
    pairs = [(name, text) for name, texts in _listed().items() for text in texts]
    return [name for name, _ in pairs], embedding(embedding_name)([text for _, text in pairs])
