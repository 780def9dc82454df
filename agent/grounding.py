"""The answer is checked by code: every number and every citation must resolve to the ledger."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evidence import Evidence, numbers

_CITATION = re.compile(r"\[(E\d+)\]")
_NUMBER = re.compile(r"(?<![\w.#-])(-?\d+(?:\.\d+)?)(\s?%)?(?![\w]|\.\d|-\d)")
_QUOTED = re.compile(r'"[^"\n]*"|“[^”\n]*”|`[^`\n]*`')
_LIST_MARK = re.compile(r"^\s*\d+[.)]\s|^>.*$", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“])|\n+")
MARK = " *(hypothesis: not in the evidence)*"


@dataclass(frozen=True)
class Problem:
    """One sentence that the ledger does not support, and what in it."""

    sentence: str
    what: str


def check(answer: str, ledger: Mapping[str, Evidence]) -> list[Problem]:
    """Problems of an answer: citations that do not exist, numbers no cited evidence has.

    A number may come from any evidence cited in its paragraph; percentages may be shares. Text in
    quotes, backticks or a block quote is somebody's words and is not checked here.
    """
    problems = []
    for paragraph in answer.split("\n\n"):
        cited = [name for name in _CITATION.findall(paragraph) if name in ledger]
        known = {value for name in cited for value in numbers(ledger[name])}
        for sentence in _SENTENCE.split(paragraph):
            problems += [
                Problem(sentence, f"[{name}] does not exist")
                for name in _CITATION.findall(sentence)
                if name not in ledger
            ]
            problems += [
                Problem(sentence, f"{text} is in no evidence cited here") for text in _unsupported(sentence, known)
            ]
    return problems


def mark(answer: str, problems: list[Problem]) -> str:
    """The answer with each unsupported sentence marked as a hypothesis."""
    for sentence in dict.fromkeys(problem.sentence for problem in problems):
        answer = answer.replace(sentence, sentence + MARK, 1)
    return answer


def cited(answer: str) -> list[str]:
    """Ids cited in an answer, in order, once each."""
    return list(dict.fromkeys(_CITATION.findall(answer)))


def _unsupported(sentence: str, known: set[float]) -> list[str]:
    plain = _LIST_MARK.sub("", _QUOTED.sub("", _CITATION.sub("", sentence)))
    return [
        number + (percent or "")
        for number, percent in _NUMBER.findall(plain)
        if not any(_same(number, value, bool(percent)) for value in known)
    ]


def _same(written: str, value: float, percent: bool) -> bool:
    """Whether a written number is a value rounded to as many digits; a percentage may stand for a share."""
    digits = len(written.partition(".")[2])
    tolerance = 0.5 * 10**-digits + 1e-9
    candidates = [value, 100 * value] if percent else [value]
    return any(abs(float(written) - candidate) <= tolerance for candidate in candidates)
