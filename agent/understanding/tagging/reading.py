"""What each part of a message is to a tool, as far as a trained tagger can say."""

import re
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agent.understanding.tagging.roles import LONG, OUTSIDE, ROLES
from agent.understanding.tagging.spans import Span, quotations

if TYPE_CHECKING:
    from agent.understanding.tagging.network import Tagger

_LOCK = threading.Lock()
_UNIT = re.compile(r"\w+(?:[-'@.]\w+)*|[^\w\s]")
LATELY = 256
"""Readings that are kept for a moment: a turn asks for several tools, and for each more than once."""


class Reader:
    """A tagger and its tokenizer."""

    def __init__(self, tagger: "Tagger", tokenizer: Any) -> None:
        self._tagger, self._tokenizer = tagger, tokenizer
        self._lately = lru_cache(LATELY)(self._read)

    def __call__(
        self, tool: str, said: str, arguments: Sequence[str], hints: Sequence[Span] = ()
    ) -> tuple[Span, ...] | None:
        """The parts of a message that are something to a tool with these arguments; None where it is too long to be read."""
        return self._lately(tool, said, tuple(arguments), tuple(hints))

    def _read(
        self, tool: str, said: str, arguments: tuple[str, ...], hints: tuple[Span, ...]
    ) -> tuple[Span, ...] | None:
        import torch

        from agent.understanding.tagging.network import LONGEST, Asked, tokens

        with _LOCK, torch.no_grad():
            seen = tokens(self._tokenizer, [Asked(tool, said, arguments, hints)])
            if seen.ids.shape[1] >= LONGEST:
                return None
            chances = self._tagger(seen)[0].log_softmax(-1)  # token role
        return tuple(_together(said, _units(said, chances, seen.offsets[0])))


def _units(said: str, chances: Any, offsets: list[tuple[int, int]]) -> Iterator[Span]:
    """Quotations and words, each with its likeliest role."""
    quoted = list(quotations(said))
    words = [
        m.span() for m in _UNIT.finditer(said) if not any(a - 1 <= m.start() and m.end() <= z + 1 for a, z in quoted)
    ]
    for start, end in sorted([*quoted, *words]):
        at = [n for n, (first, last) in enumerate(offsets) if last > first and start <= first < end]
        if at:
            share, role = chances[at].mean(0).exp().max(-1)
            yield Span(start, end, ROLES[int(role)], float(share), (start, end) in quoted)


def _together(said: str, units: Iterator[Span]) -> list[Span]:
    """Words of one role that stand side by side are one part."""
    found: list[Span] = []
    for unit in units:
        if unit.role == OUTSIDE:
            continue
        last = found[-1] if found else None
        if last is not None and _goes_on(said, last, unit):
            found[-1] = Span(last.start, unit.end, unit.role, min(last.share, unit.share))
        else:
            found.append(unit)
    return found


def _goes_on(said: str, last: Span, unit: Span) -> bool:
    alike = unit.role == last.role and unit.role in LONG and not unit.quoted and not last.quoted
    return alike and not said[last.end : unit.start].strip()
