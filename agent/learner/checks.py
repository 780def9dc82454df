"""Check questions: which one to ask, how it is shown, and how an answer is graded. Grading is code; no voice takes part."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from agent.embedding import embedding
from agent.learner.inventory import Check, Graded, concepts
from agent.notes import Note

LETTERS = "abcd"
CLOSE, AHEAD = 0.6, 0.06
"""Cosine to an answer from which free words are taken for it, and by how much it must be nearer than the next."""
_LETTER = re.compile(
    r"^\W*(?:answer |option |it's |its |it is |i think |i'd say |i would say |maybe |probably |number )*"
    r"\(?([a-d1-4])\b\)?\W*(?:i think|please|maybe|probably|\?)?\W*$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"^\W*(?:i (?:think|guess|say) )?the (first|second|third|fourth|last)(?: one| answer| option)?\W*$", re.IGNORECASE
)
_SKIP = re.compile(
    r"^\W*(?:skip|pass|no idea|i (?:do not|don't|dont) know|dunno|not sure|idk|never ?mind)\b.{0,20}$", re.IGNORECASE
)


class Pending(TypedDict):
    """A question that waits for an answer; plain data, kept with the conversation."""

    concept: str
    question: int


@dataclass(frozen=True)
class Result:
    """How an answer turned out."""

    answer: Graded | None
    """None where the person skipped it or does not know."""
    check: Check
    concept: str


def of(pending: Pending) -> Check:
    """The question behind what is kept of it.

    Raises:
        KeyError: the concept is no more.
    """
    return concepts()[pending["concept"]].checks[pending["question"]]


def fresh(concept: str, signs: Sequence[Note]) -> Pending:
    """The next question of a concept: they take turns, so that no two sittings ask the same."""
    asked = sum(sign.sign == "check" and sign.concept == concept for sign in signs)
    return Pending(concept=concept, question=asked % len(concepts()[concept].checks))


def shown(pending: Pending) -> str:
    """The question with its answers, each under a letter."""
    check = of(pending)
    listed = "\n".join(f"- **{letter})** {one.text}" for letter, one in zip(LETTERS, check.answers, strict=False))
    return f"**A question on {concepts()[pending['concept']].name}**, if you like (a letter will do, or go on):\n\n{check.question}\n\n{listed}"


def graded(pending: Pending, said: str, embedding_name: str) -> Result | None:
    """The answer somebody gave, or None when what they said is no answer; with no embedding only a letter or the very words count."""
    check = of(pending)
    if skipped(said):
        return Result(None, check, pending["concept"])
    place = lettered(said, len(check.answers))
    found = check.answers[place] if place is not None else _by_words(check, said, embedding_name)
    return Result(found, check, pending["concept"]) if found else None


def told(result: Result) -> str:
    """What is said after an answer."""
    if result.answer is None:
        return f"No matter. {result.check.right.text} {result.check.right.because}"
    opening = {"right": "Right.", "partly": "Partly.", "wrong": "Not quite."}[result.answer.grade]
    right = "" if result.answer.grade == "right" else f" Better: {result.check.right.text}"
    return f"{opening} {result.answer.because}{right}"


def skipped(said: str) -> bool:
    """Whether somebody passes a question, or says that they do not know."""
    return bool(_SKIP.match(said))


def lettered(said: str, count: int) -> int | None:
    """Which of so many options a letter, a number or an ordinal names; None where it is none of them."""
    if m := _LETTER.match(said):
        place = "1234".find(m[1]) if m[1].isdigit() else LETTERS.find(m[1].lower())
    elif m := _ORDINAL.match(said):
        place = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": count - 1}[m[1].lower()]
    else:
        return None
    return place if place < count else None


def _by_words(check: Check, said: str, embedding_name: str) -> Graded | None:
    plain = [one.text.strip(" .").casefold() for one in check.answers]
    if (same := said.strip(" .").casefold()) in plain:
        return check.answers[plain.index(same)]
    if not embedding_name:
        return None
    embed = embedding(embedding_name)
    likeness = (embed([one.text for one in check.answers]) @ embed([said])[0]).tolist()
    (best, place), (second, _) = sorted(((score, n) for n, score in enumerate(likeness)), reverse=True)[:2]
    return check.answers[place] if best >= CLOSE and best - second >= AHEAD else None
