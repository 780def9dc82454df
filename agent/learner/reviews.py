"""When something understood should be asked again: the FSRS schedule of the `fsrs` package, fed with graded answers."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from agent.notes import Note

if TYPE_CHECKING:
    from fsrs import Card, Scheduler

RATED = {"right": "Good", "partly": "Hard", "wrong": "Again"}


def card(answers: Iterable[Note]) -> "Card | None":
    """The review card of one concept after its graded answers, oldest first; None before the first."""
    from fsrs import Card, Rating

    found = None
    for answer in answers:
        found, _ = scheduler().review_card(found or Card(card_id=0), Rating[RATED[answer.grade]], when(answer))
    return found


def retrievable(found: "Card", at: datetime) -> float:
    """The chance that it can still be recalled (0 to 1)."""
    return float(scheduler().get_card_retrievability(found, at))


def when(note: Note) -> datetime:
    """The moment of a note, in UTC."""
    made = datetime.fromisoformat(note.made_at)
    return made.astimezone(UTC) if made.tzinfo else made.replace(tzinfo=UTC)


@cache
def scheduler() -> "Scheduler":
    """The schedule, without the random shift of its intervals: the same answers give the same days."""
    from fsrs import Scheduler

    return Scheduler(enable_fuzzing=False)
