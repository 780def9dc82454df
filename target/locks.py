"""One worker at a time in a folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from evidence.errors import ToolError


def taken(folder: Path) -> TextIO:
    """The lock of a folder, made where there is none; whoever closes it lets go.

    Raises:
        BlockingIOError: somebody else has it.
        OSError: the disk cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "owner.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock


@contextmanager
def locked(folder: Path, what: str) -> Iterator[Path]:
    """The folder, made where there is none, for one caller at a time.

    Args:
        folder: Where work goes on that was cut off.
        what: What is done there, as a sentence says it: "the training".

    Raises:
        ToolError: somebody works there, or the disk cannot be written.
    """
    try:
        lock = taken(folder)
    except BlockingIOError as error:
        raise ToolError(
            f"this very {what.removeprefix('the ')} is under way already: wait for it, or stop it"
        ) from error
    except OSError as error:
        raise ToolError(f"{what} cannot be kept in {folder} ({error.strerror}): free some space") from error
    with lock:
        yield folder
