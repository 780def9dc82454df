"""Evidence as text: what the agent reads and what a terminal shows. At most 40 lines; says what it cut."""

from typing import assert_never

from evidence import _text_shapes as shapes
from evidence._text_parts import number as number
from evidence._text_parts import one_line, printable, quote
from evidence._text_shapes import cut
from evidence.shapes import (
    AnyEvidence,
    Cell,
    Contrast,
    Curve,
    Heatmap,
    Quiz,
    RankedList,
    Ranking,
    Table,
    TokenGrid,
    Transcript,
)

MOST_LINES, MOST_MADE = 40, 4

__all__ = ["MOST_LINES", "as_text", "quote"]


def as_text(evidence: AnyEvidence) -> str:
    """Render any evidence in at most 40 lines."""
    head, foot = [one_line(evidence.title, 300)], _foot(evidence)
    room = MOST_LINES - len(head) - len(foot)
    return "\n".join(printable(line) for line in head + cut(_body(evidence, room), room) + foot)


def _body(evidence: AnyEvidence, room: int) -> list[str]:
    match evidence:
        case TokenGrid():
            return _token_grid(evidence)
        case Ranking():
            return _ranking(evidence)
        case Transcript():
            return _transcript(evidence)
        case Heatmap():
            return shapes.heatmap(evidence, room)
        case Contrast():
            return shapes.contrast(evidence, room)
        case Curve():
            return shapes.curve(evidence, room)
        case Table():
            return shapes.table(evidence, room)
        case Quiz():
            return shapes.quiz(evidence)
        case _:
            assert_never(evidence)


def _foot(evidence: AnyEvidence) -> list[str]:
    lines = []
    if evidence.verdict:
        v = evidence.verdict
        lines += [
            f"verdict: {v.status} - {one_line(v.claim, 400)}",
            f"because: {one_line(v.reason, 600)} (confidence of the method: {v.confidence})",
        ]
    if evidence.artifacts:
        made = [f"the {a.kind} {a.name!r} ({a.digest})" for a in evidence.artifacts[:MOST_MADE]]
        more = len(evidence.artifacts) - len(made)
        lines.append(f"made {', '.join(made)}{f' and {more} more; the JSON has all of them' if more else ''}")
    if evidence.caveat:
        lines.append(f"cannot show: {one_line(evidence.caveat, 600)}")
    if evidence.provenance:
        p = evidence.provenance
        adapter, known = (f", adapter {p.adapter}" if p.adapter else ""), (f"; evidence {p.id}" if p.id else "")
        lines.append(f"measured on {one_line(p.target)} (weights {p.weights}{adapter}) in {p.seconds:.1f} s{known}")
    return lines


def _token_grid(grid: TokenGrid) -> list[str]:
    last = len(grid.positions) - 1
    lines = [
        f"text: {' '.join(quote(p) for p in grid.positions)}",
        f"likeliest next tokens at the last position, {quote(grid.positions[last])}:",
    ]
    for row, layer in enumerate(grid.layers):
        line = f"  layer {layer}: {_cell(grid.cells[row][last])}"
        if grid.control:
            line += f"   | {grid.control_name}: {_cell(grid.control[row][last], most=2)}"
        lines.append(line)
    for tracked in grid.tracked:
        control = f"; {grid.control_name}: {tracked.control_ranks}" if tracked.control_ranks else ""
        lines.append(f"rank of {quote(tracked.token)} by layer: {tracked.ranks}{control}")
    return lines


def _cell(cell: Cell, most: int = 5) -> str:
    return ", ".join(f"{quote(t)} {p:.3f}" for t, p in zip(cell.tokens[:most], cell.probabilities, strict=False))


def _ranking(ranking: Ranking) -> list[str]:
    lines = []
    for one in ranking.lists:
        lines.append(f"{one.strategy} ({one.box}, {one.unit}): {_entries(one)}")
        if one.control is not None:
            lines.append(f"    {ranking.control_name}: {_entries(one, control=True)}")
        if one.note:
            lines.append(f"    note: {one.note}")
    for prompt, reply in ranking.samples[:4]:
        lines.append(f"  asked {quote(prompt)} it said {quote(reply)}")
    return lines


def _entries(one: RankedList, *, control: bool = False) -> str:
    entries = (one.control or ()) if control else one.entries
    return ", ".join(f"{quote(e.label)} {e.score:.3g}" for e in entries[:5]) or "nothing"


def _transcript(transcript: Transcript) -> list[str]:
    lines = [f"temperature {transcript.temperature:g}, seed {transcript.seed}"]
    for reply in transcript.replies:
        end = "" if reply.finished else " [cut at the length limit]"
        lines.append(f"  {reply.model}, asked {quote(reply.prompt)}: {quote(reply.text)}{end}")
    return lines
