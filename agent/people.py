"""What a person may do with what is known of them: look, change, take along, pause, and have all of it forgotten."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agent.learner.inventory import concepts
from agent.learner.person import PAUSED, Person
from agent.memory import Memory
from agent.notes import Note, checked
from agent.scrubbing import compact
from evidence.errors import MemoryError_

if TYPE_CHECKING:
    from agent.conversation import Agent

FORMAT = "maieutic learner 1"
MOST = 20_000
"""Notes in one import."""
SETTINGS = "settings"
"""Stands where a note says in which conversation it was made, for what was set in the panel."""


class People:
    """The memory as its owners use it. Each call names whose notes are meant; nothing here reads another person's."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def person(self, name: str) -> Person:
        """What is known of somebody now."""
        return Person(tuple(self.memory.all(name)))

    def set(self, person: str, concept: str, *, known: bool) -> Note:
        """Believe somebody about what they understand: "I knew that".

        Raises:
            MemoryError_: there is no such concept.
        """
        if concept not in concepts():
            raise MemoryError_(f"there is no concept {concept!r}: choose one of {', '.join(concepts())}")
        text = f"{concepts()[concept].name}: you set that you {'know it' if known else 'do not know it yet'}"
        grade = "right" if known else "wrong"
        return self.memory.remember(person, _set(kind="sign", text=text, concept=concept, sign="set", grade=grade))

    def reword(self, person: str, note_id: str, text: str) -> Note:
        """Change what a note says, in the person's words.

        Raises:
            MemoryError_: they have no such note, or the text is empty or too long.
        """
        old = next((note for note in self.memory.all(person) if note.id == note_id), None)
        if old is None:
            raise MemoryError_("there is no such note of yours: it may have been deleted")
        new = checked(old.model_dump() | {"text": text.strip(), "quote": text.strip()})
        self.memory.replace(person, new)
        return new

    def pause(self, person: str, *, paused: bool) -> None:
        """Note nothing from now on, or note again; what is there stays."""
        held = [note.id for note in self.memory.all(person) if note.kind == "setting" and note.text == PAUSED]
        if paused and not held:
            self.memory.add(person, [_set(kind="setting", text=PAUSED)])
        elif held and not paused:
            self.memory.delete(person, *held)

    def export(self, person: str) -> str:
        """Everything noted about somebody as JSON, which `take_in` reads again."""
        notes = [note.model_dump() for note in self.memory.all(person)]
        return json.dumps({"format": FORMAT, "notes": notes}, indent=1, ensure_ascii=False)

    def take_in(self, person: str, text: str) -> int:
        """Add the notes of an export; returns how many. Notes that are there already are not doubled.

        Raises:
            MemoryError_: it is no export; nothing was added.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise MemoryError_("the file is no JSON: choose one that `Export` gave") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("notes"), list):
            raise MemoryError_(f'the file is no export of notes: it must hold "format": "{FORMAT}" and "notes"')
        if len(data["notes"]) > MOST:
            raise MemoryError_(f"the file has {len(data['notes'])} notes: at most {MOST} are taken in at once")
        notes = [checked(one) for one in data["notes"]]
        self.memory.add(person, notes)
        return len(notes)


async def forget_everything(agent: "Agent", person: str) -> int:
    """Delete a person's notes, conversations, checkpoints and evidence, and compact the files; returns how many conversations.

    Raises:
        MemoryError_: an answer of theirs is still running, and nothing was deleted; or the files could not be compacted.

    The audit log stays: it holds no text of theirs. Files they downloaded are theirs to delete.
    """
    threads = [name for name, whose in (await agent.threads()).items() if whose == person]
    if any(agent.busy(thread) for thread in threads):
        raise MemoryError_("an answer of yours is still running: stop it first, then forget everything")
    for thread in threads:
        await agent.forget(thread)
    if agent.memory:
        await asyncio.to_thread(agent.memory.forget, person)
    try:
        for name in ("ledger.sqlite", "conversations.sqlite"):
            await asyncio.to_thread(compact, agent.folder / name)
    except sqlite3.Error as error:
        raise MemoryError_(
            "everything of yours is deleted, but the files could not be compacted while somebody else's answer runs: press it again in a moment"
        ) from error
    return len(threads)


def as_items(person: Person) -> Sequence[tuple[str, str]]:
    """What is known of a person, one line an item with its reason, and the id of each note."""
    return [(_line(note), note.id) for note in person.notes if note.kind != "setting"]


def _line(note: Note) -> str:
    outcome = f" → {note.outcome}" if note.outcome else ""
    sure = f" ({note.confidence})" if note.confidence else ""
    because = "" if note.quote in ("", note.text) else f" — “{note.quote[:120]}”"
    return f"{note.kind}: {note.text}{sure}{outcome}{because}"


def _set(**fields: Any) -> Note:
    return checked({"quote": "", "thread": SETTINGS, "turn": SETTINGS} | fields)
