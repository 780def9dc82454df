"""Lines of a file that a person names."""

import os
from collections.abc import Iterator
from pathlib import Path

from evidence.errors import ArgumentError
from target.turn import report

_MOST_BYTES, _REPORTED = 200_000_000, 200


def lines(argument: str, named: str, wanted: str) -> Iterator[tuple[int, str]]:
    """Those that are not empty, with their numbers; `argument` named the file, `wanted` says what else to do.

    Raises:
        ArgumentError: it is no file, too large, no text, or cannot be read.
    """
    path = Path(os.path.expanduser(named))
    if not os.path.isfile(path):  # unlike Path, answers False to a name that is too long
        raise ArgumentError(f"{argument}={named[:200]!r} is no file on this machine: {wanted}")
    if path.stat().st_size > _MOST_BYTES:
        raise ArgumentError(f"{path.name!r} is larger than {_MOST_BYTES // 1_000_000} MB: give a part of it")
    try:
        found = path.read_text(encoding="utf-8-sig").split("\n")  # other ends of lines may stand in a JSON string
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{path.name!r} is no text in UTF-8: convert it") from error
    except OSError as error:
        raise ArgumentError(f"{path.name!r} cannot be read ({error.strerror}): change its permissions") from error
    for number, line in enumerate(found, start=1):
        if number % _REPORTED == 1:
            report(f"reading line {number} of {path.name}")
        if line.strip():
            yield number, line
