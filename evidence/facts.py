"""What a reader may quote from an evidence: every number with the field it stands in.

A fact binds a value to what it is of: its layer, its token, its arm, the model it was measured on. What was said
by a model or a person is not a fact, and numbers in it were not measured.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from evidence.shapes import (
    AnyEvidence,
    Cell,
    Contrast,
    Curve,
    Entry,
    Heatmap,
    Quiz,
    Ranking,
    Table,
    TokenGrid,
    Transcript,
)

Kind = Literal["layer", "head", "feature", "token", "name", "column", "side", "end"]
"""What a label says of a number. `side` is "own", "without" or "control"; `name` an arm, a line, a strategy, a row;
`end` the "low" or "high" end of an interval."""
_PLACE = re.compile(r"(?:after )?(layer|head|feature|position) (\d+)")
_SAID = re.compile(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|“[^”]*”")
_NUMBERS = re.compile(r"features? \d+(?:,? (?:and )?\d+)*|\d+(?:,? (?:and )?\d+)+")
"""A cell that lists places."""
_PLACES = re.compile(r"\b(?:features?|latents?|layers?|heads?|steps?)\b")
"""What a row is called by, where its numbers are a tool's and no words of a model."""
_SIDES = {"with": "own", "without": "without", "control": "control"}


@dataclass(frozen=True)
class Fact:
    """One number and what it is of."""

    value: float
    labels: Mapping[Kind, str] = field(default_factory=dict)
    rank: bool = False
    """Whether it is a place in an order rather than a measured value."""


def facts(evidence: AnyEvidence) -> Iterator[Fact]:
    """Every number a reader may quote: measured values, numeric arguments, ranks, the numbers of the verdict."""
    yield from _measured(evidence)
    yield from _plain(evidence)


def numbers(evidence: AnyEvidence) -> Iterator[float]:
    """The values of the facts alone."""
    return (fact.value for fact in facts(evidence))


def numbers_in(text: str) -> Iterator[float]:
    """The numbers written in a text."""
    for found in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w]|\.\d)", text):
        yield float(found)


def _measured(evidence: AnyEvidence) -> Iterator[Fact]:
    match evidence:
        case TokenGrid():
            yield from _token_grid(evidence)
        case Ranking():
            yield from _ranking(evidence)
        case Heatmap():
            yield from _heatmap(evidence)
        case Contrast():
            yield from _contrast(evidence)
        case Curve():
            yield from _curve(evidence)
        case Table():
            yield from _table(evidence)
        case Transcript():
            yield from map(Fact, (evidence.temperature, float(evidence.seed), float(len(evidence.replies))))
        case Quiz():
            yield from map(Fact, (float(len(evidence.items)), evidence.chance))
        case _:
            assert_never(evidence)


def _token_grid(grid: TokenGrid) -> Iterator[Fact]:
    for side, rows in (("own", grid.cells), ("control", grid.control or ())):
        for layer, cells in zip(grid.layers, rows, strict=False):
            for cell in cells:
                yield from _cell(cell, {"layer": str(layer), "side": side})
    for tracked in grid.tracked:
        for side, ranks in (("own", tracked.ranks), ("control", tracked.control_ranks or ())):
            for layer, rank in zip(grid.layers, ranks, strict=False):
                yield Fact(rank, {"layer": str(layer), "token": tracked.token.strip(), "side": side}, rank=True)


def _cell(cell: Cell, labels: dict[Kind, str]) -> Iterator[Fact]:
    for token, probability in zip(cell.tokens, cell.probabilities, strict=False):
        yield Fact(probability, labels | {"token": token.strip()})


def _ranking(ranking: Ranking) -> Iterator[Fact]:
    for one in ranking.lists:
        for side, entries in (("own", one.entries), ("control", one.control or ())):
            for rank, entry in enumerate(entries, start=1):
                labels: dict[Kind, str] = {"name": one.strategy, "token": entry.label.strip(), "side": side}
                yield Fact(entry.score, labels)
                yield Fact(rank, labels, rank=True)
            yield from [Fact(len(entries))] if entries else []


def _heatmap(heatmap: Heatmap) -> Iterator[Fact]:
    for side, values in (("own", heatmap.values), ("control", heatmap.control or ())):
        for row, line in zip(heatmap.rows, values, strict=False):
            for column, value in zip(heatmap.columns, line, strict=False):
                yield Fact(value, _place(row) | _place(column) | {"side": side, "name": f"{row}, {column}"})
    for label in (*heatmap.rows, *heatmap.columns):
        yield from _number_of(label)
    yield from map(_highlight, heatmap.highlights)


def _highlight(entry: Entry) -> Fact:
    row, _, column = entry.label.partition(", ")
    at = _place(row) | (_place(column) if column else {})
    return Fact(entry.score, at | {"side": "own", "name": entry.label})


def _contrast(contrast: Contrast) -> Iterator[Fact]:
    for arm in contrast.arms:
        labels: dict[Kind, str] = {"name": arm.label, "side": _SIDES[arm.role]}
        yield from (Fact(arm.value, labels), Fact(arm.n, labels))
        for end, value in (("low", arm.low), ("high", arm.high)):
            yield from [Fact(value, labels | {"end": end})] if value is not None else []
        yield from _number_of(arm.label)
    yield Fact(len(contrast.arms))


