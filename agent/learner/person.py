"""One person as the assistant knows them: what they understand, believe, prefer, and what their words add to that."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from agent.learner import preferences
from agent.learner.inventory import Depth, concepts
from agent.learner.mastery import Mastery, depth, masteries
from agent.learner.preferences import Preferences
from agent.learner.turns import Shown
from agent.notes import Note

SIGNS = {
    "knows": ("says", "right", "you said that you know it"),
    "does_not_know": ("says", "wrong", "you said that you do not know it"),
    "confused": ("confused", "wrong", "you were not following"),
    "asks": ("asks", "wrong", "you asked about it"),
}
"""The sign each kind of message is, whether it speaks for understanding, and how it is told."""
PAUSED = "paused"
ALIKE = 0.6
"""Cosine from which two beliefs are about the same."""
_DENIES = re.compile(r"\b(?:not|no|never|nothing|none|neither|\w+n't)\b", re.IGNORECASE)
_SURE = re.compile(r"\b(?:sure|certain|definitely|clearly|obviously|no doubt|know that)\b", re.IGNORECASE)
_UNLIKELY = re.compile(r"\b(?:unlikely|doubt|hardly|improbable)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Person:
    """What is known of somebody at one moment."""

    notes: tuple[Note, ...] = ()
    """The newest first; where two were made in one second, their order tells."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def wishes(self) -> Preferences:
        return preferences.standing(self.notes[::-1])

    @cached_property
    def masteries(self) -> dict[str, Mastery]:
        """What is believed of every concept."""
        return masteries([note for note in self.notes[::-1] if note.kind == "sign"], self.wishes.depth, self.at)

    @cached_property
    def paused(self) -> bool:
        """Whether nothing may be noted."""
        return any(note.kind == "setting" and note.text == PAUSED for note in self.notes)

    def depth(self, concept: str) -> Depth:
        """How deep to explain a concept to them."""
        return depth(self.masteries[concept], self.wishes.depth)

    def need(self) -> dict[str, float]:
        """By concept, how much attention helps (0 to 1)."""
        return {name: one.need for name, one in self.masteries.items() if one.touched}

    def analogy(self, concept: str) -> str:
        """Their own comparison for a concept, the newest one; "" where they made none."""
        return next((note.quote for note in self.notes if note.kind == "analogy" and note.concept == concept), "")

    def due(self) -> list[Mastery]:
        """What should be asked again, the most overdue first."""
        late = [one for one in self.masteries.values() if one.is_due(self.at)]
        return sorted(late, key=lambda one: one.due or self.at)

    def summary(self) -> str:
        """What a voice is told of how to speak to them."""
        touched = [one for one in self.masteries.values() if one.touched]
        parts = (
            [f"Explain at the depth of {'an' if self.wishes.depth == 'expert' else 'a'} {self.wishes.depth}."]
            if self.wishes.depth
            else []
        )
        for standing in ("understood", "shaky", "not yet"):
            names = [one.concept.name for one in touched if one.standing == standing]
            parts += [f"{standing.capitalize()}: {', '.join(names)}."] if names else []
        parts += ["They want the answer only: no questions, no suggestions."] if self.wishes.answer_only else []
        return " ".join(parts)


@dataclass(frozen=True)
class Said:
    """One message of a person, and where it stands."""

    text: str
    thread: str
    turn: str
    target: str

    def note(self, **fields: str | int) -> Note:
        """A note that rests on this message."""
        quote = self.text[:1000]
        return Note.model_validate({"text": quote, "quote": quote, "thread": self.thread, "turn": self.turn} | fields)


def noticed(said: Said, intent: str, shown: Shown | None, embedding_name: str) -> list[Note]:
    """What one message adds: a belief, a preference, a sign of understanding, an analogy. From their own words alone."""
    stated = [said.note(kind="preference", wants=one) for one in preferences.within(said.text)]
    if stated or intent == "preference":
        wants = "" if stated else preferences.meant(said.text, embedding_name)
        if stated or wants or shown is None:
            return [*(stated or [said.note(kind="preference", wants=wants)]), *_shown(said, shown)]
    if intent == "belief":
        return [said.note(kind="belief", target=said.target, confidence=confidence(said.text))]
    return _shown(said, shown)


def _shown(said: Said, shown: Shown | None) -> list[Note]:
    """What a message shows of understanding, as a note."""
    if shown is None:
        return []
    if shown.kind == "analogy":
        return [said.note(kind="analogy", concept=shown.concept)]
    if shown.kind not in SIGNS:
        return []
    sign, grade, told = SIGNS[shown.kind]
    text = f"{concepts()[shown.concept].name}: {told}"
    return [said.note(kind="sign", concept=shown.concept, sign=sign, grade=grade, text=text)]


def confidence(said: str) -> str:
    """How sure somebody says they are."""
    if _UNLIKELY.search(said):
        return "unlikely"
    return "sure" if _SURE.search(said) and not _DENIES.search(said.split("sure")[0][-8:]) else "likely"


def contradicted(belief: Note, near: Sequence[tuple[Note, float]]) -> Note | None:
    """An earlier belief about the same thing that says the opposite."""
    for old, likeness in near:
        same = old.kind == "belief" and old.target == belief.target and old.id != belief.id
        if same and likeness >= ALIKE and bool(_DENIES.search(old.text)) != bool(_DENIES.search(belief.text)):
            return old
    return None
