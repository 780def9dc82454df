"""One process owns a folder; a second one is told so in a sentence."""

import fcntl
from pathlib import Path
from typing import Any

from evidence.errors import MemoryError_


def owned(folder: Path) -> Any:
    """The lock of the one process that may use a folder.

    Raises:
        MemoryError_: another process has it, or the disk cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "owner.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock
    except BlockingIOError as error:
        raise MemoryError_(
            f"another running Maieutic owns the memory in {folder}: close it, or set MAIEUTIC_HOME to another folder"
        ) from error
    except OSError as error:
        raise MemoryError_(
            f"the memory in {folder} cannot be written ({error.strerror}): free some space or set MAIEUTIC_HOME"
        ) from error
