"""The numbers a reader wants next, line by line, as the guide repeats them and the check knows them."""

from typing import assert_never

from evidence.shapes import (
    AnyEvidence,
    Arm,
    Contrast,
    Curve,
    Entry,
    Heatmap,
    Line,
    Quiz,
    Ranking,
    Table,
    TokenGrid,
    Transcript,
    Verdict,
)
from evidence.text import number, quote

ROWS = 8
"""Rows of a table that are repeated."""


def trusted(verdict: Verdict) -> str:
    """How far findings of this kind can be trusted (arXiv 2504.01849, Table 2)."""
    kind = "they are correlational" if verdict.confidence == "low" else "something was changed and the effect seen"
    return f"Confidence in findings of this kind is {verdict.confidence}: {kind}"


def lines(evidence: AnyEvidence) -> list[str]:
    """One line for each list, highlight, arm, curve or row; nothing of shapes that are read as a whole."""
    match evidence:
        case Ranking():
            return [f"{one.strategy}: {_first(one.entries)}" for one in evidence.lists]
        case Heatmap():
            return [f"{quote(e.label)}: {e.score:.3g} {evidence.unit}" for e in evidence.highlights]
        case Contrast():
            return [_arm(arm) for arm in evidence.arms]
        case Curve():
            return [_line(line, evidence) for line in evidence.lines]
        case Table():
            return [_cells(row, evidence.columns) for row in evidence.rows[:ROWS]]
        case TokenGrid() | Transcript() | Quiz():
            return []
    assert_never(evidence)


def _first(entries: tuple[Entry, ...]) -> str:
    return ", ".join(f"{quote(e.label)} {e.score:.3g}" for e in entries[:3]) or "nothing"


def _arm(arm: Arm) -> str:
    said = f"; it says {quote(arm.samples[0][1], 80)}" if arm.samples else ""
    reach = f" ({arm.low:.3g} to {arm.high:.3g})" if arm.low is not None and arm.high is not None else ""
    return f"{quote(arm.label)}: {arm.value:.3g}{reach}{said}"


def _line(line: Line, curve: Curve) -> str:
    if len(line.values) > 1 and len(set(line.values)) == 1:
        return f"{quote(line.label)}: {line.values[0]:.3g}"
    best = max(range(len(line.values)), key=line.values.__getitem__)
    shown = f"{line.values[best]:.3g}"
    if sum(f"{value:.3g}" == shown for value in line.values) > 1:
        return f"{quote(line.label)}: highest {shown} (in more than one place)"
    at = curve.x[best] if curve.x[best].isdigit() else quote(curve.x[best])
    return f"{quote(line.label)}: highest {shown} ({curve.x_axis} {at})"


def _cells(row: tuple[str | float | None, ...], columns: tuple[str, ...]) -> str:
    """A row's words in quotes, since some are a model's own, and its numbers each after the name of its column."""
    first, *rest = (
        quote(cell, 80) if isinstance(cell, str) else f"{column} {number(cell)}"
        for cell, column in zip(row, columns, strict=True)
        if cell is not None and cell != ""
    )
    return f"{first}: {'; '.join(rest)}" if rest else first
