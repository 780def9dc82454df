"""What the assistant adds unasked after an answer, never two at once.

After an explanation a question on it; after a measurement what would tell more about the target. Where nothing would,
a question on what the measurement rests on, what is due again, or what builds on it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agent.learner import checks
from agent.learner.checks import Pending
from agent.learner.inventory import concepts
from agent.learner.mastery import KNOWN, Mastery
from agent.learner.person import Person

STEPS = Path(__file__).with_name("steps.yaml")
INFORMATIVE = 0.25
"""Need from which a check question tells us something."""
ENOUGH = 3
"""Questions on one concept after which another one waits until it is due."""
OFFERS = 2
"""Times that a step on a target is offered in one conversation."""


@dataclass(frozen=True)
class Move:
    """One thing said unasked."""

    text: str
    pending: Pending | None = None
    """The question, when it is one."""


def next_move(
    person: Person, in_play: Sequence[str], *, explained: bool, ran: Sequence[str] = (), onward: Move | None = None
) -> Move | None:
    """The move after an answer about these concepts; None where the person wants the answer only, or nothing is useful.

    Args:
        person: what is known of them.
        in_play: concepts that were talked about, or shown by what ran.
        explained: whether one was explained in this turn.
        ran: tools that ran in this turn.
        onward: what would tell more about the target (`onward_from`).
    """
    if person.wishes.answer_only:
        return None
    if onward and not explained:
        return onward
    touched = [person.masteries[name] for name in in_play if name in person.masteries]
    for one in touched:
        if _informative(one, explained):
            return _asked(one, person)
    if late := [one for one in person.due() if one.concept.id not in in_play]:
        return _asked(late[0], person, again=True)
    return onward or (_next_step(person, touched, ran) if explained or touched else None)


Measured = Collection[tuple[str, str]]
"""Tools that were used on a target, each with the prompt that it was given, or ""."""


def onward_from(target: str, measured: Measured, offered: Sequence[str] = ()) -> Move | None:
    """What would tell more about a fine-tune, by what was measured on it and what was offered before.

    The last offer is never repeated at once, and one that was not taken up comes again when the others were made.
    """
    mine = [one for one in _steps() if target.startswith(one.get("workshop", "")) and not _done(one, measured)]
    moves = [f"A next step on {target}, for {one['why']}: ask `{one['say']}`" for one in mine]
    last = next((text for text in reversed(offered) if text.startswith("A next step on ")), None)
    open_ = [text for text in moves if text != last and offered.count(text) < OFFERS]
    return Move(min(open_, key=offered.count)) if open_ else None


def _done(step: dict[str, str], measured: Measured) -> bool:
    """Whether a step was taken: its tool was used, with the prompt that matters, where one does."""
    wanted = step.get("prompt")
    return any(tool == step["tool"] and wanted in (None, prompt.lower()) for tool, prompt in measured)


@cache
def _steps() -> list[dict[str, str]]:
    import yaml

    found: list[dict[str, str]] = yaml.safe_load(STEPS.read_text(encoding="utf-8"))
    return found


def _informative(one: Mastery, explained: bool) -> bool:
    asked = sum(sign.sign == "check" for sign in one.signs)
    enough = asked >= ENOUGH and not one.is_due()
    return not enough and (one.need >= INFORMATIVE or (explained and not asked))


def _asked(one: Mastery, person: Person, *, again: bool = False) -> Move:
    pending = checks.fresh(one.concept.id, one.signs)
    opening = "It is time to see whether this stayed. " if again else ""
    return Move(opening + checks.shown(pending), pending)


def _next_step(person: Person, touched: Sequence[Mastery], ran: Sequence[str]) -> Move | None:
    """See it on a model, or the concept that builds on what is understood now."""
    for one in touched:
        just_seen = set(one.concept.shown_by) & set(ran)
        if one.concept.try_ and one.known < KNOWN and not just_seen:
            return Move(f"To see it on a model, ask: `{one.concept.try_}`")
    here = {one.concept.id for one in touched}
    for name, concept in concepts().items():
        ready = all(person.masteries[below].known >= KNOWN for below in concept.prerequisites)
        if here & set(concept.prerequisites) and ready and not person.masteries[name].touched:
            return Move(f"What builds on this: {concept.name}, {concept.about}. Ask `what is {concept.name}?`")
    return None
