"""Whether a sentence concludes something, and what: that a claim holds, that it does not, or that it stays open."""

import re
from pathlib import Path
from typing import Literal

import yaml

Outcome = Literal["supported", "not supported", "inconclusive"]

_WORDS: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))


def _any(*keys: str, besides: str = "") -> re.Pattern[str]:
    listed = "|".join(pattern for key in keys for pattern in _WORDS[key])
    return re.compile(rf"\b(?:{listed})\b" + besides, re.IGNORECASE)


_UNDECIDED, _OPEN, _DENIED = _any("undecided"), _any("open"), _any("denied")
_TESTED = _any("tested", besides=r"|^\W*(?:yes|nope|yep)\b")
_CONCLUDES = _any("tested", "concludes", besides=r"|(?:^|[?:] )\W*(?:yes|no|nope|yep|yeah|indeed)\b")
_SAYS_SO = _any("tested", "concludes")
CONTROL = _any("control")
"""Words by which an answer speaks of a control. In a clause with them, what is denied is denied of the control."""
_CLAUSE = re.compile(
    r"[;:,()—–]|\b(?:whereas|while|but|though|although|however|yet|and|since|because)\b", re.IGNORECASE
)
_QUOTED = re.compile(r"[\"“][^\"”]*[\"”]?")
_COMMON = set(
    [
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
    ]
)
SHARED = 0.65
"""Share of a claim's words in a sentence from which on the sentence is taken to be about the claim."""


def outcomes_of(sentence: str, claim: str) -> set[Outcome]:
    """What a sentence may conclude of a claim; nothing where it only describes."""
    if sentence.rstrip().endswith("?"):
        return set()
    if not (_CONCLUDES.search(_QUOTED.sub(" ", sentence)) or shared(sentence, claim) >= SHARED):
        return set()
    if _UNDECIDED.search(sentence):
        return {"inconclusive"}
    if _OPEN.search(sentence):
        return {"inconclusive", "not supported"}  # "we cannot conclude that" is said of both
    clauses = [c for c in _CLAUSE.split(sentence) if c.strip()]
    own = [c for c in clauses if not CONTROL.search(c) or _SAYS_SO.search(c) or shared(c, claim) >= SHARED] or clauses
    own = [_QUOTED.sub(" ", c) for c in own]
    return {"not supported"} if any(_DENIED.search(c) for c in own) else {"supported"}


def concludes(sentence: str) -> bool:
    """Whether a sentence says by its words that something was tested and how it came out."""
    return _TESTED.search(sentence) is not None


def names_it(sentence: str, control: str, claim: str) -> bool:
    """Whether a sentence speaks of a control by its own name."""
    own = _stems(control) - _stems(claim)
    return bool(control) and (control in sentence or (bool(own) and len(own & _stems(sentence)) >= len(own) / 2))


def shared(sentence: str, claim: str) -> float:
    """Share of a claim's words that a sentence has."""
    words, wanted = _stems(sentence), _stems(claim.split(" than ")[0])  # what follows is what it is compared with
    return len(words & wanted) / len(wanted) if wanted else 0.0


def _stems(text: str) -> set[str]:
    """Words by their beginnings; places are left out, since any sentence about a place names it."""
    found = re.findall(r"[a-z]{3,}", text.casefold())
    return {word[:5] for word in found if word not in _COMMON}
