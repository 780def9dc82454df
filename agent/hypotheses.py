"""The board of a conversation: what is held to be so, what speaks for it and against it, and whether it stands.

It is derived from the ledger, never written by hand: every claim that an evidence tested is a hypothesis.
One measurement with its control is evidence for; a conclusion is asked of the board, which stays inconclusive
while measurements of one claim disagree, or none was held against a control.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evidence import Evidence

Standing = Literal["supported", "not supported", "inconclusive"]


@dataclass
class Hypothesis:
    """One claim, and the ids of what was measured about it."""

    claim: str
    evidence_for: list[str] = field(default_factory=list)
    evidence_against: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    """What the measurements were held against, in words."""

    @property
    def status(self) -> Standing:
        """Supported or not only where all that decided agree, and something was held against a control."""
        if not self.controls or bool(self.evidence_for) == bool(self.evidence_against):
            return "inconclusive"
        return "supported" if self.evidence_for else "not supported"


def board(ledger: Mapping[str, Evidence]) -> list[Hypothesis]:
    """The hypotheses of a conversation in the order in which they were first tested."""
    found: dict[str, Hypothesis] = {}
    for name, evidence in ledger.items():
        verdict = evidence.verdict
        if verdict is None:
            continue
        one = found.setdefault(_key(verdict.claim), Hypothesis(verdict.claim))
        place = {"supported": one.evidence_for, "not supported": one.evidence_against}.get(
            verdict.status, one.undecided
        )
        place.append(name)
        control = evidence.provenance.control if evidence.provenance else None
        if control and control not in one.controls:
            one.controls.append(control)
    return list(found.values())


def written(hypotheses: list[Hypothesis]) -> str:
    """The board as a list that cites."""
    return "\n".join(_line(one) for one in hypotheses)


def _line(one: Hypothesis) -> str:
    claim = re.sub(r"(?<!\w)'([^']*)'(?!\w)", r"“\1”", one.claim)
    said = [("for", one.evidence_for), ("against", one.evidence_against), ("undecided", one.undecided)]
    parts = "; ".join(f"{what} {' '.join(f'[{name}]' for name in names)}" for what, names in said if names)
    held = f"; held against {', '.join(one.controls)}" if one.controls else "; held against no control"
    return f"- {claim}: **{one.status}** ({parts}{held})"


def _key(claim: str) -> str:
    """Claims that say the same are one."""
    return " ".join(claim.lower().split())
