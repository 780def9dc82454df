"""Whether a sentence concludes something, and what: that a claim holds, that it does not, or that it stays open."""

import re
from typing import Literal

Outcome = Literal["supported", "not supported", "inconclusive"]

_OPEN = re.compile(
    r"\binconclusive\b|\bundecided\b|\bunclear\b|\bambiguous\b|\b(?:remains?|stays?|left|leaves? \w+) (?:\w+ )?open\b"
    r"|\b(?:cannot|can't|can not|could not|couldn't|unable to) (?:say|tell|decide|settle|conclude|call)\b"
    r"|\b(?:does|did|do)(?: not|n't) (?:decide|settle)\b|\bno (?:firm |clear )?(?:conclusion|decision)\b|\bneither (?:way|confirm)"
    r"|\bnot (?:enough|sufficient|strong enough|clear enough)\b|\bjury\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\bnot\b|n't\b|\bno\b|\bnope\b|\bnever\b|\bfail(?:s|ed|ing)?\b|\bcannot\b|\bnothing\b|\bnone\b|\bneither\b|\bnor\b"
    r"|\bnegative\b|\bout against\b|\bunsupported\b|\bhardly\b|\bunable\b|\brejected\b|\bnull result\b|\blacks?\b|\bempty\b",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"\b(?:un)?supported\b|\bsupports?\b|\binconclusive\b|\bverdict\b|\bconclu\w+|\bevidence\b|\bthe (?:test|finding|claim|result|answer is)\b"
    r"|\b(?:passed|failed) the test\b|\b(?:hold|holds|held) up\b|\bbears? (?:that|it|this) out\b|\bin favou?r\b|\bout against\b"
    r"|\bclear (?:yes|no)\b|\bcame up (?:empty|successful)\b|\bfound\?|\b(?:was|is|were|be) (?:not )?(?:shown|confirmed|established|demonstrated)\b|\bhid(?:es|ing) (?:the word|a word|no|nothing|a)\b"
    r"|\bhidden word\b|\bunclear\b|\bundecided\b|\b(?:cannot|can't) (?:say|tell|decide)\b|(?:^|[?:] )\W*(?:yes|no|nope|yep|yeah|indeed)\b",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"\b(?:un)?supported\b|\binconclusive\b|\bverdict\b|\bclear (?:yes|no)\b|\b(?:passed|failed) the test\b|\bhidden word\b"
    r"|\b(?:hold|holds|held) up\b|\bin favou?r\b|^\W*(?:yes|nope|yep)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"\bcontrols?\b|\bshuffl\w+|\brandom\b|\bunrelated\b|\buntrained\b|\bthe base\b|\bbase@|\bbaseline\b|\bother (?:\w+ )?(?:features|texts|words|heads)\b",
    re.IGNORECASE,
)
"""Clauses about the control: what they deny, they deny of it."""
_CLAUSE = re.compile(
    r"[;:,()—–]|\b(?:whereas|while|but|though|although|however|yet|and|since|because)\b", re.IGNORECASE
)
_QUOTED = re.compile(r"[\"“][^\"”]*[\"”]?")
_COMMON = {
    "that",
    "this",
    "than",
    "more",
    "the",
    "its",
    "with",
    "from",
    "after",
    "what",
    "these",
    "those",
    "does",
    "other",
    "they",
    "like",
}
SHARED = 0.6
"""Share of a claim's words in a sentence from which on the sentence is taken to be about the claim."""


def outcome_of(sentence: str, claim: str) -> Outcome | None:
    """What a sentence concludes of a claim; None where it only describes."""
    if not (_CONCLUDES.search(_QUOTED.sub(" ", sentence)) or _shared(sentence, claim) >= SHARED):
        return None
    if _OPEN.search(sentence):
        return "inconclusive"
    clauses = [c for c in _CLAUSE.split(sentence) if c.strip()]
    own = [
        c for c in clauses if not _BESIDE.search(c) or _CONCLUDES.search(c) or _shared(c, claim) >= SHARED
    ] or clauses
    own = [_QUOTED.sub(" ", c) for c in own]
    return "not supported" if any(_DENIED.search(c) for c in own) else "supported"


def concludes(sentence: str) -> bool:
    """Whether a sentence says by its words that something was tested and how it came out."""
    return _STRONG.search(sentence) is not None


def _shared(sentence: str, claim: str) -> float:
    words, wanted = _stems(sentence), _stems(claim)
    return len(words & wanted) / len(wanted) if wanted else 0.0


def _stems(text: str) -> set[str]:
    """Words by their beginnings, numbers as they are."""
    found = re.findall(r"[a-z]{3,}|\d+", text.casefold())
    return {word[:5] for word in found if word not in _COMMON}
