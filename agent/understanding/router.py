"""What does a person want? The likeliest intent of a message, and the arguments in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from agent.embedding import Embedding, embedding
from agent.understanding.classifier import Classifier, classifier, seen
from agent.understanding.slots import Slots

SURE, UNSURE, LEAD = 0.4, 0.2, 1.5
"""Probability above which the guide acts, below which it understood nothing, and how many times as likely as the next one it must be."""


@dataclass(frozen=True)
class Route:
    """Which intent an utterance has, how likely it is, and what came second."""

    intent: str
    score: float
    second: str
    second_score: float
    slots: Slots
    shares: Mapping[str, float]
    """The probability of every intent."""

    @property
    def sure(self) -> bool:
        return self.score >= SURE and self.score >= LEAD * self.second_score

    @property
    def hopeless(self) -> bool:
        return self.score < UNSURE


class Router:
    """The classifier of one embedding."""

    def __init__(self, embed: Embedding) -> None:
        self._embed = embed
        self._classify: Classifier = classifier(embed)

    def route(self, utterance: str, targets: Sequence[str]) -> Route:
        """The best intent of an utterance, and the arguments in it."""
        found, slots = seen(self._embed, [utterance], targets)
        shares = self._classify(found[0])
        (first, top), (second, next_best) = list(shares.items())[:2]
        return Route(first, top, second, next_best, slots[0], shares)


@cache
def router(embedding_name: str) -> Router:
    """The router of an embedding; its examples are learned once."""
    return Router(embedding(embedding_name))
