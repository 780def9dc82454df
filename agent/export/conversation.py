"""What is exported: what was said and measured, in order, with the evidence by id."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.archive import Archive
from agent.events import Said, Step, told
from agent.learner.gain import Round
from agent.ledger import Ledger
from agent.notes import Note
from evidence import Evidence
from evidence.errors import ArgumentError


@dataclass(frozen=True)
class Conversation:
    """One conversation as it is to be taken along."""

    thread: str
    parts: Sequence[Said | Step]
    evidence: Mapping[str, Evidence]
    notes: Sequence[Note] = ()
    """What was noted of the person in it, the newest first."""
    rounds: Sequence[Round] = ()
    """Quizzes on what a target replies."""

    @property
    def shown(self) -> list[Said | Step]:
        """What was said and what gave evidence; each evidence once, where it came first."""
        seen: set[str] = set()
        kept: list[Said | Step] = []
        for part in self.parts:
            if isinstance(part, Said):
                kept.append(part)
            elif part.evidence in self.evidence and part.evidence not in seen:
                seen.add(str(part.evidence))
                kept.append(part)
        return kept


def read(folder: Path, thread: str) -> Conversation:
    """A conversation from the data folder, without opening the agent.

    Raises:
        ArgumentError: there is no such conversation; the newest ones are named.
    """
    from langgraph.checkpoint.sqlite import SqliteSaver

    if not (folder / "conversations.sqlite").exists():
        raise ArgumentError(
            f"there is no conversation in {folder}: talk first, with `make chat` or `python -m agent chat`"
        )
    database = sqlite3.connect(folder / "conversations.sqlite", check_same_thread=False)
    try:
        known = [row[0] for row in database.execute(_NEWEST)]
        if thread not in known:
            raise ArgumentError(f"there is no conversation {thread!r}: the newest are {', '.join(known[:5]) or 'none'}")
        found = SqliteSaver(database).get_tuple({"configurable": {"thread_id": thread}})
        values = found.checkpoint["channel_values"] if found else {}
        recent, rounds = values.get("messages", []), values.get("rounds", [])
    finally:
        database.close()
    archive, ledger = Archive(folder / "conversations.sqlite"), Ledger(folder / "ledger.sqlite")
    try:
        ids = {message.id for message in recent}
        earlier = [message for message in archive.read(thread) if message.id not in ids]
        return Conversation(thread, told([*earlier, *recent]), ledger.all(thread), rounds=rounds)
    finally:
        archive.close()
        ledger.close()


_NEWEST = "select thread_id from checkpoints group by thread_id order by max(checkpoint_id) desc"
