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
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


_BROKEN = "its chain is broken there"
_KEY_BYTES = 32
_BEGUN = b"\x01"
"""Follows the key once the head of its chain is written: from then on an empty log is one that was emptied."""


class Audit:
    """The log of one data folder. Each record's code covers the record before it; the head covers the last."""

    def __init__(self, folder: Path) -> None:
        """Open the log of a folder, or begin one.

        Raises:
            AuditError: the log or its key is gone, or cannot be read.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / KEY
        self._lock = threading.Lock()
        had_key = self._file.exists()
        with _told():
            self._db = sqlite3.connect(folder / FILE, check_same_thread=False, isolation_level=None)
            # what is no text is read as some other text: its code then does not fit
            self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")
            try:
                self._open(had_key)
            except (sqlite3.DatabaseError, AuditError):
                self._db.close()
                raise

    def _open(self, had_key: bool) -> None:
        if had_key and not self._db.execute("select 1 from sqlite_master where name = 'record'").fetchone():
            raise AuditError(
                f"the audit log is gone: its key, {KEY}, is here and {FILE} holds no log; "
                "restore it, or move the key away too to begin anew"
            )
        _patiently(self._db, "pragma journal_mode=wal; pragma synchronous=normal")
        _patiently(self._db, _SCHEMA)
        self._key, begun = _read_key(self._file)
        if not begun:
            self._begin()

    def _begin(self) -> None:
        """Draw the key and write the head of an empty chain, once; a log of before heads were begun with gets one."""
        with self._db:
            self._db.execute("begin immediate")  # another process may begin too
            self._key, begun = _read_key(self._file)
            number, before = self._last()
            if begun:
                return
            if not self._key and number:
                raise AuditError(
                    f"the key of the audit log, {KEY}, is gone: restore it, or move {FILE} away to begin anew"
                )
            if not self._key:
                self._key = secrets.token_bytes(_KEY_BYTES)
                _write_key(self._file, self._key)
            if not number:
                self._write_head(number, before)
        _write_key(self._file, self._key + _BEGUN)  # after the head is there: a process may be killed in between

    def write(
        self, event: Event, *, thread: str, capability: str, tool: str = "", once: str | None = None, **said: Any
    ) -> None:
        """Append a record; what is `said` beside it (arguments, a target) is kept as keyed digests alone.

        A record that happens `once` is written once, also when a killed process does its last step again.

        Raises:
            AuditError: the log does not end where it ended; a record more would hide that.
        """
        key = self._digest(f"{event} {thread} {once}") if once else None
        record = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "tool": tool,
            "capability": capability,
            "thread": self._digest(thread),
            "once": key,
        } | {name: self._digest(json.dumps(value, sort_keys=True, default=str)) for name, value in said.items()}
        with self._lock, _told(), self._db:
            self._db.execute("begin immediate")  # another process may append too
            number, before = self._last()
            self._check_head(number, before)
            if key and self._db.execute("select 1 from record where once = ?", (key,)).fetchone():
                return
            text = json.dumps(record, sort_keys=True)
            mac = self._mac(f"{number + 1}\n{before}\n{text}")
            self._db.execute("insert into record values (?, ?, ?, ?)", (number + 1, key, text, mac))
            self._write_head(number + 1, mac)

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record, oldest first.

        Raises:
            AuditError: one cannot be read.
        """
        with _told():
            rows = self._db.execute("select number, json from record order by number").fetchall()
        for number, text in rows:
            try:
                yield {"number": number, **json.loads(text)}
            except (ValueError, TypeError, RecursionError) as error:
                raise _altered(number) from error

    def verify(self) -> int:
        """How many records there are, all as they were written.

        Raises:
            AuditError: a record was altered, taken out or put in; the sentence says which is the first.
        """
        with _told():
            rows = self._db.execute("select number, once, json, mac from record order by number").fetchall()
            before = ""
            for expected, (number, once, text, mac) in enumerate(rows, start=1):
                if number != expected:
                    raise AuditError(f"record {expected} is missing from the audit log: {_BROKEN}")
                if not _same(mac, self._mac(f"{number}\n{before}\n{text}")):
                    raise _altered(number)
                if json.loads(text).get("once", once) != once:  # records of earlier versions do not repeat it
                    raise _altered(number)
                before = mac
            self._check_head(len(rows), before)
        return len(rows)

    def close(self) -> None:
        self._db.close()

    def _last(self) -> tuple[int, str]:
        row = self._db.execute("select number, mac from record order by number desc limit 1").fetchone()
        return (int(row[0]), str(row[1])) if row else (0, "")

    def _write_head(self, number: int, last: str) -> None:
        self._db.execute("insert or replace into head values (1, ?, ?)", (number, self._mac(f"head\n{number}\n{last}")))

    def _check_head(self, number: int, last: str) -> None:
        """Raise unless the log ends with this record."""
        head = self._db.execute("select number, mac from head").fetchone()
        if head is None and not number:
            raise AuditError(
                f"the audit log is empty, but it was begun: its records and its end were taken out of {FILE}"
            )
        if head is None or head[0] != number or not _same(head[1], self._mac(f"head\n{number}\n{last}")):
            raise AuditError(
                f"the audit log ends after record {number}, which is not where it ended when it was written"
            )

    def _mac(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()

    def _digest(self, text: str) -> str:
        return self._mac(f"digest\n{text}")[:16]


def _altered(number: int) -> AuditError:
    return AuditError(f"record {number} of the audit log is not as it was written: {_BROKEN}")


def _same(found: Any, mac: str) -> bool:
    """Whether a code in the file, which may be anything there, is the one that belongs there."""
    return isinstance(found, str) and hmac.compare_digest(found.encode(), mac.encode())


@contextmanager
def _told() -> Iterator[None]:
    """Turn what SQLite says of a damaged or unusable file into a sentence."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise AuditError(
            f"the audit log cannot be used ({error}): restore {FILE}, or move it and {KEY} away to begin anew"
        ) from error


def _read_key(file: Path) -> tuple[bytes, bool]:
    """The key of the chain, empty where there is none yet, and whether its chain was begun."""
    try:
        found = file.read_bytes()
    except FileNotFoundError:
        return b"", False
    except OSError as error:
        raise AuditError(f"the key of the audit log, {file}, cannot be read ({error.strerror}): restore it") from error
    key, rest = found[:_KEY_BYTES], found[_KEY_BYTES:]
    if len(key) != _KEY_BYTES or rest not in (b"", _BEGUN):
        raise AuditError(f"the key of the audit log, {file}, is not one: restore it")
    return key, rest == _BEGUN


def _write_key(file: Path, content: bytes) -> None:
    """Whole or not at all; readable by its owner alone."""
    part = file.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
        new.write(content)
    part.replace(file)


def _patiently(database: sqlite3.Connection, script: str) -> None:
    """Run a script while another process may be opening the same log: SQLite does not wait for that by itself."""
    for wait in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 0.0):
        try:
            database.executescript(script)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or not wait:
                raise
            time.sleep(wait)
