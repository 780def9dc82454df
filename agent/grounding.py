"""The answer is checked by code: every number and every citation must resolve to the ledger."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evidence import Evidence, numbers

_CITATION = re.compile(r"\[(E\d+)\]")
_NUMBER = re.compile(r"(?<![\w.#-])(-?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)(\s?%)?(?!\.?\d)")
_NAME = re.compile(r"\b[A-Za-z][\w/@.]*-\d[\w.-]*|\b\d+(?:st|nd|rd|th)\b")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*[A-Za-z ][^`]*`|^>.*$|^\s*\d+[.)]\s", re.MULTILINE)
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
        ours = _QUOTED.sub(lambda found: "\x00" * len(found[0]), paragraph)  # blanked, so that places stay
        names = [name for name in _CITATION.findall(ours) if name in ledger]
        known = {value for name in names for value in numbers(ledger[name])}
        for start, end in _sentences(ours):
            sentence = paragraph[start:end]
            missing = [name for name in _CITATION.findall(ours[start:end]) if name not in ledger]
            problems += [Problem(sentence, f"[{name}] does not exist") for name in missing]
            unsupported = _unsupported(ours[start:end], known)
            problems += [Problem(sentence, f"{text} is in no evidence cited here") for text in unsupported]
    return problems


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends."""
    start = 0
    for found in _SENTENCE.finditer(text):
        yield start, found.start()
        start = found.end()
    yield start, len(text)


def mark(answer: str, problems: list[Problem]) -> str:
    """The answer with each unsupported sentence marked as a hypothesis."""
    for sentence in dict.fromkeys(problem.sentence for problem in problems):
        answer = answer.replace(sentence, sentence + MARK, 1)
    return answer


def cited(answer: str) -> list[str]:
    """Ids cited in an answer, in order, once each."""
    return list(dict.fromkeys(_CITATION.findall(answer)))


def _unsupported(sentence: str, known: set[float]) -> list[str]:
    plain = _NAME.sub("", _CITATION.sub("", sentence)).replace("–", " ")
    plain = re.sub(r"(?<=\d)-(?=\d)", " ", plain)  # a range is two numbers
    return [
        number + percent
        for number, percent in _NUMBER.findall(plain)
        if not any(_same(number, value, bool(percent)) for value in known)
    ]


def _same(written: str, value: float, percent: bool) -> bool:
    """Whether a written number is a value rounded to as many digits; a percentage may stand for a share.

    A whole number stands for a whole number, or for a value it is at most 5 % away from.
    """
    number, scientific = float(written), "e" in written.lower()
    digits = len(written.lower().partition("e")[0].partition(".")[2])
    for candidate in [100 * value, value] if percent else [value]:
        tolerance = 0.5 * 10**-digits + 1e-9
        if scientific or (not digits and candidate != int(candidate)):
            tolerance = min(tolerance, 0.05 * abs(candidate))
        if abs(number - candidate) <= tolerance:
            return True
    return False
