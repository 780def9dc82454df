"""How a Chroma database is opened, here or on a server. The only importer of chromadb."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from evidence.errors import MemoryError_


def opened(folder: Path) -> Any:
    """The database in a folder."""
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def reach(server: str) -> Any:
    """A Chroma server. It has no authentication of its own: headers are for a proxy that has.

    Raises:
        MemoryError_: the address or the headers cannot be read.
    """
    import chromadb
    from chromadb.config import Settings

    where = urlsplit(server)
    if where.scheme not in {"http", "https"} or not where.hostname:
        raise MemoryError_(f"{server!r} is no address of a Chroma server: write http://HOST:PORT")
    try:
        headers = json.loads(os.environ.get("MAIEUTIC_CHROMA_HEADERS", "{}"))
    except json.JSONDecodeError as error:
        raise MemoryError_('MAIEUTIC_CHROMA_HEADERS is no JSON: write {"Authorization": "Bearer ..."}') from error
    port = where.port or (443 if where.scheme == "https" else 80)
    return chromadb.HttpClient(
        where.hostname,
        port,
        ssl=where.scheme == "https",
        headers=headers,
        settings=Settings(anonymized_telemetry=False),
    )


def collection(client: Any, name: str) -> Any:
    """A collection by name, or None."""
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None


def guard(action: Callable[[], Any]) -> Any:
    """Run one database action; its failures become one sentence."""
    import sqlite3

    import httpx
    from chromadb.errors import ChromaError

    try:
        return action()
    except (ChromaError, sqlite3.Error, OSError, ValueError, httpx.HTTPError) as error:
        raise MemoryError_(f"the memory could not be read or written: {' '.join(str(error).split())[:160]}") from error
