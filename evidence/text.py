"""Evidence as text: what the agent reads and what a terminal shows. At most 40 lines; says what it cut."""

from typing import assert_never

from evidence.shapes import Cell, RankedList, Ranking, TokenGrid, Transcript

MOST_LINES = 40


def as_text(evidence: TokenGrid | Ranking | Transcript) -> str:
    """Render any evidence in at most 40 lines."""
    match evidence:
        case TokenGrid():
            body = _token_grid(evidence)
        case Ranking():
            body = _ranking(evidence)
        case Transcript():
            body = _transcript(evidence)
        case _:
            assert_never(evidence)
    head, foot = [evidence.title], _foot(evidence)
    room = MOST_LINES - len(head) - len(foot)
    if len(body) > room:
        body = [*body[: room - 1], f"... {len(body) - room + 1} more lines; the figure and the JSON have all of them"]
    return "\n".join(head + body + foot)


def _foot(evidence: TokenGrid | Ranking | Transcript) -> list[str]:
    lines = []
    if evidence.verdict:
        v = evidence.verdict
        lines += [f"verdict: {v.status} - {v.claim}", f"because: {v.reason} (confidence of the method: {v.confidence})"]
    if evidence.caveat:
        lines.append(f"cannot show: {evidence.caveat}")
    if evidence.provenance:
        p = evidence.provenance
        lines.append(
            f"measured on {p.target} (weights {p.weights}{', adapter ' + p.adapter if p.adapter else ''}) in {p.seconds:.1f} s"
        )
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


def quote(text: str, most: int = 160) -> str:
    """A model's or a person's text as one quoted line: data, not instructions."""
    flat = " ".join(text.split())
    return '"' + (flat if len(flat) <= most else flat[: most - 1] + "…").replace('"', "'") + '"'
