"""The few shapes a tool may return, with their text, figure and code. Light to import."""

from evidence.code import as_python
from evidence.facts import Fact, facts, numbers, numbers_in
from evidence.shapes import (
    AnyEvidence,
    Arm,
    Artifact,
    Box,
    Cell,
    Contrast,
    Curve,
    Entry,
    Evidence,
    Heatmap,
    Line,
    Provenance,
    Quiz,
    QuizItem,
    RankedList,
    Ranking,
    Reply,
    Role,
    Shape,
    Table,
    TokenGrid,
    Tracked,
    Transcript,
    Verdict,
    from_json,
)
from evidence.text import as_text

__all__ = [
    "AnyEvidence",
    "Arm",
    "Artifact",
    "Box",
    "Cell",
    "Contrast",
    "Curve",
    "Entry",
    "Evidence",
    "Fact",
    "Heatmap",
    "Line",
    "Provenance",
    "Quiz",
    "QuizItem",
    "RankedList",
    "Ranking",
    "Reply",
    "Role",
    "Shape",
    "Table",
    "TokenGrid",
    "Tracked",
    "Transcript",
    "Verdict",
    "as_figure",
    "as_python",
    "as_text",
    "facts",
    "from_json",
    "numbers",
    "numbers_in",
]


def as_figure(evidence: AnyEvidence, *, width: int | None = None):  # type: ignore[no-untyped-def]
    """The evidence as a Plotly figure (plotly is imported here, on first use) that reads well from this width in pixels."""
    from evidence.figure import NARROWEST
    from evidence.figure import as_figure as draw

    return draw(evidence, width=width or NARROWEST)
