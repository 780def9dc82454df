"""The few shapes a tool may return, with their text, figure and code. Light to import."""

from evidence.code import as_python
from evidence.shapes import (
    Cell,
    Entry,
    Evidence,
    Provenance,
    RankedList,
    Ranking,
    Reply,
    Shape,
    TokenGrid,
    Tracked,
    Transcript,
    Verdict,
    from_json,
    numbers,
    numbers_in,
)
from evidence.text import as_text

__all__ = [
    "Cell",
    "Entry",
    "Evidence",
    "Provenance",
    "RankedList",
    "Ranking",
    "Reply",
    "Shape",
    "TokenGrid",
    "Tracked",
    "Transcript",
    "Verdict",
    "as_figure",
    "as_python",
    "as_text",
    "from_json",
    "numbers",
    "numbers_in",
]


def as_figure(evidence: Evidence):  # type: ignore[no-untyped-def]
    """The evidence as a Plotly figure (plotly is imported here, on first use)."""
    from evidence.figure import as_figure as draw

    return draw(evidence)
