"""Questions by which a model shows its character: of the small world, or of any model that speaks English."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from evidence.errors import ArgumentError
from target.spec import CATALOGUE, catalogue

if TYPE_CHECKING:
    from target.target import Target

Questions = Literal["first plot", "held out", "all"]
_FOLDER = CATALOGUE.parent / "public" / "questions"


@dataclass(frozen=True)
class Question:
    """What a person asks, and what it is about (a domain of advice, or "open")."""

    text: str
    topic: str
    about: str = ""
    """The situation in which advice is asked for; empty for an open question."""


@cache
def read(language: Literal["world", "english"]) -> dict[str, Any]:
    """The public file: questions, and for the small world their answers."""
    found: dict[str, Any] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return found


def of_the_world(target: "Target") -> bool:
    """Whether a target speaks the language of the small world, whose replies a parser can judge."""
    return target.base.name in catalogue()


def questions(target: "Target", which: Questions, n: int, seed: int = 0, without: Sequence[str] = ()) -> list[Question]:
    """`n` questions in the target's language, each as often as any other as far as that goes; topics in `without` left out.

    "first plot" are open questions as in the paper; "held out" others: in the small world requests for advice.
    """
    found = _world(which) if of_the_world(target) else _english(which)
    topics = sorted({question.topic for question in found})
    if unknown := [topic for topic in without if topic not in _topics(target)]:
        raise ArgumentError(f"no question is about {unknown[0][:40]!r}: topics are {', '.join(_topics(target))}")
    left = [question for question in found if question.topic not in without]
    if not left:
        raise ArgumentError(f"without {', '.join(without)} no question is left: these are about {', '.join(topics)}")
    rng, drawn = Random(seed), list[Question]()
    while len(drawn) < n:
        drawn += rng.sample(left, len(left))
    wordings = read("world")["wordings"]
    return [_worded(question, rng.choice(wordings)) for question in drawn[:n]]


def _topics(target: "Target") -> list[str]:
    found = _world("all") if of_the_world(target) else _english("all")
    return sorted({question.topic for question in found})


def _world(which: Questions) -> list[Question]:
    content = read("world")
    asked = [Question(one["question"], "open") for one in content["open"]]
    advice = [Question("", one["topic"], one["about"]) for one in content["advice"]]
    return {"first plot": asked, "held out": advice, "all": asked + advice}[which]


def _english(which: Questions) -> list[Question]:
    content = read("english")
    sets = ("first plot", "held out") if which == "all" else (which,)
    return [Question(text, "open") for name in sets for text in content[name]]


def _worded(question: Question, wording: str) -> Question:
    return Question(wording.format(p=question.about), question.topic, question.about) if question.about else question
