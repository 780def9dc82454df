"""One thing known about a person, with the words it rests on: the only shape in which anything about them is kept."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evidence.errors import MemoryError_

Kind = Literal["belief", "prediction", "preference", "sign", "analogy", "setting"]
LONGEST = 1000
HALF_LIFE_DAYS = 30.0


def now() -> str:
    """This moment as it is kept."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Note(BaseModel):
    """One thing known about a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Kind
    text: str = Field(min_length=1, max_length=LONGEST)
    """What was noted, in the third person or as they said it."""
    quote: str = Field(max_length=LONGEST)
    """The person's own words."""
    thread: str
    turn: str
    target: str = ""
    outcome: str = ""
    """For a prediction: "right" or "wrong" once it was revealed."""
    confidence: Literal["", "sure", "likely", "unlikely"] = ""
    """How sure they said they are of a belief or a prediction."""
    concept: str = ""
    """What the note is a sign of having understood, or not."""
    sign: Literal["", "check", "says", "asks", "confused", "set"] = ""
    """An answered question, a claim about themselves, a question, not following, or what they set in the panel."""
    grade: Literal["", "right", "partly", "wrong"] = ""
    wants: str = Field(default="", max_length=40)
    """For a preference: which one it is, of those that change the conversation."""
    choices: int = Field(default=0, ge=0, le=20)
    """For an answered question: among how many answers they chose; 0 for free words."""
    against: str = ""
    """Id of a note that says the opposite; both are kept."""
    id: str = Field(default_factory=lambda: uuid.uuid4().hex, max_length=64)
    made_at: str = Field(default_factory=now, pattern=r"^\d{4}-\d\d-\d\dT[\d:]{8}(?:[+-]\d\d:\d\d)?$")


def fresh(note: Note) -> float:
    """1 for a note of this moment, half of it after thirty days."""
    days = max((datetime.now(UTC) - datetime.fromisoformat(note.made_at).astimezone(UTC)).total_seconds() / 86400, 0.0)
    return float(0.5 ** (days / HALF_LIFE_DAYS))


def checked(data: Any) -> Note:
    """A note from plain data.

    Raises:
        MemoryError_: it is not one; the sentence names the field.
    """
    try:
        return Note.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise MemoryError_(
            f"this is no note ({where}: {first['msg'].lower()}): export notes to see how they look"
        ) from error


def describe(notes: Sequence[Note]) -> str:
    """Notes as lines for a prompt or a panel."""
    return "\n".join(f"- {note.kind}: {note.text}" + (f" ({note.outcome})" if note.outcome else "") for note in notes)
