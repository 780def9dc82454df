"""What the assistant remembers about a person: what they stated, predicted and prefer. The only importer of chromadb.

One collection per person and embedding; every record is checked to be theirs. One process owns a
folder: a second one on the same folder would silently lose records.
"""

import fcntl
import hashlib
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from agent.embedding import Embedding
from evidence.errors import MemoryError_

Kind = Literal["belief", "prediction", "preference", "statement"]
_LEAST_FREE_BYTES = 5_000_000
_DUPLICATE = 0.97


@dataclass(frozen=True)
class Note:
    """One thing known about a person, with the words it rests on."""

    kind: Kind
    text: str
    """What we noted, in the third person or as they said it."""
    quote: str
    """The person's own words."""
    thread: str
    turn: str
    target: str = ""
    outcome: str = ""
    """For a prediction: "right" or "wrong" once it was revealed."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    made_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


class Memory:
    """Notes of many people in one Chroma folder; each sees their own alone."""

    def __init__(self, folder: Path, embed: Embedding) -> None:
        """Open the folder, or say in one sentence why not.

        Raises:
            MemoryError_: another process owns the folder, or the disk cannot be written.
        """
        self._embed = embed
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "owner.lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MemoryError_(
                f"another running Maieutic owns the memory in {folder}: close it, or set MAIEUTIC_HOME to another folder"
            ) from error
        except OSError as error:
            raise MemoryError_(
                f"the memory in {folder} cannot be written ({error.strerror}): free some space or set MAIEUTIC_HOME"
            ) from error
        self._client = _guard(lambda: _open(folder / "chroma"))

    def remember(self, person: str, note: Note) -> Note:
        """Keep a note; one that says the same as a note of the same kind replaces it.

        Raises:
            MemoryError_: it could not be written; nothing else is lost.
        """
        if shutil.disk_usage(self._folder).free < _LEAST_FREE_BYTES:
            raise MemoryError_("the disk is full: this was not remembered, the conversation goes on without it")
        vector = self._embed([note.text])[0].tolist()
        same = next(
            (
                old
                for old, score in self._near(person, vector, 1)
                if score > _DUPLICATE and old.kind == note.kind and old.target == note.target
            ),
            None,
        )
        kept = note if same is None else Note(**{**asdict(note), "id": same.id})
        metadata = {key: value for key, value in asdict(kept).items() if key not in {"id", "text"}} | {
            "owner": _key(person)
        }
        _guard(
            lambda: self._collection(person).upsert(
                ids=[kept.id], embeddings=[vector], documents=[kept.text], metadatas=[metadata]
            )
        )
        return kept

    def recall(self, person: str, query: str, most: int = 4, least: float = 0.25) -> list[Note]:
        """The notes nearest to a query, best first."""
        if not query.strip():
            return []
        vector = self._embed([query])[0].tolist()
        return [note for note, score in self._near(person, vector, most) if score >= least]

    def all(self, person: str) -> list[Note]:
        """Everything known about a person, newest first."""
        found = _guard(lambda: self._collection(person).get(include=["documents", "metadatas"]))
        notes = [_note(*row) for row in zip(found["ids"], found["documents"], found["metadatas"], strict=True)]
        return sorted(notes, key=lambda note: note.made_at, reverse=True)

    def delete(self, person: str, note_id: str) -> None:
        """Delete one note with its vector."""
        _guard(lambda: self._collection(person).delete(ids=[note_id]))

    def forget(self, person: str) -> None:
        """Delete everything known about a person, whichever embedding it was kept with."""
        mine = f"person-{_key(person)}-"
        for collection in _guard(self._client.list_collections):
            if collection.name.startswith(mine):
                _guard(partial(self._client.delete_collection, collection.name))

    def close(self) -> None:
        """Release the folder for another process."""
        self._client.close()
        self._lock.close()

    def _near(self, person: str, vector: list[float], most: int) -> list[tuple[Note, float]]:
        collection = self._collection(person)
        count = _guard(collection.count)
        if count == 0:
            return []
        found = _guard(
            lambda: collection.query(
                query_embeddings=[vector], n_results=min(most, count), include=["documents", "metadatas", "distances"]
            )
        )
        rows = zip(found["ids"][0], found["documents"][0], found["metadatas"][0], found["distances"][0], strict=True)
        mine = [(row, 1 - row[3]) for row in rows if row[2]["owner"] == _key(person)]
        return [(_note(*row[:3]), score) for row, score in mine]

    def _collection(self, person: str) -> Any:
        settings = {"hnsw:space": "cosine", "embedding": self._embed.name}
        return _guard(
            lambda: self._client.get_or_create_collection(
                self._name(person), metadata=settings, embedding_function=None
            )
        )

    def _name(self, person: str) -> str:
        return f"person-{_key(person)}-{_key(self._embed.name)[:8]}"


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _note(note_id: str, text: str, metadata: dict[str, Any]) -> Note:
    return Note(id=note_id, text=text, **{key: value for key, value in metadata.items() if key != "owner"})


def _open(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def _guard(action: Callable[[], Any]) -> Any:
    """Run one database action; its failures become one sentence."""
    import sqlite3

    from chromadb.errors import ChromaError

    try:
        return action()
    except (ChromaError, sqlite3.Error, OSError, ValueError) as error:
        raise MemoryError_(f"the memory could not be read or written: {' '.join(str(error).split())[:160]}") from error


def describe(notes: Sequence[Note]) -> str:
    """Notes as lines for a prompt or a panel."""
    return "\n".join(f"- {note.kind}: {note.text}" + (f" ({note.outcome})" if note.outcome else "") for note in notes)
