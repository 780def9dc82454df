"""The parts of an answer that speak of one evidence each, and what of a part can be a conclusion.

"taboo-03 hides a word [E1] and taboo-07 does not [E2]" concludes twice: a part goes as far as the citation that ends it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.grounding.reading import CITATION, Number, Sentence, read

_GROUP = re.compile(r"(?:\s*\[E\d+(?:\s*[,;]\s*E\d+)*\])+")
_SAID = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`|(?<!\w)'[^']*'(?!\w)|(?<!\w)‘[^’]*’(?!\w)")
_MODEL = re.compile(r"\b(?:taboo-\d+|base@1\S*|base-sae\S*)")
_CLAUSE = re.compile(
    r"\s*(?:[;:—–()]|,(?!\d)|\s-\s|\b(?:whereas|while|although|though|however|yet|since|because|given that|seeing that"
    r"|but|where)\b)\s*",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w@-])[-−]?\d(?:[\d.,]*\d)?(?:e-?\d+)?\s?%?(?!\w)")
_UNMEASURED = re.compile(
    r"\b(?:layers?|heads?|features?|latents?)\s+#?\d+(?:\s*(?:,|and|to)\s*\d+)*"
    r"|\bp(?:[ -]value)?\s*(?:[=<>≈]|of|is|being|was)?\s*\d[\d.]*(?:e-?\d+)?",
    re.IGNORECASE,
)
"""Numbers that say where, or how sure: a clause with these alone may conclude."""


@dataclass(frozen=True)
class Part:
    """A stretch of a sentence, and the evidence it cites or, when it cites none, its paragraph."""

    sentence: Sentence
    names: tuple[str, ...]
    text: str
    repeats: tuple[str, ...] = ()
    """The tool's own sentences that conclude nothing: its reason, its caveat."""
    verdict: bool = False
    """Whether it is the evidence's verdict, claim and status word for word: nothing has to be read out of it."""

    @property
    def numbers(self) -> list[Number]:
        return [number for sentence in read(self.text) for number in sentence.numbers]

    @property
    def silent(self) -> bool:
        """Whether it cannot conclude: it asks, or only repeats."""
        own = CITATION.sub("", self._own).strip(" .")
        repeats = own != CITATION.sub("", self.text).strip(" .")
        return "?" in self.text[-8:] or (repeats and (own.endswith(":") or len(re.findall(r"[A-Za-z]{2,}", own)) < 2))

    @property
    def _own(self) -> str:
        text = self.text
        for said in self.repeats:
            text = re.sub(re.escape(said.rstrip(".")), " ", text, flags=re.IGNORECASE)
        return text

    @property
    def whole(self) -> str:
        """All its words, without what is particular to a case: names, quoted words, the values of numbers."""
        return _tidy(_general(self.text))

    @property
    def bare(self) -> str:
        """The same without clauses that give a measured number: what is measured is not what is concluded."""
        text = _general(self._own)
        clauses = [c for c in _CLAUSE.split(text) if re.search("[a-z]", c, re.IGNORECASE)]
        kept = [c for c in clauses if not _NUMBER.search(_UNMEASURED.sub(" ", c))]
        return _tidy(", ".join(kept) if kept else text)


def parts(sentences: Sequence[Sentence]) -> list[Part]:
    """Every part of an answer in order."""
    return [part for one in sentences for part in _of(one, sentences) if re.search("[a-z]", part.text)]


def _of(one: Sentence, sentences: Sequence[Sentence]) -> Iterator[Part]:
    groups = list(_GROUP.finditer(one.plain))
    if not groups:
        yield Part(one, tuple(dict.fromkeys(around(sentences, one))), one.text)
        return
    start = 0
    for group in groups:
        end = len(one.text) if group is groups[-1] else group.end()
        yield Part(one, tuple(dict.fromkeys(re.findall(r"E\d+", group[0]))), one.text[start:end])
        start = end


def around(sentences: Sequence[Sentence], one: Sentence) -> tuple[str, ...]:
    """What the paragraph of a sentence cites."""
    return tuple(name for s in sentences if s.paragraph == one.paragraph for name in s.citations)


def _general(text: str) -> str:
    text = re.sub(r"^>.*$", " ", CITATION.sub(" ", text), flags=re.MULTILINE)
    text = _MODEL.sub(lambda m: "the base" if m[0] == "base@1" else "the model", text)
    return _SAID.sub("'it'", text)


def _tidy(text: str) -> str:
    text = re.sub(r"\s+([.,;:])", r"\1", _NUMBER.sub("0", text))
    return " ".join(re.sub(r"^[\s\-*]+|\*", "", text).split())
