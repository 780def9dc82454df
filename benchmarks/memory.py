"""The memory of a person: how fast it recalls among many people, whether it finds what was meant, and what a kill loses."""

import hashlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.embedding import embedding
from agent.memory import Memory
from agent.notes import Note
from evals.result import Metric, share
from evals.understanding import rows

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

PEOPLE, OTHERS, MINE = 1000, 90, 10_000
"""People, notes of each of the others, notes of the one who is measured."""
QUERIES, FIRST, DIMENSIONS = 200, 5, 384
WORDINGS = "memory_test"
KILLS, KILLED_AFTER = 3, 40
"""Kills of each kind, and changes after which the process is killed."""


class Synthetic:
    """Random unit vectors, the same for the same text, as near to each other as sentence vectors are: a shared part and an own part."""

    name = "synthetic"

    def __call__(self, texts: Sequence[str]) -> "Vectors":
        import numpy as np

        found = np.stack([self._vector(text) for text in texts])
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def deep(self, texts: Sequence[str]) -> "Vectors":
        return self(texts)

    @staticmethod
    def _vector(text: str) -> "Vectors":
        import numpy as np

        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        own: Vectors = np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)
        topic = np.random.default_rng(seed % 200).normal(size=DIMENSIONS).astype(np.float32)
        return own + topic


def run() -> Iterator[Metric]:
    """Speed with synthetic vectors, finding with real texts, and kills."""
    yield from _speed()
    for name, bar in (("minilm", 0.9), ("lexical", None)):
        yield _found(name, bar)
    yield from _killed()


def _speed() -> Iterator[Metric]:
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory(Path(folder), Synthetic())
        started = time.perf_counter()
        for person in range(PEOPLE - 1):
            memory.add(f"person-{person}", _notes(f"other {person}", OTHERS))
        memory.add("me", _notes("mine", MINE))
        yield Metric(
            "seconds to write all notes", round(time.perf_counter() - started, 1), (PEOPLE - 1) * OTHERS + MINE
        )
        memory.close()
        memory = Memory(Path(folder), Synthetic())
        yield Metric(
            "milliseconds, first recall of a cold collection", _milliseconds(memory, "me", "a first question"), 1
        )
        yield Metric("milliseconds, first reading of all notes", _took(lambda: memory.all("me")), MINE)
        yield Metric("milliseconds, reading them again", _took(lambda: memory.all("me")), MINE)
        taken = sorted(_milliseconds(memory, "me", f"question {n}") for n in range(QUERIES))
        high = taken[int(0.95 * QUERIES)]
        yield Metric(
            "milliseconds of a recall, median (to p95)",
            statistics.median(taken),
            QUERIES,
            taken[0],
            high,
            20,
            "at most",
        )
        other = sorted(_milliseconds(memory, f"person-{n}", f"question {n}") for n in range(QUERIES))
        yield Metric("milliseconds, first recall of each of the others, median", statistics.median(other), QUERIES)
        memory.close()


def _found(name: str, bar: float | None) -> Metric:
    """How often the note that a paraphrase means is among the first five of 2,000."""
    said = list(rows(WORDINGS))
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory(Path(folder), embedding(name))
        memory.add("me", [_note(str(n), row["say"]) for n, row in enumerate(said)])
        asked = [(str(n), row["again"]) for n, row in enumerate(said) if "again" in row]
        right = [mine in {note.id for note in memory.recall("me", again, most=FIRST)} for mine, again in asked]
        memory.close()
    return share(f"meant note among the first {FIRST} of {len(said)}, {name}", sum(right), len(right), bar=bar)


def _killed() -> Iterator[Metric]:
    lost = back = 0
    for _ in range(KILLS):
        with tempfile.TemporaryDirectory() as folder:
            kept = _until_killed(folder, "insert")
            lost += len(set(kept) - _there(folder))
            gone = _until_killed(folder, "delete")
            there = _there(folder)
            back += len(set(gone) & there)
            lost += len(set(kept) - there - set(_tried(gone, kept)))
    yield Metric("acknowledged notes lost after kill -9", lost, KILLS * KILLED_AFTER, bar=0, side="at most")
    yield Metric("deleted notes back after kill -9", back, KILLS * KILLED_AFTER, bar=0, side="at most")


def _tried(gone: list[str], kept: list[str]) -> list[str]:
    """What was deleted, and the one whose deletion was under way."""
    return kept[: len(gone) + 1]


def _until_killed(folder: str, what: str) -> list[str]:
    """The ids that a process had acknowledged before it was killed in the middle of its work."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"from benchmarks.memory import {what}; {what}({folder!r})"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    told = []
    for line in process.stdout:
        told.append(line.strip())
        if len(told) == KILLED_AFTER // 2 * (1 if what == "delete" else 2):
            time.sleep(0.003)  # into the next change
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    return told


def insert(folder: str) -> None:
    """Keep notes without end, telling the id of each once it is kept."""
    memory = Memory(Path(folder), Synthetic())
    for n in range(10_000):
        print(memory.remember("me", _note(f"id-{n}", f"note {n}")).id, flush=True)


def delete(folder: str) -> None:
    """Delete the notes in order, telling the id of each once it is gone."""
    memory = Memory(Path(folder), Synthetic())
    for n in range(10_000):
        memory.delete("me", f"id-{n}")
        print(f"id-{n}", flush=True)


def _there(folder: str) -> set[str]:
    memory = Memory(Path(folder), Synthetic())
    found = {note.id for note in memory.all("me")}
    near = {note.id for note, _ in memory.like("me", "note 30", most=len(found) or 1)}
    memory.close()
    return found & near  # kept, and found by its vector


def _notes(who: str, count: int) -> list[Note]:
    return [_note(f"{n}", f"{who} {n}") for n in range(count)]


def _note(name: str, text: str) -> Note:
    return Note(id=name, kind="belief", text=text[:1000], quote=text[:1000], thread="t", turn=name)


def _milliseconds(memory: Memory, person: str, question: str) -> float:
    return _took(lambda: memory.recall(person, question))


def _took(action: Any) -> float:
    started = time.perf_counter()
    action()
    return round(1000 * (time.perf_counter() - started), 2)
