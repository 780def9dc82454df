"""Bayesian knowledge tracing: how likely somebody has understood something, by what they showed of it.

Corbett and Anderson, "Knowledge tracing" (1995): understanding is a hidden yes or no; each answer is evidence of it, up to slips and
lucky guesses; between two answers it may be learned, or forgotten. Answers differ in kind: a question with three answers is guessed more
easily than an explanation in one's own words, so guess and slip belong to the kind of evidence, and learning to what was shown in between.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from evidence.errors import ArgumentError


@dataclass(frozen=True)
class Sort:
    """How much one kind of evidence says: the chance of it being positive without understanding, and negative with it."""

    guess: float
    slip: float

    def __post_init__(self) -> None:
        _within(guess=self.guess, slip=self.slip)
        if self.guess + self.slip >= 1:
            raise ArgumentError(
                f"guess {self.guess} and slip {self.slip} make a right answer a sign of not knowing: let their sum be below 1"
            )


@dataclass(frozen=True)
class Seen:
    """One piece of evidence, and what happened since the one before it."""

    right: bool
    sort: Sort
    learn: float = 0.0
    """Chance that what was not understood before this became understood since the last one."""
    forget: float = 0.0
    """Chance that what was understood was lost since the last one."""


def after(known: float, seen: Seen) -> float:
    """The probability of understanding after one more piece of evidence (0 to 1).

    Raises:
        ArgumentError: a number is no probability.
    """
    _within(known=known, learn=seen.learn, forget=seen.forget)
    before = passed(known, seen.learn, seen.forget)
    if_known = 1 - seen.sort.slip if seen.right else seen.sort.slip
    if_not = seen.sort.guess if seen.right else 1 - seen.sort.guess
    either = before * if_known + (1 - before) * if_not
    return before * if_known / either if either else before


def passed(known: float, learn: float, forget: float) -> float:
    """The probability of understanding after a time in which it may be learned or lost."""
    return known * (1 - forget) + (1 - known) * learn


def trace(prior: float, all_: Iterable[Seen]) -> list[float]:
    """The probability of understanding before anything was seen, and after each piece of evidence."""
    found = [prior]
    for one in all_:
        found.append(after(found[-1], one))
    return found


def _within(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 <= number <= 1:
            raise ArgumentError(f"{name} = {number} is no probability: give a number from 0 to 1")
