"""Evidence made for callers of the tool API, by id: one JSON file each.

What a conversation measured is in that conversation's ledger and never here.
"""

import os
import re
from pathlib import Path

from evidence.errors import GroundingError, ToolError
from evidence.home import data_home
from evidence.shapes import AnyEvidence, from_json

_ID = re.compile(r"ev-[0-9a-f]{10}")


def keep(evidence: AnyEvidence) -> str:
    """Store an evidence under its id and return it; the same question of the same weights replaces its last answer.

    Raises:
        ToolError: the disk refuses.
    """
    if evidence.provenance is None:
        raise ValueError("only evidence that a tool returned can be kept")
    file = _folder() / f"{evidence.provenance.id}.json"
    part = file.with_suffix(f".{os.getpid()}.{id(evidence)}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(evidence.model_dump_json(), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise ToolError(
            f"the evidence could not be stored in {file.parent} ({error.strerror}): free some space"
        ) from error
    return evidence.provenance.id


def find(name: str) -> AnyEvidence:
    """The evidence of an id.

    Raises:
        GroundingError: there is none.
    """
    file = _folder() / f"{name}.json"
    if not _ID.fullmatch(name) or not file.exists():
        form = "" if _ID.fullmatch(name) else ": ids are 'ev-' and ten hexadecimal digits, as a tool returns them"
        raise GroundingError(f"there is no evidence {name[:80]!r} here{form}")
    return from_json(file.read_text(encoding="utf-8"))


def ids() -> list[str]:
    """The ids of all evidence kept, newest first."""
    files = sorted(_folder().glob("ev-*.json"), key=lambda file: -file.stat().st_mtime_ns)
    return [file.stem for file in files]


def _folder() -> Path:
    return data_home() / "evidence"