def _curve(curve: Curve) -> Iterator[Fact]:
    layered = "layer" in curve.x_axis
    for line in curve.lines:
        for end, values in (("", line.values), ("low", line.low or ()), ("high", line.high or ())):
            for x, value in zip(curve.x, values, strict=False):
                at: dict[Kind, str] = {"layer": x} if layered and x.isdigit() else _place(x)
                at |= {"end": end} if end else {}
                yield Fact(value, at | {"name": line.label, "side": _SIDES[line.role]})
    numeric = all(re.fullmatch(r"-?\d+(\.\d+)?", x) for x in curve.x)
    for x in curve.x:
        yield from [Fact(float(x))] if numeric else _number_of(x)


def _table(table: Table) -> Iterator[Fact]:
    for row in table.rows:
        words = [cell for cell in row if isinstance(cell, str)]
        at: dict[Kind, str] = {"name": words[0]} if words else {}
        layer = next((str(v) for c, v in zip(table.columns, row, strict=False) if c == "layer" and v is not None), None)
        at |= {"layer": layer.removesuffix(".0")} if layer else {}
        for word in words:
            at |= {kind: text for kind, text in _place(word).items() if kind in ("layer", "head", "feature")}
        for column, cell in zip(table.columns, row, strict=False):
            if isinstance(cell, int | float):
                yield Fact(cell, at | {"column": column})
            elif isinstance(cell, str) and _NUMBERS.fullmatch(cell):
                yield from (Fact(value, at) for value in numbers_in(cell))
        if words and _PLACES.search(words[0]):
            yield from (Fact(value, at) for value in numbers_in(_SAID.sub("", words[0])))


def _place(label: str) -> dict[Kind, str]:
    """A row or column such as "layer 3" or a token."""
    found = _PLACE.fullmatch(label)
    if found and found[1] in ("layer", "head", "feature"):
        return {found[1]: found[2]}  # type: ignore[dict-item]
    return {} if found else {"token": label.partition(": ")[2].strip() or label.strip()}


def _number_of(label: str) -> Iterator[Fact]:
    """The number in a label such as "layer 3", or before a token, "8: fox"; those of other labels nobody measured."""
    if found := _PLACE.fullmatch(label):
        yield Fact(float(found[2]))
    if found := re.match(r"(\d+): ", label):
        yield Fact(float(found[1]))


def sentences(evidence: AnyEvidence) -> list[str]:
    """What a tool says of this very measurement: title, caveat, claim, reason, the names of its strategies."""
    texts = [evidence.title, evidence.caveat]
    texts += [evidence.verdict.claim, evidence.verdict.reason] if evidence.verdict else []
    if isinstance(evidence, Ranking):
        texts += [text for one in evidence.lists for text in (one.strategy, one.note)]
    return [text for text in dict.fromkeys(texts) if text]


def written(evidence: AnyEvidence) -> list[str]:
    """All that a tool writes itself and that may be repeated word for word: its sentences, units and names."""
    texts = [*sentences(evidence), *(str(getattr(evidence, name, None) or "") for name in ("unit", "control_name"))]
    match evidence:
        case Ranking():
            texts += [one.unit for one in evidence.lists]
        case Contrast():
            texts += [arm.label for arm in evidence.arms]
        case Curve():
            texts += [line.label for line in evidence.lines]
        case Table():
            texts += evidence.columns
    return [text for text in dict.fromkeys(texts) if text]


def _plain(evidence: AnyEvidence) -> Iterator[Fact]:
    """Numbers without a place: numeric arguments, and those of the sentences a tool writes itself."""
    for text in written(evidence):
        yield from (Fact(value) for value in numbers_in(_SAID.sub("", text)) if text != _reason(evidence))
    if evidence.verdict:
        at = _only_places(f"{evidence.verdict.claim}; {evidence.verdict.reason}")
        for clause in re.split(";", _SAID.sub("", evidence.verdict.reason)):
            side = "control" if re.search(r"\bcontrols?\b|\brandom\b|\bshuffled\b|\bunrelated\b", clause) else "own"
            bare = bool(re.search(r"\bneeded\b|\bp =|\bbase\b| of ", clause)) and side == "own"
            yield from (Fact(value, at if bare else at | {"side": side}) for value in numbers_in(clause))
    if evidence.provenance:
        yield from _arguments(evidence.provenance.arguments)
        yield from [Fact(evidence.provenance.seconds)] if evidence.provenance.seconds else []
        yield from map(Fact, numbers_in(_SAID.sub("", evidence.provenance.control or "")))


def _reason(evidence: AnyEvidence) -> str | None:
    return evidence.verdict.reason if evidence.verdict else None


def _only_places(text: str) -> dict[Kind, str]:
    """The layer, head or feature that a verdict is about, where it names one alone."""
    found: dict[Kind, set[str]] = {}
    for kind, number in re.findall(r"\b(layer|head|feature) (\d+)", text):
        found.setdefault(kind, set()).add(number)
    return {kind: next(iter(values)) for kind, values in found.items() if len(values) == 1}


def _arguments(value: Any) -> Iterator[Fact]:
    match value:
        case bool() | None | str():
            return
        case int() | float():
            yield Fact(float(value))
        case dict():
            for name, one in value.items():
                yield from (
                    [Fact(float(n)) for n in one if isinstance(n, int)]
                    if name == "layers" and isinstance(one, list)
                    else _arguments(one)
                )
        case list():
            yield Fact(float(len(value)))
            for one in value:
                yield from _arguments(one)
