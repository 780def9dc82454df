"""The learner panel: what is known of the person, and everything they may do with it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from agent.learner.inventory import concepts
from agent.learner.person import Person
from agent.people import People, as_items, forget_everything
from evidence.errors import MaieuticError
from ui.concept_map import drawn
from ui.render import harmless
from ui.session import House

Session = dict[str, Any]
Changes = tuple[Any, ...]
PANEL = ("map", "known", "notes", "note", "pause", "learner_said")
"""The parts of the page that show what is known, in the order in which handlers return them."""
NOTHING = "Nothing yet. I keep what you state, predict, prefer, and show of what you understand, in your words, and only that."
CHOOSE_NOTE = "Choose a note first."
CHOOSE_CONCEPT = "Choose a concept first."
FORGOTTEN = "Everything about you is deleted: notes, conversations and measurements ({} conversations). Reload the page to begin anew."


class Learner:
    """The handlers of the panel."""

    def __init__(self, house: House) -> None:
        self.house = house

    def show(self, session: Session, said: str = "") -> Changes:
        """What is known now; `said` is what the last action did."""
        people = self._people()
        if people is None or "person" not in session:
            problem = self.house.agent.memory_problem or "The memory is not open yet."
            return "", "", f"**Note:** {harmless(problem)}", gr.update(choices=[]), gr.skip(), said
        try:
            person = people.person(session["person"])
        except MaieuticError as error:
            return "", "", f"**Note:** {harmless(str(error))}", gr.update(choices=[]), gr.skip(), said
        items = as_items(person)
        listed = "\n".join(f"- {harmless(line)}" for line, _ in items) or NOTHING
        choices = [(line[:80], name) for line, name in items]
        return drawn(person), _told(person), listed, gr.update(choices=choices, value=None), person.paused, said

    def delete(self, note: str | None, session: Session) -> Changes:
        """Delete one note."""
        if not note:
            return self.show(session, CHOOSE_NOTE)
        return self._do(session, lambda people, me: people.memory.delete(me, note), "Deleted.")

    def reword(self, note: str | None, text: str, session: Session) -> Changes:
        """Change what a note says."""
        if not note or not text.strip():
            return self.show(session, "Choose a note and write what it should say.")
        return self._do(session, lambda people, me: people.reword(me, note, text), "Changed.")

    def knew(self, concept: str | None, session: Session) -> Changes:
        """The person says that they knew it."""
        return self._set(concept, session, known=True)

    def does_not_know(self, concept: str | None, session: Session) -> Changes:
        """The person says that they do not know it yet."""
        return self._set(concept, session, known=False)

    def _set(self, concept: str | None, session: Session, *, known: bool) -> Changes:
        if not concept:
            return self.show(session, CHOOSE_CONCEPT)
        return self._do(
            session, lambda people, me: people.set(me, concept, known=known), "Noted; I go by that from now on."
        )

    def pause(self, paused: bool, session: Session) -> Changes:
        """Stop noting, or go on."""
        told = "I note nothing now." if paused else "I note again what you state and show."
        return self._do(session, lambda people, me: people.pause(me, paused=paused), told)

    def export(self, session: Session) -> Any:
        """A file with everything noted."""
        people = self._people()
        if people is None or "person" not in session:
            return gr.skip()
        file = (
            Path(tempfile.mkdtemp()) / "maieutic-learner.json"
        )  # the page's own temporary folder; Gradio serves a copy
        file.write_text(people.export(session["person"]), encoding="utf-8")
        return gr.update(value=str(file), visible=True)

    def take_in(self, file: str | None, session: Session) -> Changes:
        """Add the notes of a file."""
        if not file:
            return self.show(session)
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return self.show(session, "That file cannot be read as text: choose one that Export gave.")
        return self._do(session, lambda people, me: people.take_in(me, text), "Taken in.")

    async def forget(self, session: Session) -> Changes:
        """Delete all of it: notes, conversations, checkpoints, evidence."""
        if self._people() is None or "person" not in session:
            return self.show(session)
        try:
            gone = await forget_everything(self.house.agent, session["person"])
        except MaieuticError as error:
            return self.show(session, str(error))
        return self.show(session, FORGOTTEN.format(gone))

    def _do(self, session: Session, action: Any, told: str) -> Changes:
        people = self._people()
        if people is None or "person" not in session:
            return self.show(session)
        try:
            action(people, session["person"])
        except MaieuticError as error:
            return self.show(session, harmless(str(error)))
        return self.show(session, told)

    def _people(self) -> People | None:
        return self.house.agent.people if self.house.started.is_set() and not self.house.failed else None


def names() -> list[tuple[str, str]]:
    """The concepts, to choose from."""
    return sorted((one.name, one.id) for one in concepts().values())


def _told(person: Person) -> str:
    """How well each concept that came up is understood, and why."""
    return "\n".join(_reasons(person)) or ""


def _reasons(person: Person) -> Iterator[str]:
    touched = sorted((one for one in person.masteries.values() if one.touched), key=lambda one: one.known)
    for one in touched:
        last = one.signs[-1]
        why = harmless(last.text.split(": ", 1)[-1])
        due = f" · ask again {one.due:%d %b}" if one.due else ""
        yield f"- **{one.concept.name}** {one.known:.0%}, {one.standing}: {why}{due}"
