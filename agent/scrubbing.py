"""Deleting from Chroma's files what its own delete leaves in them.

Chroma marks a record as deleted: its text stays in free pages of the database and in the queue of writes, its vector in the file of the
index, and the folder of a deleted collection stays on disk. Measured with chromadb 1.5.9.
"""

import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

PATIENCE_SECONDS = 10


def scrub(folder: Path) -> None:
    """Give the free pages of Chroma's database back, and remove the indexes of collections that are no more.

    Raises:
        sqlite3.Error: another process is writing into it.
        OSError: a file cannot be removed.
    """
    file = folder / "chroma.sqlite3"
    with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)) as database:
        database.execute("vacuum")
        database.execute("pragma wal_checkpoint(truncate)")
        alive = {row[0] for row in database.execute("select id from segments")}
    for place in folder.iterdir():
        if place.is_dir() and _is_id(place.name) and place.name not in alive:
            shutil.rmtree(place)


def compact(file: Path) -> None:
    """Give the free pages of one of our own databases back, so that deleted text is nowhere in it.

    Raises:
        sqlite3.Error: another conversation is writing into it.
    """
    with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)) as database:
        database.execute("vacuum")
        database.execute("pragma wal_checkpoint(truncate)")


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
