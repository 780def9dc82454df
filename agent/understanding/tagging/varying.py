"""Messages with other values and other quotes than they had: the tagger is to learn roles, not texts."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agent.understanding.tagging.roles import CLOSING, OPENING
from agent.understanding.tagging.spans import Span

if TYPE_CHECKING:
    import numpy as np

    Random = np.random.Generator

STYLES = (
    *[('"', '"')] * 4,
    ("'", "'"),
    ("“", "”"),
    ("‘", "’"),
    ("«", "»"),
    ("`", "`"),
    ("„", "“"),
    ("[", "]"),
    ("<", ">"),
    *[("", "")] * 4,
)
RESTYLED, SWAPPED, LOWERED, VARIED = 0.5, 0.5, 0.15, 0.8
"""Shares of messages with other quotes, of values that are swapped, of messages without capitals, of messages varied at all."""
FEW = 3
"""Values up to which a message may lose its quotes: more could not be told apart."""
_POOL = {"text2": "text", "other_word": "word", "probe": "dir", "name": "dir"}
"""Roles that take the values of another."""
_SWAPPABLE = frozenset({"text", "text2", "word", "other_word", "dir", "candidates", "questions", "prefill"})
_WORDLIKE, _JOINED = 0.6, 0.6
"""Shares of invented names that are plain words, and of the others that are two words in one."""


@dataclass(frozen=True)
class Labelled:
    """A message that asks for one tool, and where the values of its arguments stand."""

    tool: str
    said: str
    spans: tuple[Span, ...]


class Varying:
    """Varies messages with the values that some messages hold, and with words of theirs."""

    def __init__(self, messages: Sequence[Labelled], random: "Random") -> None:
        self._random = random
        self._pools: dict[str, list[str]] = defaultdict(list)
        for message in messages:
            for span in message.spans:
                if span.role in _SWAPPABLE:
                    self._pools[_POOL.get(span.role, span.role)].append(message.said[span.start : span.end])
        words = sorted({word for text in self._pools["text"] for word in re.findall(r"[a-z]{4,}", text.lower())})
        self._pools["word"] += [self._pick(words) for _ in self._pools["word"]]
        self._pools["dir"] += [self._invented(words) for _ in self._pools["dir"]]

    def __call__(self, message: Labelled) -> Labelled:
        """The message, most often in another form."""
        if self._random.random() >= VARIED:
            return message
        style = STYLES[self._random.integers(len(STYLES))] if self._random.random() < RESTYLED else None
        if style is not None and not style[0] and len(message.spans) > FEW:
            style = None
        said, spans, at = "", [], 0
        for span in message.spans:
            left, value = message.said[at : span.start], self._value(message.said[span.start : span.end], span.role)
            ends = span.end
            opened, closed = "", ""
            if style and left.endswith(OPENING) and message.said[ends : ends + 1] in CLOSING:
                left, (opened, closed), ends = left[:-1], style, ends + 1
            said += left + opened
            spans.append(replace(span, start=len(said), end=len(said) + len(value)))
            said, at = said + value + closed, ends
        said += message.said[at:]
        if self._random.random() < LOWERED and len(said.lower()) == len(said):
            said = said.lower()
        return Labelled(message.tool, said, tuple(spans))

    def _value(self, value: str, role: str) -> str:
        pool = self._pools.get(_POOL.get(role, role), [])
        return self._pick(pool) if pool and self._random.random() < SWAPPED else value

    def _pick(self, some: Sequence[Any]) -> Any:
        return some[int(self._random.integers(len(some)))] if some else ""

    def _invented(self, words: Sequence[str]) -> str:
        """A name somebody could give: "lantern", "lant_sea", "lantern2"."""
        word = str(self._pick(words))
        if self._random.random() < _WORDLIKE:
            return word
        if self._random.random() < _JOINED:
            return f"{word[:4]}_{str(self._pick(words))[:3]}"
        return f"{word}{self._random.integers(1, 4)}"
