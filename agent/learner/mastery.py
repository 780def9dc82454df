"""How well a person understands each concept, computed from the signs they gave: delete a sign, and it is as if it never was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from agent.learner import reviews
from agent.learner.inventory import Concept, Depth, concepts
from agent.learner.tracing import Seen, Sort, after, passed
from agent.notes import Note

PRIOR: Mapping[str, float] = {"newcomer": 0.3, "": 0.5, "student": 0.5, "expert": 0.7}
"""Chance of having understood a concept once what it builds on is understood, before anything was seen, by the depth the person asked for."""
LEAST = 0.15
"""Chance that is left however little of what it builds on seems understood: people learn out of order."""
SORTS: Mapping[str, Sort] = {
    "check": Sort(0.33, 0.1),
    "says": Sort(0.3, 0.3),
    "asks": Sort(0.45, 0.2),
    "confused": Sort(0.5, 0.1),
}
PARTLY = Sort(0.5, 0.4)
"""A half right answer says little either way."""
LEARN: Mapping[str, float] = {"check": 0.1, "says": 0.05, "asks": 0.15, "confused": 0.15}
"""Chance of understanding by what the assistant said after such a sign: an explanation, or what was right about an answer."""
SET = {"right": 0.97, "wrong": 0.03}
"""What a person sets in the panel is believed."""
EVEN = 0.5
"""Up to which somebody is told of a concept as a newcomer is."""
SHAKY, KNOWN = 0.4, 0.75

Standing = Literal["not yet", "shaky", "understood"]


@dataclass(frozen=True)
class Mastery:
    """What is believed of one concept, and why."""

    concept: Concept
    known: float
    """Probability that it is understood."""
    signs: tuple[Note, ...]
    """What the belief rests on, oldest first."""
    due: datetime | None
    """When it should be asked again; None before a graded answer."""

    @property
    def touched(self) -> bool:
        return bool(self.signs)

    @property
    def standing(self) -> Standing:
        return "not yet" if self.known < SHAKY else "shaky" if self.known < KNOWN else "understood"

    @property
    def need(self) -> float:
        """How much attention helps (0 to 1): most where it is open whether it is understood."""
        return 1 - abs(2 * self.known - 1)

    def is_due(self, at: datetime | None = None) -> bool:
        return self.due is not None and self.due <= (at or datetime.now(UTC))


def masteries(signs: Sequence[Note], level: Depth | Literal[""] = "", at: datetime | None = None) -> dict[str, Mastery]:
    """What is believed of every concept, those that others build on first."""
    at = at or datetime.now(UTC)
    found: dict[str, Mastery] = {}
    for name, concept in concepts().items():
        mine = tuple(sorted((s for s in signs if s.concept == name), key=reviews.when))
        below = [found[one].known for one in concept.prerequisites]
        found[name] = _mastery(concept, mine, _prior(PRIOR[level], below), at)
    return found


def _prior(chance: float, below: Sequence[float]) -> float:
    """Nothing is understood before what it builds on: the least understood of it bounds the prior."""
    return max(LEAST, chance * min(below, default=1.0))


def _mastery(concept: Concept, signs: tuple[Note, ...], prior: float, at: datetime) -> Mastery:
    known, learned, answers = prior, 0.0, list[Note]()
    for sign in signs:
        forgotten = _forgotten(answers, reviews.when(sign))
        if sign.sign == "set":
            known, learned = SET[sign.grade], 0.0
            continue
        known = after(known, Seen(sign.grade == "right", _sort(sign), learned, forgotten))
        learned = LEARN[sign.sign]
        if sign.sign == "check":
            answers.append(sign)
    card = reviews.card(answers)
    return Mastery(concept, passed(known, learned, _forgotten(answers, at)), signs, card.due if card else None)


def _sort(sign: Note) -> Sort:
    if sign.grade == "partly":
        return PARTLY
    usual = SORTS[sign.sign]
    return Sort(1 / sign.choices, usual.slip) if sign.sign == "check" and sign.choices > 1 else usual


def _forgotten(answers: Sequence[Note], at: datetime) -> float:
    """The chance that what was understood at the last graded answer is lost by now."""
    card = reviews.card(answers)
    return 1 - reviews.retrievable(card, at) if card else 0.0


def depth(mastery: Mastery, wanted: Depth | Literal[""] = "") -> Depth:
    """How deep to explain: as the person wants it, else by what they understand."""
    if wanted:
        return wanted
    return "newcomer" if mastery.known <= EVEN else "student" if mastery.known < KNOWN else "expert"
