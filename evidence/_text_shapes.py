"""The measured shapes as text: grids, arms, curves and tables in the room that is left between title and verdict."""

from collections.abc import Sequence
from typing import TypeVar

from evidence._text_parts import aligned, interval, label, number, one_line, quote
from evidence.shapes import Arm, Contrast, Curve, Heatmap, Line, Quiz, Table

MOST_COLUMNS, MOST_CELLS, MOST_ARMS, MOST_POINTS, MOST_LINES_BESIDE, MOST_NAMED = 8, 14, 24, 30, 8, 6
ALL = "the JSON has all of them"
LINE = 120
"""Characters of a table's line."""
_Roled = TypeVar("_Roled", bound=Arm | Line)


def heatmap(found: Heatmap, room: int) -> list[str]:
    """The grid when it is small, else the cells worth naming and the strongest ones, with the control beside."""
    control = f"; in brackets the control, {found.control_name or 'unnamed'}" if found.control else "; no control"
    head = f"cells: {one_line(found.row_axis)} x {one_line(found.column_axis)}, {one_line(found.unit)}{control}"
    small = len(found.columns) <= MOST_COLUMNS and len(found.rows) + 3 <= room
    return [head, *(_grid(found) if small else _strongest(found, room - 1))]


def _grid(found: Heatmap) -> list[str]:
    top = [one_line(found.row_axis, 16), *(label(c, 12) for c in found.columns)]
    rows = [
        [label(name, 16), *(_cell(found, r, c) for c in range(len(found.columns)))] for r, name in enumerate(found.rows)
    ]
    named = ", ".join(f"{label(e.label, 40)} = {number(e.score)}" for e in found.highlights[:MOST_NAMED])
    named += f" and {len(found.highlights) - MOST_NAMED} more" if len(found.highlights) > MOST_NAMED else ""
    return [*aligned([top, *rows], right=range(1, len(top))), *([f"worth naming: {named}"] if named else [])]


