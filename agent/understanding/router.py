"""What does a person want? The likeliest intent of a message, and the arguments in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from agent.embedding import Embedding, embedding
from agent.understanding.classifier import Classifier, classifier, seen_of, spelled
from agent.understanding.slots import Slots, parse

SURE, UNSURE, LEAD = 0.4, 0.2, 1.25
"""Probability above which the guide acts, below which it understood nothing, and how many times as likely as the next one it must be."""
ALIKE = frozenset({"compare", "compare_targets"})
"""Intents that come to the same thing: a message that may be either is clear."""
TAGGED = "minilm"
"""The embedding with which arguments are read by a tagger too: it is an adapter of that encoder."""


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
        lead = 1.0 if {self.intent, self.second} == ALIKE else LEAD
        return self.score >= SURE and self.score >= lead * self.second_score

    @property
    def hopeless(self) -> bool:
        return self.score < UNSURE


class Router:
    """The classifier of one embedding, and the one of words and letters: what either is sure of alone is no more than likely."""

    def __init__(self, embed: Embedding) -> None:
        self._embed = embed
        self._by_meaning: Classifier = classifier(embed)
        self._by_letters = spelled()

    def route(self, utterance: str, targets: Sequence[str]) -> Route:
        """The best intent of an utterance, and the arguments in it."""
        slots, plain = parse(utterance, targets)
        meant = self._by_meaning(seen_of(self._embed, [utterance], [(slots, plain)])[0])
        spelt = self._by_letters(plain, utterance, slots)
        shares = mean(meant, spelt)
        (first, top), (second, next_best) = list(shares.items())[:2]
        if self._embed.name == TAGGED:
            slots = replace(slots, said=utterance)
        return Route(first, top, second, next_best, slots, shares)


def mean(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """The mean of two classifiers' probabilities, likeliest first."""
    shares = {intent: (share + other[intent]) / 2 for intent, share in one.items()}
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


@cache
def router(embedding_name: str) -> Router:
    """The router of an embedding; its examples are learned once."""
    return Router(embedding(embedding_name))
