"""The answer is checked by code: numbers, citations, quoted words and verdicts must resolve to the ledger.

A number must stand in the evidence that its sentence cites, and be of what the sentence says it is of: its layer,
its token, its arm, its model. What a sentence does not say is not held against it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.grounding import attachment, claims, inference
from agent.grounding.binding import Cited
from agent.grounding.reading import Sentence, read, sources
from evidence import Evidence

MARK = " *(hypothesis: not in the evidence)*"

__all__ = ["MARK", "Learned", "Problem", "check", "cited", "mark", "shipped"]


@dataclass(frozen=True)
class Problem:
    """One sentence that the ledger does not support, and what in it."""

    sentence: str
    what: str


@dataclass(frozen=True)
class Learned:
    """What the check has learned of language: what a number is said of, and what an answer concludes (None: by words alone)."""

    forest: attachment.Forest
    reader: inference.Reader | None


def shipped() -> Learned:
    """What the check has learned, as it ships."""
    return Learned(attachment.forest(), inference.reader())


def check(answer: str, ledger: Mapping[str, Evidence], learned: Learned | None = None) -> list[Problem]:
    """Problems of an answer.

    A sentence is held against what `reading.sources` says that it rests on. Percentages may be
    shares. Text in quotes is somebody's words: it must stand in the evidence, and numbers in it are not ours. What a sentence
    says is read by what was `learned`, by default what ships.
    """
    learned = learned or shipped()
    found = []
    cited_together: dict[tuple[str, ...], Cited] = {}
    read_all = list(read(answer))
    for sentence in read_all:
        names = sources(read_all, sentence)
        held = cited_together.setdefault(names, Cited({name: ledger[name] for name in names if name in ledger}))
        found += [Problem(sentence.text, what) for what in _problems(sentence, held, ledger, learned)]
    found += [Problem(s.text, what) for s, what in claims.misjudged(read_all, ledger, learned.reader)]
    return found


def _problems(sentence: Sentence, held: Cited, ledger: Mapping[str, Evidence], learned: Learned) -> Iterator[str]:
    yield from (f"[{name}] does not exist" for name in sentence.citations if name not in ledger)
    yield from held.unsupported(sentence, learned.forest)
    yield from claims.wrong(sentence, held.evidence, ledger)


def mark(answer: str, problems: list[Problem]) -> str:
    """The answer with each unsupported sentence marked as a hypothesis."""
    for sentence in dict.fromkeys(problem.sentence for problem in problems):
        answer = answer.replace(sentence, sentence + MARK, 1)
    return answer


def cited(answer: str) -> list[str]:
    """Ids cited in an answer, in order, once each."""
    return list(dict.fromkeys(name for sentence in read(answer) for name in sentence.citations))
