"""What the assistant explains of itself: sentences of the inventory and the glossary, which claim nothing of a measurement."""

from functools import cache

from agent.learner.inventory import concepts
from agent.models.glossary import entries

LEAST = 20
"""Letters from which a sentence is known again: a word or two stand in any text."""


def ours(sentence: str) -> bool:
    """Whether a sentence stands in an explanation word for word."""
    plain = " ".join(sentence.split())
    return len(plain) >= LEAST and any(plain in text for text in _texts())


@cache
def _texts() -> tuple[str, ...]:
    texts = [text for one in concepts().values() for text in one.explained.values()]
    return tuple(" ".join(text.split()) for text in (*texts, *(entry.text for entry in entries())))
