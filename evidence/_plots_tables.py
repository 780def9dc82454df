"""Tables, and transcripts and quizzes as tables: rows as tall as their words, numbers flush right."""

from collections.abc import Iterable, Sequence

from evidence._plots_frame import Plot
from evidence._plots_style import BOLD, INK, PAD, PALE, PAPER, RULE, SMALL, SOFT, TEXT, fit, font, shown, width_of
from evidence._text_parts import label
from evidence.shapes import Quiz, Table, Transcript

LINE, ROW, TALLEST, WORD, EDGES = 15.5, 11, 900, 90, 19
"""Pixels of a line of words, of the white around them, of a table before it scrolls, and of words and cell edges."""
USUAL = 0.95
"""Words are measured on the large side; this is nearer to what they take."""
MOST_SIGNS = 400


def table(found: Table, width: int) -> Plot:
    """Every row; those worth a look on a soft ground."""
    rows = [
        ["–" if cell is None else cell if isinstance(cell, str) else shown(cell) for cell in row] for row in found.rows
    ]
    right = [
        bool(found.rows) and all(not isinstance(row[i], str) for row in found.rows) for i in range(len(found.columns))
    ]
    fills = [SOFT if i in found.highlights else PAPER for i in range(len(rows))]
    plot = _plot(found.columns, rows, right, fills, width)
    if found.control_name:
        plot.notes.append(fit(f"Control: {found.control_name}", width - 2 * PAD))
    return plot


def transcript(found: Transcript, width: int) -> Plot:
    """Who said what, asked what."""
    rows = [
        [
            one.model,
            one.prompt,
            label(one.text, MOST_SIGNS - 30) + ("" if one.finished else " [cut at the length limit]"),
        ]
        for one in found.replies
    ]
    plot = _plot(("model", "asked", "said"), rows, [False] * 3, [PAPER] * len(rows), width)
    plot.notes.append(f"Temperature {found.temperature:g}, seed {found.seed}.")
    return plot


def quiz(found: Quiz, width: int) -> Plot:
    """What was asked, and the replies to choose from; the right one is not marked."""
    most = max(len(item.options) for item in found.items)
    rows = [[item.prompt, *item.options, *[""] * (most - len(item.options))] for item in found.items]
    columns = ("asked", *"abcdefgh"[:most])
    plot = _plot(columns, rows, [False] * len(columns), [PAPER] * len(rows), width)
    plot.notes.append(f"One reply of each row is the target's; guessing gets {found.chance:.2f} right.")
    return plot


def _plot(columns: Sequence[str], rows: list[list[str]], right: list[bool], fills: list[str], width: int) -> Plot:
    size = _size(columns, rows, right, width - 2 * PAD)
    shares = _shares(columns, rows, right, width - 2 * PAD, size)
    head, heights = _tall(columns, shares, size), [_tall(row, shares, size) for row in rows]
    plot = Plot(height=int(min(TALLEST, head + sum(heights))) + 10)
    across = list(zip(*rows, strict=True)) or [()] * len(columns)
    cells = [
        list(column) if flush else [_words(cell, share, size) for cell in column]
        for column, share, flush in zip(across, shares, right, strict=True)
    ]
    names = [[f"<b>{_words(name, share, size)}</b>"] for name, share in zip(columns, shares, strict=True)]
    look = {
        "align": ["right" if flush else "left" for flush in right],
        "line": {"color": RULE, "width": 1},
        "font": font(size, INK),
    }
    plot.traces = [
        {
            "type": "table",
            "columnwidth": shares,
            "header": look | {"values": names, "height": head, "fill": {"color": PALE}},
            "cells": look | {"values": cells, "height": LINE + ROW, "fill": {"color": [fills]}},
        }
    ]
    if head + sum(heights) > TALLEST:
        plot.notes.append("Scroll inside the table for more rows.")
    return plot


def _size(columns: Sequence[str], rows: list[list[str]], right: list[bool], room: float) -> int:
    """Smaller letters where whole words need them."""
    _, words, _ = _needs(columns, rows, right, room, TEXT)
    return TEXT if sum(words) <= room else SMALL


def _shares(
    columns: Sequence[str], rows: list[list[str]], right: list[bool], room: float, size: int
) -> Sequence[float]:
    """Pixels of each column: headings and numbers whole first, then usual words whole, then usual cells on one line."""
    whole, words, cells = _needs(columns, rows, right, room, size)
    for small, large in ((words, cells), (whole, words)):
        if sum(small) <= room < sum(large):
            part = (room - sum(small)) / (sum(large) - sum(small))
            return [one + part * (other - one) for one, other in zip(small, large, strict=True)]
    fixed = cells if sum(cells) <= room else whole
    return [one * room / sum(fixed) for one in fixed]


def _needs(
    columns: Sequence[str], rows: list[list[str]], right: list[bool], room: float, size: int
) -> tuple[list[float], list[float], list[float]]:
    whole, words, cells = [], [], []
    for i, name in enumerate(columns):
        column = [row[i][:MOST_SIGNS] for row in rows]
        widths = [width_of(cell, size) for cell in column]
        least = max(_longest_word(name, size) * BOLD, max(widths, default=0.0) if right[i] else 0.0)
        whole.append(least + EDGES)
        words.append(max(least, min(_usual(_longest_word(cell, size) for cell in column), WORD)) + EDGES)
        cells.append(max(least, min(_usual(widths), room)) + EDGES)
    return whole, words, cells


def _usual(widths: Iterable[float]) -> float:
    """What is wide enough for nine in ten."""
    ordered = sorted(widths)
    return ordered[int(len(ordered) * 0.9)] if ordered else 0.0


def _longest_word(name: str, size: int) -> float:
    return max((width_of(word, size) for word in label(name).split(" ")), default=0.0)


def _words(text: str, pixels: float, size: int) -> str:
    """Cells wrap between words: one too long for its column ends in an ellipsis."""
    return " ".join(fit(word, pixels - EDGES + 1, size) for word in label(text, MOST_SIGNS).split(" "))


def _tall(row: Sequence[str], shares: Sequence[float], size: int) -> float:
    """About how many pixels high a row becomes."""
    lines = max((_lines(cell, share, size) for cell, share in zip(row, shares, strict=True)), default=1)
    marked = any(sign in cell for cell in row for sign in "<>&$")
    return lines * LINE * size / TEXT + ROW + 4 * (lines > 1 or marked)


def _lines(text: str, pixels: float, size: int) -> int:
    """How many lines a cell will take."""
    lines, used, room = 1, 0.0, pixels - EDGES + 2
    for word in label(text, MOST_SIGNS).split(" "):
        needed = min(width_of(word + " ", size) * USUAL, room)
        if used and used + needed > room:
            lines, used = lines + 1, 0.0
        used += needed
    return lines
