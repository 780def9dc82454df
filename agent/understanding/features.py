"""What a classifier sees of a message beside its meaning: what kinds of arguments it gives."""

from typing import TYPE_CHECKING, Any

from agent.understanding.slots import Slots

if TYPE_CHECKING:
    import numpy as np

SCALE = 0.25
"""Weight of one argument beside a sentence vector of length 1."""
SHORT = 4
"""Words up to which a message is short: it leaves out what it is about."""


def features(said: str, slots: Slots) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """One number a kind of argument (kind), for a classifier."""
    import numpy as np

    return SCALE * np.array([float(one) for one in _seen(said, slots)], dtype=np.float32)


def _seen(said: str, slots: Slots) -> list[bool]:
    texts, names = len(slots.texts), len(slots.evidence)
    single = sum(len(text.split()) == 1 for text in slots.texts)
    return [
        texts == 0,
        texts == 1,
        texts == 2,
        texts > 2,
        texts - single == 1,
        texts - single > 1,
        single > 0,
        len(slots.groups) > 1,
        bool(slots.quoted_words),
        bool(slots.layers),
        slots.head is not None,
        slots.feature is not None,
        slots.bare is not None,
        slots.strength is not None,
        slots.samples is not None,
        slots.temperature is not None,
        slots.k is not None,
        slots.system is not None,
        slots.prefill is not None,
        slots.dictionary is not None,
        slots.target is not None,
        slots.other is not None,
        slots.base,
        names == 1,
        names > 1,
        slots.new_name is not None,
        said.rstrip().endswith("?"),
        len(said.split()) <= SHORT,
    ]
