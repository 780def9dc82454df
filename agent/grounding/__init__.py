"""The answer is checked by code: numbers, citations, quoted words and verdicts must resolve to the ledger.

A number must stand in the evidence that its sentence cites, and be of what the sentence says it is of: its layer,
its token, its arm, its model. What a sentence does not say is not held against it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.grounding import claims
from agent.grounding.binding import Cited
from agent.grounding.learned import Models, models
from agent.grounding.parts import around
from agent.grounding.reading import Sentence, read
from evidence import Evidence

MARK = " *(hypothesis: not in the evidence)*"

__all__ = ["MARK", "Problem", "check", "cited", "mark"]


@dataclass(frozen=True)
class Problem:
    """One sentence that the ledger does not support, and what in it."""

    sentence: str
    what: str


def check(answer: str, ledger: Mapping[str, Evidence], known: Models | None = None) -> list[Problem]:
    """Problems of an answer.

    A sentence is held against the evidence it cites itself, or, when it cites none, its paragraph. Percentages may be
    shares. Text in quotes is somebody's words: it must stand in the evidence, and numbers in it are not ours. Conclusions
    are read by `known`, by default the models that ship.
    """
    found = []
    bodies = [Cited({name: ledger[name] for name in names if name in ledger}) for names in _cited_by_paragraph(answer)]
    read_all = list(read(answer))
    for sentence in read_all:
        names = sentence.citations or around(read_all, sentence)
        evidence = Cited({name: ledger[name] for name in names if name in ledger}) if sentence.citations else None
        held = evidence or bodies[sentence.paragraph]
        found += [Problem(sentence.text, what) for what in _problems(sentence, held, ledger)]
    found += [Problem(s.text, what) for s, what in claims.misjudged(read_all, ledger, known or models())]
    return found


def _cited_by_paragraph(answer: str) -> list[list[str]]:
    return [cited(paragraph) for paragraph in answer.split("\n\n")]


def _problems(sentence: Sentence, held: Cited, ledger: Mapping[str, Evidence]) -> Iterator[str]:
    yield from (f"[{name}] does not exist" for name in sentence.citations if name not in ledger)
    yield from held.unsupported(sentence)
    yield from claims.wrong(sentence, held.evidence, ledger)


def mark(answer: str, problems: list[Problem]) -> str:
    """The answer with each unsupported sentence marked as a hypothesis."""
    for sentence in dict.fromkeys(problem.sentence for problem in problems):
        answer = answer.replace(sentence, sentence + MARK, 1)
    return answer


def cited(answer: str) -> list[str]:
    """Ids cited in an answer, in order, once each."""
    return list(dict.fromkeys(name for sentence in read(answer) for name in sentence.citations))
