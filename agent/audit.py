"""Who let the agent do what, and what it did: an append-only log whose records are chained by keyed hashes.

A record holds the event, the tool, the capability and the time; conversation, arguments and target only as keyed
digests. No word of a person or a target is in it, so forgetting a person leaves the chain whole.
"""

import hmac
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from evidence.errors import AuditError

Event = Literal["call", "refused", "granted", "withdrawn"]
FILE, KEY = "audit.sqlite", "audit.key"
_SCHEMA = """
create table if not exists record (number integer primary key, once text unique, json text not null, mac text not null);
create table if not exists head (one integer primary key check (one = 1), number integer not null, mac text not null);
create trigger if not exists no_change before update on record begin select raise(abort, 'append only'); end;
create trigger if not exists no_removal before delete on record begin select raise(abort, 'append only'); end;
"""


class Audit:
    """The log of one data folder. Each record's code covers the record before it; the head covers the last."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / FILE, check_same_thread=False, isolation_level=None)
        self._db.executescript("pragma journal_mode=wal; pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        self._key = _key(folder / KEY, self._last()[0])

    def write(
        self, event: Event, *, thread: str, capability: str, tool: str = "", once: str | None = None, **said: Any
    ) -> None:
        """Append a record; what is `said` beside it (arguments, a target) is kept as keyed digests alone.

        A record that happens `once` is written once, also when a killed process does its last step again.
        """
        record = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "tool": tool,
            "capability": capability,
            "thread": self._digest(thread),
        } | {name: self._digest(json.dumps(value, sort_keys=True, default=str)) for name, value in said.items()}
        with self._lock, self._db:
            self._db.execute("begin immediate")  # another process may append too
            key = self._digest(f"{event} {thread} {once}") if once else None
            if key and self._db.execute("select 1 from record where once = ?", (key,)).fetchone():
                return
            number, before = self._last()
            text = json.dumps(record, sort_keys=True)
            mac = self._mac(f"{number + 1}\n{before}\n{text}")
            self._db.execute("insert into record values (?, ?, ?, ?)", (number + 1, key, text, mac))
            self._db.execute(
                "insert or replace into head values (1, ?, ?)", (number + 1, self._mac(f"head\n{number + 1}\n{mac}"))
            )

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record, oldest first."""
        for number, text in self._db.execute("select number, json from record order by number"):
            yield {"number": number, **json.loads(text)}

    def verify(self) -> int:
        """How many records there are, all as they were written.

        Raises:
            AuditError: a record was altered, taken out or put in; the sentence says which is the first.
        """
        before, expected = "", 0
        for number, text, mac in self._db.execute("select number, json, mac from record order by number").fetchall():
            expected += 1
            if number != expected:
                raise AuditError(f"record {expected} is missing from the audit log: its chain is broken there")
            if not hmac.compare_digest(mac, self._mac(f"{number}\n{before}\n{text}")):
                raise AuditError(
                    f"record {number} of the audit log is not as it was written: its chain is broken there"
                )
            before = mac
        head = self._db.execute("select number, mac from head").fetchone()
        if head is None and expected == 0:
            return 0
        whole = self._mac(f"head\n{expected}\n{before}")
        if head is None or head[0] != expected or not hmac.compare_digest(head[1], whole):
            raise AuditError(
                f"the audit log ends after record {expected}, which is not where it ended when it was written"
            )
        return expected

    def close(self) -> None:
        self._db.close()

    def _last(self) -> tuple[int, str]:
        row = self._db.execute("select number, mac from record order by number desc limit 1").fetchone()
        return (int(row[0]), str(row[1])) if row else (0, "")

    def _mac(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()

    def _digest(self, text: str) -> str:
        return self._mac(f"digest\n{text}")[:16]


def _key(file: Path, records: int) -> bytes:
    """The key of the chain, drawn once; readable by its owner alone.

    Raises:
        AuditError: there are records and their key is gone.
    """
    if not file.exists() and records:
        raise AuditError(
            f"the key of the audit log, {file.name}, is gone: restore it, or move {FILE} away to begin anew"
        )
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return file.read_bytes()
