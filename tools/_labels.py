"""One line for a feature: what its contexts have in common, and how well that line tells them from others.

Scored by detection as automatic interpretation does (Bills et al. 2023; Paulo et al., arXiv 2410.13928): given the label
alone, which of some unseen contexts does the feature fire in?
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Context = tuple[int, ...]
"""Token ids up to and with the one in question."""
REACH = 10
EACH = 40
"""Contexts of either kind, half to label by and half to score on."""
MOST_WORDS = 6
_SURE = 0.6
"""A word belongs to a label when at least this share of the contexts that have it are the feature's."""


@dataclass(frozen=True)
class Contexts:
    """Where a feature fires and where it does not."""

    fires: list[Context]
    silent: list[Context]

    def halves(self) -> "tuple[Contexts, Contexts]":
        """To label by, and to score on."""
        return Contexts(self.fires[::2], self.silent[::2]), Contexts(self.fires[1::2], self.silent[1::2])


def contexts(rows: Sequence[Sequence[int]], strengths: "Sequence[Tensor]", seed: int) -> Contexts:
    """Distinct contexts of one feature, drawn evenly from weak to strong, and as many others.

    Args:
        rows: Token ids of each text.
        strengths: The feature's activation at each position but the first (position - 1).
        seed: Of the draw.
    """
    rng, on, off = Random(seed), dict[Context, float](), set[Context]()
    for row, values in zip(rows, strengths, strict=True):
        for place, value in enumerate(values.tolist(), start=1):
            context = tuple(row[max(0, place - REACH) : place + 1])
            if value > 0:
                on[context] = max(value, on.get(context, 0.0))
            elif rng.random() < 0.1:
                off.add(context)
    ranked = sorted(on, key=lambda context: on[context])
    step = max(1, len(ranked) // EACH)
    fires = ranked[::step][-EACH:]
    rng.shuffle(fires)
    others = sorted(off - set(on))
    return Contexts(fires, rng.sample(others, min(EACH, len(others))))


@dataclass(frozen=True)
class Rule:
    """The feature fires where one of some words stands at a place."""

    place: int | None
    """0 the token itself, -1 the one before, and so on; None anywhere before."""
    words: tuple[int, ...]

    def fires(self, context: Context) -> bool:
        return bool(_seen(context, self.place) & set(self.words))

    def said(self, decode: Callable[[int], str]) -> str:
        """The label as a reader sees it."""
        names = ", ".join(f"“{decode(word)}”" for word in self.words)
        return {0: "on", -1: "right after", None: "in a text with"}.get(
            self.place, f"{-(self.place or 0)} after"
        ) + f" {names}"


def _seen(context: Context, place: int | None) -> set[int]:
    """The tokens a rule looks at."""
    if place is None:
        return set(context[:-1])
    return {context[place - 1]} if len(context) >= 1 - place else set()


def rule(found: Contexts) -> Rule:
    """The rule that tells the contexts apart best; of equals the one that looks nearest."""
    return max((_best(found, place) for place in (0, -1, -2, None)), key=lambda one: round(score(one.fires, found), 3))


def _best(found: Contexts, place: int | None) -> Rule:
    """The words at one place that are the feature's, the most frequent first."""
    on, off = (Counter(word for c in some for word in _seen(c, place)) for some in (found.fires, found.silent))
    scale = len(found.fires) / max(1, len(found.silent))
    own = [word for word, n in on.most_common() if n >= _SURE * (n + scale * off[word])]
    return Rule(place, tuple(own[:MOST_WORDS]))


def score(fires: Callable[[Context], bool], found: Contexts) -> float:
    """Balanced accuracy of a label's guesses: 1 all right, 0.5 chance."""
    hits = [sum(fires(c) for c in some) / max(1, len(some)) for some in (found.fires, found.silent)]
    return (hits[0] + 1 - hits[1]) / 2
