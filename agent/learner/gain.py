"""Prediction gain: how much better somebody tells what a target replies after looking into it than before.

A round is one set of questions with its answers. Rounds on one target never share a prompt, and no prompt of a round was
shown before (`shown_in`); how many were right is told at once, which ones only after a second round.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from agent.learner.checks import LETTERS
from evidence import AnyEvidence, Quiz, QuizItem
from evidence.text import quote

DO_NOT_KNOW, VOID = -1, -2
FEWEST = 4
"""Answers in each round without which no gain is told."""


class Round(TypedDict):
    """One set of questions as it stands; plain data, kept with the conversation."""

    evidence: str
    """Id of the quiz in the conversation's ledger."""
    target: str
    answers: list[int]
    """The option chosen for each question so far; -1 where they did not know, -2 where the target had been asked it meanwhile."""
    ended: bool


@dataclass(frozen=True)
class Gain:
    """After less before, as a difference of shares, with its 95 % interval."""

    before: tuple[int, int]
    """How many were right, of how many."""
    after: tuple[int, int]
    value: float
    low: float
    high: float


def question(quiz: Quiz, place: int) -> str:
    """One question with its options, each under a letter."""
    item = quiz.items[place]
    listed = "\n".join(f"- **{letter})** {quote(one, 120)}" for letter, one in zip(LETTERS, item.options, strict=False))
    whom = quiz.provenance.target if quiz.provenance else "the target"
    return (
        f"**Question {place + 1} of {len(quiz.items)}.** Somebody says to {whom}: {quote(item.prompt, 200)}. "
        f"What does it reply? (a letter, `skip`, or `stop the quiz`)\n\n{listed}"
    )


def marks(round_: Round, quiz: Quiz) -> list[bool]:
    """Which of the answers that count are right."""
    return [chosen == item.right for chosen, item in counted(round_, quiz)]


def counted(round_: Round, quiz: Quiz) -> list[tuple[int, QuizItem]]:
    """The answers to prompts that were not shown while the question was open."""
    return [one for one in zip(round_["answers"], quiz.items, strict=False) if one[0] != VOID]


def gain(before: Sequence[bool], after: Sequence[bool]) -> Gain:
    """The difference of two shares with Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10).

    Raises:
        ValueError: there is no answer in one of them.
    """
    from scipy.stats import binomtest

    if not (before and after):
        raise ValueError("a gain needs answers before and after")
    ends = []
    for one in (before, after):
        reach = binomtest(sum(one), len(one)).proportion_ci(method="wilson")
        ends.append((sum(one) / len(one), float(reach.low), float(reach.high)))
    (first, first_low, first_high), (second, second_low, second_high) = ends
    value = second - first
    low = value - ((second - second_low) ** 2 + (first_high - first) ** 2) ** 0.5
    high = value + ((second_high - second) ** 2 + (first - first_low) ** 2) ** 0.5
    return Gain((sum(before), len(before)), (sum(after), len(after)), value, low, high)


def told(rounds: Sequence[tuple[Round, Quiz]]) -> str:
    """What is said when the last of some rounds on one target has ended: how many were right; after a second one, the gain and the replies.

    Each round has an answer that counts.
    """
    last, quiz = rounds[-1]
    right = marks(last, quiz)
    whom, name = last["target"], last["evidence"]
    count = f"You predicted {sum(right)} of {len(right)} replies of {whom} [{name}]; guessing gets {quiz.chance * len(right):.1f}."
    if len(rounds) == 1:
        return (
            f"{count} That was before. I keep to myself which ones, so that nothing is given away: look into {whom} as you "
            "like, then say `quiz me again`, and I tell you what you gained."
        )
    first, its_quiz = rounds[0]
    if min(len(right), len(marks(first, its_quiz))) < FEWEST:
        return f"{count} A gain is told from {FEWEST} answers in each round: say `quiz me again` for more."
    found = gain(marks(first, its_quiz), right)
    head = (
        f"Before: {found.before[0]} of {found.before[1]} [{first['evidence']}]. After: {found.after[0]} of {found.after[1]} [{name}]. "
        f"**Prediction gain: {found.value:+.2f}** (95 % interval {found.low:+.2f} to {found.high:+.2f}; {_reads(found)})."
    )
    return "\n\n".join([head, "What it replies, on prompts that you had not seen:", "\n".join(_replies(rounds))])


def shown_in(evidences: Sequence[AnyEvidence]) -> set[str]:
    """Every text that some evidence holds: none of it may be asked."""
    return {text for one in evidences for text in _texts(one.model_dump())}


def _reads(found: Gain) -> str:
    if found.low > 0:
        return "more than luck would give"
    return (
        "less than before, beyond luck" if found.high < 0 else "luck alone could give that; more questions would tell"
    )


def _replies(rounds: Sequence[tuple[Round, Quiz]]) -> Iterator[str]:
    for when, (round_, quiz) in zip(("before", "after"), (rounds[0], rounds[-1]), strict=True):
        for chosen, item in counted(round_, quiz):
            judged = "right" if chosen == item.right else "wrong"
            yield f"- {quote(item.prompt, 80)}: {quote(item.options[item.right], 80)} ({when}: {judged})"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