def _strongest(found: Heatmap, room: int) -> list[str]:
    cells = [(r, c) for r in range(len(found.rows)) for c in range(len(found.columns))]
    places = {f"{found.rows[r]}, {found.columns[c]}": (r, c) for r, c in cells}
    lines = []
    if found.highlights:
        lines.append("worth naming:")
        for entry in found.highlights[: room // 3]:
            at = places.get(entry.label)
            beside = f" ({number(found.control[at[0]][at[1]])})" if found.control and at else ""
            lines.append(f"  {label(entry.label, 60)}: {number(entry.score)}{beside}")
        if len(found.highlights) > room // 3:
            lines.append(f"  ... {len(found.highlights) - room // 3} more worth naming; {ALL}")
    order = sorted(cells, key=lambda at: -abs(found.values[at[0]][at[1]]))
    shown = order[: min(MOST_CELLS, room - len(lines) - 2)]
    lines.append("strongest cells by absolute value:")
    lines += [f"  {label(found.rows[r], 30)}, {label(found.columns[c], 30)}: {_cell(found, r, c)}" for r, c in shown]
    left = len(cells) - len(shown)
    return [*lines, *([f"... {left} more cells; {ALL}"] if left else [])]


def _cell(found: Heatmap, row: int, column: int) -> str:
    beside = f" ({number(found.control[row][column])})" if found.control else ""
    return number(found.values[row][column]) + beside


def quiz(found: Quiz) -> list[str]:
    """The questions; which option is right is not told."""
    head = f"{len(found.items)} prompts; the wrong options are replies of {', '.join(found.others)}; guessing gets {found.chance:.2f} right"
    return [
        head,
        *(
            f"  asked {quote(item.prompt, 80)}: " + " / ".join(quote(option, 60) for option in item.options)
            for item in found.items
        ),
    ]


def contrast(found: Contrast, room: int) -> list[str]:
    """One line an arm, then what was said under each."""
    arms = _of_every_role(found.arms, MOST_ARMS)
    lines = [f"unit: {one_line(found.unit)}; control: {one_line(found.control_name or 'none')}"]
    width = max((len(arm.role) for arm in arms), default=0)
    lines += [
        f"  {arm.role:<{width}}  {label(arm.label, 80)}: {interval(arm.value, arm.low, arm.high)}, n = {arm.n}"
        for arm in arms
    ]
    if len(arms) < len(found.arms):
        lines.append(f"... {len(found.arms) - len(arms)} more arms; {ALL}")
    said = [
        f"  under {quote(arm.label, 40)}, asked {quote(prompt, 60)}, it said {quote(reply, 120)}"
        for arm in arms
        for prompt, reply in arm.samples[:2]
    ]
    return lines + cut(said, room - len(lines), "things it said")


def curve(found: Curve, room: int) -> list[str]:
    """One line a point with all lines side by side; a long curve keeps its ends, its extremes and some between."""
    shown = _of_every_role(found.lines, MOST_LINES_BESIDE)
    banded = " (95 % interval)" if any(line.low and line.high for line in found.lines) else ""
    control = one_line(found.control_name or "none")
    notes = [f"unit: {one_line(found.unit)}{banded} by {one_line(found.x_axis)}; control: {control}"]
    if len(shown) < len(found.lines):
        notes.append(f"... {len(found.lines) - len(shown)} more lines of the curve; {ALL}")
    most = min(MOST_POINTS, room - len(notes) - 2)
    points = _points(len(found.x), shown, most)
    top = [one_line(found.x_axis, 16), *(f"{label(line.label, 24)} [{line.role}]" for line in shown)]
    rows = [[label(found.x[i], 16), *(_point(line, i) for line in shown)] for i in points]
    if len(points) < len(found.x):
        notes.append(f"{len(points)} of {len(found.x)} points, with both ends and the extremes; {ALL}")
    return [*notes, *aligned([top, *rows])]


def _points(count: int, lines: Sequence[Line], most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    kept = dict.fromkeys([0, count - 1])
    for pick in (max, min):
        kept |= dict.fromkeys(pick(range(count), key=line.values.__getitem__) for line in lines)
    left = most - len(kept)
    kept |= dict.fromkeys(round(i * (count - 1) / (left + 1)) for i in range(1, left + 1))
    return sorted(list(kept)[:most])


def _point(line: Line, at: int) -> str:
    low, high = (ends[at] if ends else None for ends in (line.low, line.high))
    return interval(line.values[at], low, high)


def table(found: Table, room: int) -> list[str]:
    """Aligned columns; rows worth a look are marked and come before others when there is no room for all."""
    notes = [f"control: {one_line(found.control_name)}"] if found.control_name else []
    most = room - len(notes) - 2
    worth = [row for row in found.highlights if 0 <= row < len(found.rows)]
    kept = sorted(list(dict.fromkeys([*worth, *range(len(found.rows))]))[:most])
    widest = _widths([found.columns, *(found.rows[r] for r in kept)])
    numeric = [
        i for i in range(len(found.columns)) if all(not isinstance(row[i], str) for row in found.rows)
    ]  # flush right, like every number
    rows = [["*" if r in worth else "", *map(_shown, found.rows[r], widest)] for r in kept]
    top = ["", *map(label, found.columns, widest)]
    lines = aligned([top, *rows], right=[i + 1 for i in numeric])
    if len(kept) < len(found.rows):
        lines.append(f"... {len(found.rows) - len(kept)} more rows; {ALL}")
    return [*notes, *lines]


def _widths(rows: Sequence[Sequence[str | float | None]]) -> list[int]:
    """Room for every column: what a short one does not need goes to the longer ones."""
    needs = [max(len(_shown(row[i], LINE)) for row in rows) for i in range(len(rows[0]))]
    left, widths = LINE, [0] * len(needs)
    for done, i in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        widths[i] = max(10, min(needs[i], left // (len(needs) - done)))
        left -= widths[i]
    return widths


def _shown(cell: str | float | None, most: int) -> str:
    if cell is None:
        return "-"
    return one_line(cell, most) if isinstance(cell, str) else number(cell)


def cut(lines: list[str], room: int, what: str = "lines") -> list[str]:
    """As many lines as there is room for, and how many were left out."""
    if len(lines) <= room:
        return lines
    kept = max(room - 1, 0)
    return [*lines[:kept], f"... {len(lines) - kept} more {what}; {ALL}"]


def _of_every_role(items: Sequence[_Roled], most: int) -> list[_Roled]:
    """The first items, but the first of every role in any case."""
    roles = [item.role for item in items]
    kept = list(dict.fromkeys([*map(roles.index, set(roles)), *range(len(items))]))[:most]
    return [items[i] for i in sorted(kept)]
