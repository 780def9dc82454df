"""Does the check let correct answers pass, and does it catch spoiled ones?"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from agent import grounding
from agent.grounding import Learned
from evals.answers import learning
from evals.answers.ledger import NAMES, ledger
from evals.answers.mutations import AUTOMATIC, OF_THE_GUIDE, Mutation
from evals.answers.prose import Answer, learned_from, unseen
from evals.result import Metric, share
from evals.suites import Options

OF_EACH = 100
"""Spoiled answers in each class."""
FOLDS = 3
"""Into how many groups writers are put to be left out."""


def measure(options: Options) -> Iterator[Metric]:
    """The guide's answers, free prose by writers who had not seen the check, and what is caught of both when spoiled.

    With `full` also the prose that was learned from, each writer judged by what was learned without them.
    """
    for name in NAMES:
        mine = list(learning.guides(name))
        clean = sum(not flagged(one) for one in mine)
        yield share(f"the guide's answers that resolve whole, {name} ledger", clean, len(mine), bar=1.0)
    yield from _spoiled("the guide's answers", [*learning.guides()], AUTOMATIC | OF_THE_GUIDE)
    yield from _prose("unseen prose", [(one, None) for one in unseen()])
    yield from _spoiled("unseen prose", list(unseen()), AUTOMATIC)
    if options.full:
        yield from _prose("prose, its writer left out", list(_left_out()))


def flagged(answer: Answer, text: str | None = None, learned: Learned | None = None) -> bool:
    """Whether the check finds anything, in an answer or in a text in its place."""
    return bool(grounding.check(answer.text if text is None else text, ledger(answer.ledger), learned))


def _prose(source: str, answers: Sequence[tuple[Answer, Learned | None]]) -> Iterator[Metric]:
    wrong = sum(flagged(one, None, learned) for one, learned in answers)
    yield share(f"correct, {source}: flagged", wrong, len(answers), bar=0.02, side="at most")
    for name, texts in (
        ("verdict flipped", [(one, one.flipped, learned) for one, learned in answers if one.flipped]),
        ("control dropped", [(one, one.without_control, learned) for one, learned in answers if one.without_control]),
    ):
        caught = sum(flagged(*each) for each in texts)
        yield share(f"{name}, {source}: caught", caught, len(texts), bar=0.95)


def _spoiled(source: str, answers: Sequence[Answer], ways: Mapping[str, Mutation]) -> Iterator[Metric]:
    for name, spoil in ways.items():
        made = drawn(name, spoil, answers)
        caught = sum(flagged(one, text) for one, text in made)
        yield share(f"{name}, {source}: caught", caught, len(made), bar=0.95)


def drawn(name: str, spoil: Mutation, answers: Sequence[Answer]) -> list[tuple[Answer, str]]:
    """A hundred answers spoiled in one way, drawn with replacement by a fixed seed; fewer where few can be."""
    draw, found = Random(name), list[tuple[Answer, str]]()
    for _ in range(20 * OF_EACH):
        one = draw.choice(answers)
        text = spoil(one.text, draw, ledger(one.ledger))
        if text is not None and text != one.text:
            found.append((one, text))
        if len(found) == OF_EACH:
            break
    return found


def _left_out() -> Iterator[tuple[Answer, Learned]]:
    """Every answer that was learned from, with what is learned without its writer."""
    answers = list(learned_from())
    writers = list(dict.fromkeys(one.writer for one in answers))
    for fold in range(FOLDS):
        out = writers[fold::FOLDS]
        learned = learning.learn([one for one in answers if one.writer not in out], learning.SEEDS[:1])
        yield from ((one, learned) for one in answers if one.writer in out)
