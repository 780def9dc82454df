"""When a written number is a measured one."""

import re
from collections.abc import Sequence

from agent.grounding.reading import Number

DIGITS = re.compile(r"(?<![\w@.-])-?\d+(?:\.\d+)?(?:e-?\d+)?")


def opened(text: str) -> re.Pattern[str]:
    """A text as a pattern that lets numbers and the form of quotes be others."""
    parts = [re.sub(r"[\"'“”‘’]", "[\"'“”‘’]", re.escape(part)) for part in DIGITS.split(text)]
    return re.compile(r"(?<!\w)" + r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)".join(parts), re.IGNORECASE)


def alike(said: Sequence[str], known: Sequence[str]) -> bool:
    """Whether numbers are those of a tool's sentence, or fewer digits of them."""
    return all(
        a == b or same(Number(0, a, float(a), percent=False), float(b)) for a, b in zip(said, known, strict=True)
    )


def same(number: Number, value: float) -> bool:
    """Whether a written number is a value rounded to as many digits; a percentage may stand for a share.

    A whole number stands for a whole number, or for a value it is at most 5 % away from.
    """
    written = number.text.rstrip("% ").lower()
    scientific = "e" in written
    digits = len(written.partition("e")[0].partition(".")[2])
    for candidate in [100 * value, value] if number.percent else [value]:
        tolerance = 0.5 * 10**-digits + 1e-9
        if scientific or (not digits and candidate != int(candidate)):
            tolerance = min(tolerance, 0.05 * abs(candidate))
        if abs(number.value - candidate) <= tolerance:
            return True
    return False
