"""The concepts as a map: what builds on what, left to right, coloured by how well the person understands each."""

import html

from agent.learner.mastery import Mastery
from agent.learner.person import Person

WIDE, HIGH, GAP, COLUMN = 118, 26, 8, 136
LETTER = 6.3
"""Width of a letter; a name that is wider than its box is squeezed."""
COLOURS = {"": "#e7e5e4", "not yet": "#fecaca", "shaky": "#fde68a", "understood": "#a7f3d0"}
LEGEND = {"": "not met", "not yet": "not yet", "shaky": "shaky", "understood": "understood"}


def drawn(person: Person) -> str:
    """The map as SVG."""
    places = _places(person.masteries)
    width = max(x for x, _ in places.values()) + WIDE + 4
    height = max(y for _, y in places.values()) + HIGH + 26
    lines = [
        _line(places[below], places[name])
        for name, one in person.masteries.items()
        for below in one.concept.prerequisites
    ]
    boxes = [_box(one, *places[name]) for name, one in person.masteries.items()]
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Map of concepts, coloured by how well you understand them" '
        f'style="width:100%;font:11px sans-serif">{"".join([*lines, *boxes])}{_legend(height)}</svg>'
    )


def _places(masteries: dict[str, Mastery]) -> dict[str, tuple[int, int]]:
    """Where each concept stands: one column to the right of the last thing it builds on."""
    columns: dict[str, int] = {}
    for name, one in masteries.items():
        columns[name] = 1 + max((columns[below] for below in one.concept.prerequisites), default=-1)
    taken: dict[int, int] = {}
    found = {}
    for name, column in columns.items():
        row = taken.get(column, 0)
        taken[column] = row + 1
        found[name] = (2 + column * COLUMN, 2 + row * (HIGH + GAP))
    return found


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = (start[0] + WIDE, start[1] + HIGH // 2), (end[0], end[1] + HIGH // 2)
    bend = (x1 + x2) // 2
    return f'<path d="M{x1} {y1} C{bend} {y1} {bend} {y2} {x2} {y2}" fill="none" stroke="#a8a29e" stroke-width="1"/>'


def _box(one: Mastery, x: int, y: int) -> str:
    standing = one.standing if one.touched else ""
    name = html.escape(one.concept.name)
    room = WIDE - 8
    squeezed = f'textLength="{room}" lengthAdjust="spacingAndGlyphs"' if LETTER * len(one.concept.name) > room else ""
    about = html.escape(f"{one.concept.about}: {LEGEND[standing]}" + (f", {one.known:.0%}" if one.touched else ""))
    return (
        f'<g><title>{name}: {about}</title><rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="6" fill="{COLOURS[standing]}" '
        f'stroke="#78716c" stroke-width=".6"/><text x="{x + WIDE / 2}" y="{y + 17}" text-anchor="middle" fill="#1c1917" '
        f"{squeezed}>{name}</text></g>"
    )


def _legend(height: int) -> str:
    parts = []
    for place, (standing, text) in enumerate(LEGEND.items()):
        x, y = 2 + place * 96, height - 14
        parts.append(
            f'<rect x="{x}" y="{y}" width="12" height="10" fill="{COLOURS[standing]}" stroke="#78716c" stroke-width=".5"/>'
            f'<text x="{x + 17}" y="{y + 9}" fill="currentColor">{text}</text>'
        )
    return "".join(parts)
