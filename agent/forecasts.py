"""How likely a person and the assistant hold what a measurement is about to decide, and how well each did (Brier's score).

The event is always the tool's own claim, that its verdict will be *supported*. The assistant's forecast is how often claims of
this tool were supported in the conversation so far, by Laplace's rule: it knows no more before it looks, and says so by 50 %.
"""

import re
from collections.abc import Iterable

from evidence import AnyEvidence

SHARES = {"sure": 0.95, "likely": 0.75, "unlikely": 0.2}
"""Probability that one word stands for."""
_PERCENT = re.compile(r"\b(\d+(?:\.\d+)?) ?(?:%|percent\b|per cent\b)|\b(50 ?[/:-] ?50|fifty-fifty)\b", re.IGNORECASE)
_NO = re.compile(r"^\W*(?:no|nope|nah|it does ?n[o']t|i do ?n[o']t think so|it agrees|they agree)\b", re.IGNORECASE)


def stated(said: str, confidence: str, *, against: bool) -> float:
    """The probability that a person's words give to the claim.

    Args:
        said: what they answered: one of the words of `SHARES`, or a guess.
        confidence: how sure a guess sounds, one of those words.
        against: whether the guess is that there is nothing.
    """
    if bare(said):
        return SHARES.get(_word(said), percent(said) or 0.0)
    if (given := percent(said)) is not None:
        return round(1 - given, 2) if against else given
    share = SHARES[confidence]
    return round(1 - share, 2) if against or _NO.match(said) else share


def bare(said: str) -> bool:
    """Whether somebody says how likely they find it, and nothing else."""
    return _word(said) in SHARES or bool(
        _PERCENT.sub("", said).strip(" .,!") in {"", "dunno", "i don't know", "maybe"} and percent(said) is not None
    )


def percent(said: str) -> float | None:
    """A probability that is said in so many words: "60%", "50/50", "a 30 percent chance"."""
    if not (m := _PERCENT.search(said)):
        return None
    return 0.5 if m[2] else min(float(m[1]), 100.0) / 100


def _word(said: str) -> str:
    return said.lower().strip(" .!")


def ours(earlier: Iterable[AnyEvidence], tool: str) -> float:
    """The assistant's forecast before it looks."""
    verdicts = [one.verdict.status for one in earlier if one.verdict and one.provenance and one.provenance.tool == tool]
    return (verdicts.count("supported") + 1) / (len(verdicts) + 2)


def brier(share: float, *, occurred: bool) -> float:
    """(p - o)^2, Brier 1950: 0 is best, 1 is worst, and a constant 50 % gets 0.25."""
    return (share - occurred) ** 2
