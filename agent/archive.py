"""Earlier turns of a conversation: taken out of the loop's state, so that a turn costs the same early and late."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from langchain_core.messages import BaseMessage, HumanMessage, messages_from_dict, messages_to_dict

KEPT_TURNS = 12
"""Turns that the loop and the chat model see; what was measured before stays in the ledger."""
_TABLE = """
create table if not exists earlier (
    number integer primary key, thread text not null, id text not null, json text not null, unique (thread, id)
)"""


class Archive:
    """Messages in one SQLite file, in the order in which they were said."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(file, check_same_thread=False)
        with self._db:
            self._db.executescript("pragma journal_mode=wal; pragma synchronous=normal")
            self._db.execute(_TABLE)

    def add(self, thread: str, messages: Sequence[BaseMessage]) -> None:
        """Keep messages; those that are kept already stay as they are."""
        rows = [(thread, str(m.id), json.dumps(d)) for m, d in zip(messages, messages_to_dict(messages), strict=True)]
        with self._lock, self._db:
            self._db.executemany("insert or ignore into earlier (thread, id, json) values (?, ?, ?)", rows)

    def read(self, thread: str) -> list[BaseMessage]:
        """The earlier messages of a conversation, oldest first."""
        with self._lock:
            rows = self._db.execute("select json from earlier where thread=? order by number", (thread,)).fetchall()
        return messages_from_dict([json.loads(text) for (text,) in rows])

    def forget(self, thread: str) -> None:
        """Delete the earlier messages of a conversation."""
        with self._lock, self._db:
            self._db.execute("delete from earlier where thread=?", (thread,))

    def close(self) -> None:
        self._db.close()


def outgrown(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages before the last turns; a turn begins where the person speaks."""
    begins = [i for i, m in enumerate(messages) if isinstance(m, HumanMessage)]
    return list(messages[: begins[-KEPT_TURNS]]) if len(begins) > KEPT_TURNS else []
