"""Where a Chroma server is, and what a proxy before it wants to hear. It has no authentication of its own."""

import json
import os
from typing import Any
from urllib.parse import urlsplit

from evidence.errors import MemoryError_


def chroma_server(address: str) -> dict[str, Any]:
    """Host, port, ssl and headers, as Chroma's client takes them; the headers are those of `MAIEUTIC_CHROMA_HEADERS`.

    Raises:
        MemoryError_: the address or the headers cannot be read.
    """
    where = urlsplit(address)
    if where.scheme not in {"http", "https"} or not where.hostname:
        raise MemoryError_(f"{address!r} is no address of a Chroma server: write http://HOST:PORT")
    try:
        headers = json.loads(os.environ.get("MAIEUTIC_CHROMA_HEADERS", "{}"))
    except json.JSONDecodeError as error:
        raise MemoryError_('MAIEUTIC_CHROMA_HEADERS is no JSON: write {"Authorization": "Bearer ..."}') from error
    ssl = where.scheme == "https"
    return {"host": where.hostname, "port": where.port or (443 if ssl else 80), "ssl": ssl, "headers": headers}
