"""What the answers say of the claims they cite, as their writers meant it: what a reader of conclusions is learned from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.grounding.inference import OUTCOMES
from agent.grounding.premise import general, hypothesis
from agent.grounding.reading import read, sources
from evals.answers.ledger import ledger
from evals.answers.prose import Answer
from evidence import Evidence

NOTHING = len(OUTCOMES)
"""The place of "concludes nothing" after the outcomes."""


@dataclass(frozen=True)
class Labelled:
    """A claim, an answer, which of the four it may say of the claim, and whether it speaks of a control (None: not known)."""

    hypothesis: str
    premise: str
    says: tuple[bool, ...]
    control: bool | None


def labelled(answers: Iterable[Answer]) -> Iterator[Labelled]:
    """Every claim that an answer, or one of its spoiled versions, is about."""
    for one in answers:
        for text in (one.text, one.flipped, one.without_control):
            names = _decided(one, text)
            for name in names:
                says = _says(one, text, name, alone=len(names) == 1)
                if any(says):
                    control = _control(one, text, alone=len(names) == 1)
                    about = hypothesis(ledger(one.ledger)[name])
                    yield Labelled(about, general(text, name), says, control)


def _decided(one: Answer, text: str) -> list[str]:
    """The evidence with a verdict that a text cites."""
    sentences = list(read(text))
    names = dict.fromkeys(name for s in sentences for name in sources(sentences, s))
    known: dict[str, Evidence] = dict(ledger(one.ledger))
    return [name for name in names if name in known and known[name].verdict]


def _says(one: Answer, text: str, name: str, *, alone: bool) -> tuple[bool, ...]:
    """What a text may say: of several claims, one may only be described; which one was turned must be known."""
    verdict = ledger(one.ledger)[name].verdict
    assert verdict is not None
    right = OUTCOMES.index(verdict.status)
    if not one.flipped:
        return _only(NOTHING)
    if text != one.flipped or (one.which and one.which != name):
        return _only(right) if alone else _only(right, NOTHING)
    if not alone and not one.which:
        return _only()
    if one.says:
        return _only(OUTCOMES.index(one.says))
    return _only(*(k for k in range(2) if k != right))


def _control(one: Answer, text: str, *, alone: bool) -> bool | None:
    if not one.flipped:
        return None
    if text == one.without_control:
        return False
    return True if alone or text == one.flipped else None


def _only(*places: int) -> tuple[bool, ...]:
    return tuple(k in places for k in range(NOTHING + 1))
