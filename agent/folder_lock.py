"""One process owns a folder; a second one is told so in a sentence."""

from pathlib import Path
from typing import TextIO

from evidence.errors import MemoryError_
from target.locks import taken


def owned(folder: Path) -> TextIO:
    """The lock of the one process that may use a folder.

    Raises:
        MemoryError_: another process has it, or the disk cannot be written.
    """
    try:
        return taken(folder)
    except BlockingIOError as error:
        raise MemoryError_(
            f"another running Maieutic owns the memory in {folder}: close it, or set MAIEUTIC_HOME to another folder"
        ) from error
    except OSError as error:
        raise MemoryError_(
            f"the memory in {folder} cannot be written ({error.strerror}): free some space or set MAIEUTIC_HOME"
        ) from error
