"""The evidence of each conversation, by id: the only place an answer may take a number from."""

import sqlite3
import statistics
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from evidence import Evidence, from_json
from evidence.errors import GroundingError

KEPT, _AT_ONCE = 2000, 500
"""How many evidences stay parsed; how many are read by one statement."""
_TABLE = """
create table if not exists evidence (
    thread text not null, number integer not null, call text not null, json text not null,
    primary key (thread, number), unique (thread, call)
)"""


class Ledger:
    """Evidence kept in one SQLite file, numbered E1, E2, ... within each conversation."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._read: OrderedDict[tuple[str, int], Evidence] = OrderedDict()
        self._db = sqlite3.connect(file, check_same_thread=False)
        with self._db:
            self._db.executescript("pragma journal_mode=wal; pragma synchronous=normal")
            self._db.execute(_TABLE)

    def add(self, thread: str, call: str, evidence: Evidence) -> str:
        """Keep an evidence and return its id; the same tool call always gets the same id."""
        with self._lock, self._db:
            known = self._db.execute("select number from evidence where thread=? and call=?", (thread, call)).fetchone()
            if known:
                return f"E{known[0]}"
            (last,) = self._db.execute(
                "select coalesce(max(number), 0) from evidence where thread=?", (thread,)
            ).fetchone()
            self._db.execute(
                "insert into evidence values (?, ?, ?, ?)", (thread, last + 1, call, evidence.model_dump_json())
            )
            return f"E{last + 1}"

    def find(self, thread: str, call: str) -> str | None:
        """The id of a tool call's evidence, if the call was finished before."""
        with self._lock:
            row = self._db.execute("select number from evidence where thread=? and call=?", (thread, call)).fetchone()
        return f"E{row[0]}" if row else None

    def get(self, thread: str, name: str) -> Evidence:
        """One evidence of a conversation.

        Raises:
            GroundingError: the conversation has no evidence of this id.
        """
        with self._lock:
            number = name.removeprefix("E")
            row = self._db.execute("select json from evidence where thread=? and number=?", (thread, number)).fetchone()
        if row is None:
            raise GroundingError(
                f"this conversation has no evidence {name!r}: it has {', '.join(self.names(thread)) or 'none yet'}"
            )
        return from_json(row[0])

    def _parsed(self, thread: str, numbers: Sequence[int]) -> dict[int, Evidence]:
        """Evidence by number: what never changes is read once, the newest `KEPT` of all conversations."""
        missing = [number for number in numbers if (thread, number) not in self._read]
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = self._db.execute(
                f"select number, json from evidence where thread=? and number in ({marks})", (thread, *some)
            ).fetchall()
            self._read.update({(thread, number): from_json(text) for number, text in rows})
        found = {number: self._read[thread, number] for number in numbers}
        while len(self._read) > KEPT:
            self._read.popitem(last=False)
        return found

    def names(self, thread: str) -> list[str]:
        """Ids of a conversation's evidence, oldest first."""
        rows = self._db.execute("select number from evidence where thread=? order by number", (thread,)).fetchall()
        return [f"E{number}" for (number,) in rows]

    def all(self, thread: str) -> dict[str, Evidence]:
        """Every evidence of a conversation by id."""
        with self._lock:
            rows = self._db.execute("select number from evidence where thread=? order by number", (thread,)).fetchall()
            return {f"E{n}": one for n, one in self._parsed(thread, [number for (number,) in rows]).items()}

    def measured_on(self, thread: str, target: str) -> list[tuple[str, str]]:
        """Tools that measured something on a target in a conversation, each with the prompt that it was given, or ""."""
        names = ("tool", "arguments.prompt", "target")
        tool, prompt, its_target = (f"json_extract(json, '$.provenance.{name}')" for name in names)
        with self._lock:
            rows = self._db.execute(
                f"select distinct {tool}, {prompt} from evidence where thread=? and {its_target}=?", (thread, target)
            ).fetchall()
        return [(str(name), str(said or "")) for name, said in rows]

    def seconds(self, tool: str) -> float | None:
        """The median time of a tool's newest measurements, of any conversation; None when there is none."""
        newest = "select json from evidence order by rowid desc limit 200"
        field = "json_extract(json, '$.provenance.seconds')"
        with self._lock:
            rows = self._db.execute(
                f"select {field} from ({newest}) where json_extract(json, '$.provenance.tool') = ?", (tool,)
            ).fetchall()
        return statistics.median(seconds for (seconds,) in rows) if rows else None

    def forget(self, thread: str) -> None:
        """Delete the evidence of a conversation."""
        with self._lock, self._db:
            self._db.execute("delete from evidence where thread=?", (thread,))
            self._read = OrderedDict((key, one) for key, one in self._read.items() if key[0] != thread)

    def close(self) -> None:
        self._db.close()
