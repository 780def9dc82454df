"""What the assistant adds unasked after an answer: a check question, what is due again, or the next useful step; never two at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.learner import checks
from agent.learner.checks import Pending
from agent.learner.inventory import concepts
from agent.learner.mastery import KNOWN, Mastery
from agent.learner.person import Person

INFORMATIVE = 0.35
"""Need from which a check question tells us something."""
ENOUGH = 3
"""Questions on one concept after which another one waits until it is due."""


@dataclass(frozen=True)
class Move:
    """One thing said unasked."""

    text: str
    pending: Pending | None = None
    """The question, when it is one."""


def next_move(person: Person, in_play: Sequence[str], *, explained: bool) -> Move | None:
    """The move after an answer about these concepts; None where the person wants the answer only, or nothing is useful."""
    if person.wishes.answer_only:
        return None
    touched = [person.masteries[name] for name in in_play if name in person.masteries]
    for one in touched:
        if _informative(one, explained):
            return _asked(one, person)
    if late := [one for one in person.due() if one.concept.id not in in_play]:
        return _asked(late[0], person, again=True)
    return _next_step(person, touched) if explained or touched else None


def _informative(one: Mastery, explained: bool) -> bool:
    asked = sum(sign.sign == "check" for sign in one.signs)
    enough = asked >= ENOUGH and not one.is_due()
    return not enough and (one.need >= INFORMATIVE or (explained and not asked))


def _asked(one: Mastery, person: Person, *, again: bool = False) -> Move:
    pending = checks.fresh(one.concept.id, one.signs)
    opening = "It is time to see whether this stayed. " if again else ""
    return Move(opening + checks.shown(pending), pending)


def _next_step(person: Person, touched: Sequence[Mastery]) -> Move | None:
    """See it on a model, or the concept that builds on what is understood now."""
    for one in touched:
        if one.concept.try_ and one.known < KNOWN:
            return Move(f"To see it on a model, ask: `{one.concept.try_}`")
    here = {one.concept.id for one in touched}
    for name, concept in concepts().items():
        ready = all(person.masteries[below].known >= KNOWN for below in concept.prerequisites)
        if here & set(concept.prerequisites) and ready and not person.masteries[name].touched:
            return Move(f"What builds on this: {concept.name}, {concept.about}. Ask `what is {concept.name}?`")
    return None
