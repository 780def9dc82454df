"""The most memory a piece of work takes above what its process held before, torch's included (Linux)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evidence.errors import MaieuticError


@dataclass
class Peak:
    """Known when the work is done."""

    megabytes: float = 0.0
    """Above what was held before."""
    process: float = 0.0
    """All that the process held at its peak, in megabytes."""


@contextmanager
def above() -> Iterator[Peak]:
    """Begin anew: what was loaded before is not measured. Run it in a process of its own, whose heap nothing else grew.

    Raises:
        MaieuticError: the system does not tell.
    """
    found = Peak()
    try:
        Path("/proc/self/clear_refs").write_text("5")
        before = _highest()
        yield found
        found.process = _highest()
        found.megabytes = found.process - before
    except OSError as error:
        raise MaieuticError(
            "this system does not tell the peak memory of a process: the benchmark needs Linux"
        ) from error


def _highest() -> float:
    """The highest resident size since the peak was last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
