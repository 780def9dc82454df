"""What the assistant remembers about a person: what they stated, predicted, prefer and showed. The only importer of chromadb.

One collection per person and embedding; every record is checked to be theirs. One process owns a
folder: a second one on the same folder would silently lose records.
"""

import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.addresses import chroma_server
from agent.embedding import Embedding
from agent.folder_lock import owned
from agent.notes import Kind, Note, checked, describe, fresh
from agent.scrubbing import scrub
from evidence.errors import MemoryError_

__all__ = ["Kind", "Memory", "Note", "describe"]
log = logging.getLogger(__name__)
_LEAST_FREE_BYTES = 5_000_000
_DUPLICATE = 0.97
_RELATED = 0.25
"""Similarity below which a note has nothing to do with what was said."""
_AT_ONCE = 500
"""Notes written at once."""
FRESH, NEEDED = 0.1, 0.1
"""What a note of today, and one of a concept that is half understood, gain in similarity."""
_FRESH_COPY = "-copy"


class Memory:
    """Notes of many people in one Chroma folder, or on one server; each sees their own alone."""

    def __init__(self, folder: Path, embed: Embedding, *, server: str = "") -> None:
        """Open the folder, or reach the server at an `http://` or `https://` address; say in one sentence why not.

        Raises:
            MemoryError_: another process owns the folder, the disk cannot be written, or the server does not answer.
        """
        self._embed = embed
        self._folder = folder
        self._server = server
        self._writing = threading.RLock()
        self._known: dict[
            str, dict[str, Note]
        ] = {}  # by person and id: what was read once; one process owns the folder
        self._lock = owned(folder)
        try:
            self._client = _guard(lambda: _reach(server) if server else _opened(folder / "chroma"))
        except MemoryError_:
            self._lock.close()
            raise

    def remember(self, person: str, note: Note) -> Note:
        """Keep a note; one that says the same as a note of the same kind takes its place. Signs are events: each is kept.

        Raises:
            MemoryError_: it could not be written; nothing else is lost.
        """
        if shutil.disk_usage(self._folder).free < _LEAST_FREE_BYTES:
            raise MemoryError_("the disk is full: this was not remembered, the conversation goes on without it")
        vector = self._embed([note.text])[0].tolist()
        same = None if note.kind == "sign" else self._same(person, note, vector)
        kept = (
            note if same is None else note.model_copy(update={"id": same.id, "against": note.against or same.against})
        )
        with self._writing:
            self._put(self._collection(person), person, [kept], [vector])
        return kept

    def replace(self, person: str, note: Note) -> None:
        """Put a changed note in the place of the one with its id; what it said before is gone from the files.

        Raises:
            MemoryError_: the person has no such note.
        """
        if all(one.id != note.id for one in self.all(person)):
            raise MemoryError_("there is no such note of yours: it may have been deleted")
        with self._writing:
            self._put(self._collection(person), person, [note], self._embed([note.text]).tolist())
            self._rewrite(person)

    def recall(
        self, person: str, query: str, most: int = 4, *, need: Mapping[str, float] | None = None, signs: bool = False
    ) -> list[Note]:
        """The notes that bear on a query, best first: by likeness, by age, and by how much their concept needs attention (0 to 1)."""
        if not query.strip():
            return []
        vector = self._embed([query])[0].tolist()
        near = self._near(person, vector, 4 * most)
        ranked = [
            (score + FRESH * fresh(note) + NEEDED * (need or {}).get(note.concept, 0.0), note)
            for note, score in near
            if score >= _RELATED and (signs or note.kind not in {"sign", "setting"})
        ]
        return [note for _, note in sorted(ranked, key=lambda one: -one[0])[:most]]

    def like(self, person: str, text: str, most: int = 4) -> list[tuple[Note, float]]:
        """The notes nearest to a text, each with its cosine."""
        return self._near(person, self._embed([text])[0].tolist(), most)

    def all(self, person: str, kind: Kind | None = None) -> list[Note]:
        """Everything known about a person, newest first."""
        with self._writing:
            known = self._known.get(person)
            if known is None or self._server:  # a server has other writers
                found = _guard(lambda: self._collection(person).get(include=["documents", "metadatas"]))
                rows = zip(found["ids"], found["documents"], found["metadatas"], strict=True)
                known = self._known[person] = {row[0]: _note(*row) for row in rows}
            notes = [note for note in known.values() if kind in (None, note.kind)]
        return sorted(reversed(notes), key=lambda note: note.made_at, reverse=True)

    def add(self, person: str, notes: Sequence[Note]) -> None:
        """Keep many notes as they are, such as those of an export."""
        with self._writing:
            for few in _by(_AT_ONCE, notes):
                self._put(self._collection(person), person, few, self._embed([note.text for note in few]).tolist())

    def delete(self, person: str, *ids: str) -> None:
        """Delete notes: their text, their vectors, and the pages of the files that held them."""
        with self._writing:
            self._known.pop(person, None)
            _guard(lambda: self._collection(person).delete(ids=list(ids)))
            self._rewrite(person)

    def forget(self, person: str) -> None:
        """Delete everything known about a person, whichever embedding it was kept with."""
        with self._writing:
            self._known.pop(person, None)
            for name in self._names(person):
                _guard(lambda name=name: self._client.delete_collection(name))  # type: ignore[misc]
            self._scrub()

    def close(self) -> None:
        """Release the folder for another process."""
        if not self._server:
            self._client.close()
        self._lock.close()

    def _same(self, person: str, note: Note, vector: list[float]) -> Note | None:
        key = (note.kind, note.target, note.concept)
        near = self._near(person, vector, 3)
        return next((o for o, score in near if score > _DUPLICATE and (o.kind, o.target, o.concept) == key), None)

    def _put(self, into: Any, person: str, notes: Sequence[Note], vectors: Sequence[Sequence[float]]) -> None:
        kept = [note.model_dump(exclude={"id", "text"}) | {"owner": _key(person)} for note in notes]
        _guard(
            lambda: into.upsert(
                ids=[note.id for note in notes],
                embeddings=vectors,
                documents=[note.text for note in notes],
                metadatas=kept,
            )
        )
        if person in self._known:
            self._known[person] |= {note.id: note for note in notes}

    def _near(self, person: str, vector: list[float], most: int) -> list[tuple[Note, float]]:
        mine = self._collection(person)
        count = _guard(mine.count)
        if count == 0:
            return []
        found = _guard(
            lambda: mine.query(
                query_embeddings=[vector], n_results=min(most, count), include=["documents", "metadatas", "distances"]
            )
        )
        rows = zip(found["ids"][0], found["documents"][0], found["metadatas"][0], found["distances"][0], strict=True)
        own = [(row, 1 - row[3]) for row in rows if row[2]["owner"] == _key(person)]
        return [(_note(*row[:3]), score) for row, score in own]

    def _collection(self, person: str) -> Any:
        """The person's collection, made where there is none; what an unfinished rewrite left is put right first."""
        name = self._name(person)
        if found := _guard(lambda: _collection_of(self._client, name)):
            return found
        with self._writing:
            return _guard(lambda: self._moved(person, name) or self._recovered(name) or self._new(name))

    def _new(self, name: str) -> Any:
        settings = {"hnsw:space": "cosine", "embedding": self._embed.name}
        return self._client.get_or_create_collection(name, metadata=settings, embedding_function=None)

    def _recovered(self, name: str) -> Any:
        """The copy of a rewrite that was cut off after the old collection was deleted."""
        copy = _collection_of(self._client, name + _FRESH_COPY)
        if copy:
            copy.modify(name=name)
        return copy

    def _moved(self, person: str, name: str) -> Any:
        """The notes that were kept with another embedding, embedded again; never both at once."""
        before = [one for one in self._names(person) if one != name and not one.endswith(_FRESH_COPY)]
        if not before:
            return None
        self._drop(name + _FRESH_COPY)  # of a move that was cut off: the old notes are all still there
        made = self._new(name + _FRESH_COPY)
        for old in before:
            found = self._client.get_collection(old, embedding_function=None).get(include=["documents", "metadatas"])
            notes = [_note(*row) for row in zip(found["ids"], found["documents"], found["metadatas"], strict=True)]
            for done, few in enumerate(_by(_AT_ONCE, notes)):
                log.warning("embedding notes again with %s: %d of %d", self._embed.name, done * _AT_ONCE, len(notes))
                self._put(made, person, few, self._embed([note.text for note in few]).tolist())
        made.modify(name=name)
        for old in before:
            self._client.delete_collection(old)
        self._scrub()
        return made

    def _rewrite(self, person: str) -> None:
        """Write the person's collection anew without what was deleted; a process killed in between loses nothing."""
        name = self._name(person)
        old = self._collection(person)
        _guard(lambda: self._drop(name + _FRESH_COPY))
        copy = _guard(lambda: self._new(name + _FRESH_COPY))
        found = _guard(lambda: old.get(include=["embeddings", "documents", "metadatas"]))
        for few in _by(_AT_ONCE, range(len(found["ids"]))):
            part = slice(few[0], few[-1] + 1)
            kept = {key: found[key][part] for key in ("ids", "embeddings", "documents", "metadatas")}
            _guard(lambda kept=kept: copy.upsert(**kept))  # type: ignore[misc]
        _guard(lambda: self._client.delete_collection(name))
        _guard(lambda: copy.modify(name=name))
        for stale in set(self._names(person)) - {name}:  # what a move to another embedding left when it was cut off
            _guard(lambda stale=stale: self._client.delete_collection(stale))  # type: ignore[misc]
        self._scrub()

    def _drop(self, name: str) -> None:
        if _collection_of(self._client, name):
            self._client.delete_collection(name)

    def _scrub(self) -> None:
        if not self._server:
            _guard(lambda: scrub(self._folder / "chroma"))

    def _names(self, person: str) -> list[str]:
        mine = f"person-{_key(person)}-"
        return [one.name for one in _guard(self._client.list_collections) if one.name.startswith(mine)]

    def _name(self, person: str) -> str:
        return f"person-{_key(person)}-{_key(self._embed.name)[:8]}"


def _by(size: int, all_: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (all_[start : start + size] for start in range(0, len(all_), size))


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _note(note_id: str, text: str, metadata: dict[str, Any]) -> Note:
    return checked({"id": note_id, "text": text} | {key: value for key, value in metadata.items() if key != "owner"})


def _opened(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def _reach(server: str) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.HttpClient(**chroma_server(server), settings=Settings(anonymized_telemetry=False))


def _collection_of(client: Any, name: str) -> Any:
    """A collection by name, or None."""
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None


def _guard(action: Callable[[], Any]) -> Any:
    """Run one database action; its failures become one sentence."""
    import sqlite3

    import httpx
    from chromadb.errors import ChromaError

    try:
        return action()
    except (ChromaError, sqlite3.Error, OSError, ValueError, httpx.HTTPError) as error:
        raise MemoryError_(f"the memory could not be read or written: {' '.join(str(error).split())[:160]}") from error
