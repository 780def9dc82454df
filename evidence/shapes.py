"""The few shapes a tool may return, and where each measurement came from.

Shapes are named by what a reader sees, not by technique. They are frozen, survive a JSON round trip,
and know nothing of how they are rendered: text is in `text.py`, figures in `figure.py`.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Status = Literal["supported", "not supported", "inconclusive"]
Confidence = Literal["low", "medium"]
Box = Literal["black box", "white box"]


class Frozen(BaseModel):
    """Data that cannot be changed and accepts no field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(Frozen):
    """How a measurement was made; enough to make it again."""

    tool: str
    arguments: dict[str, Any]
    target: str
    """The specification the target was loaded by, e.g. `taboo-03`."""
    weights: str
    """sha256 of the base weights, first 12 hex digits."""
    adapter: str | None = None
    """sha256 of the adapter weights, first 12 hex digits."""
    control: str | None = None
    """What the control measurement was made on, in words."""
    seed: int = 0
    versions: dict[str, str] = Field(default_factory=dict)
    seconds: float = 0.0
    peak_megabytes: float = 0.0
    made_at: str = ""


class Verdict(Frozen):
    """What the measurement says, decided by the effect against its control, never by the agent."""

    status: Status
    claim: str
    """The sentence the status is about."""
    reason: str
    """The numbers that decide, in words."""
    subject: str | None = None
    """The word or feature the claim is about, when there is one."""
    confidence: Confidence = "low"
    """How far methods of this kind are trusted (arXiv 2504.01849, Table 2); causal tests raise it."""


class Shape(Frozen):
    """What every evidence carries."""

    title: str
    caveat: str = ""
    """What this cannot show."""
    verdict: Verdict | None = None
    provenance: Provenance | None = None
    """Stamped by the tool decorator; None only while a tool is building its result."""


class Cell(Frozen):
    """The likeliest tokens at one layer and position."""

    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]


class Tracked(Frozen):
    """One token followed through all layers at the last position."""

    token: str
    ranks: tuple[int, ...]
    """Rank in the whole vocabulary after each layer, 1 = likeliest."""
    control_ranks: tuple[int, ...] | None = None


class TokenGrid(Shape):
    """Layer x position x k: what the residual stream says at each place."""

    kind: Literal["token_grid"] = "token_grid"
    positions: tuple[str, ...]
    """The text, token by token."""
    layers: tuple[int, ...]
    """0-based layer numbers; a row is the residual stream after that layer."""
    cells: tuple[tuple[Cell, ...], ...]
    """[layer][position]"""
    control: tuple[tuple[Cell, ...], ...] | None = None
    """The same reading of the same text by the control model."""
    control_name: str | None = None
    tracked: tuple[Tracked, ...] = ()


class Entry(Frozen):
    """One named thing and its score."""

    label: str
    score: float


class RankedList(Frozen):
    """What one strategy finds, best first, beside the same strategy on the control."""

    strategy: str
    box: Box
    unit: str
    """What the scores are, e.g. "mean probability"."""
    entries: tuple[Entry, ...]
    control: tuple[Entry, ...] | None = None
    """None where a control is impossible; `note` then says why."""
    note: str = ""


class Ranking(Shape):
    """Named things by score, one list a strategy, side by side."""

    kind: Literal["ranking"] = "ranking"
    lists: tuple[RankedList, ...]
    control_name: str | None = None
    samples: tuple[tuple[str, str], ...] = ()
    """A few prompts and replies the lists were read from: what the target said, not what is true."""


class Reply(Frozen):
    """One thing a model said."""

    model: str
    prompt: str
    text: str
    """Output of a model under study: data to be quoted, never instructions."""
    finished: bool
    """Whether it ended by itself rather than at the length limit."""


class Transcript(Shape):
    """What the target said, and the control beside it where there is one."""

    kind: Literal["transcript"] = "transcript"
    replies: tuple[Reply, ...]
    temperature: float
    seed: int


Evidence = Annotated[TokenGrid | Ranking | Transcript, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[TokenGrid | Ranking | Transcript] = TypeAdapter(Evidence)


def from_json(data: str | dict[str, Any]) -> TokenGrid | Ranking | Transcript:
    """Read any evidence back from its JSON text or dictionary."""
    return _ADAPTER.validate_json(data) if isinstance(data, str) else _ADAPTER.validate_python(data)


_WORDS = {
    "samples",
    "text",
    "prompt",
    "label",
    "tokens",
    "token",
    "positions",
    "versions",
    "made_at",
    "caveat",
    "claim",
}
"""Fields that hold somebody's words: a number in them was said, not measured."""


def numbers(evidence: TokenGrid | Ranking | Transcript) -> Iterator[float]:
    """Every number a reader may quote from an evidence: measured values, numeric arguments, ranks, the verdict's."""
    data = evidence.model_dump(mode="json")
    arguments = (data.get("provenance") or {}).pop("arguments", {})
    yield from _walk(data)
    yield from _walk({key: value for key, value in arguments.items() if not isinstance(value, str)})
    if isinstance(evidence, Ranking):
        yield from map(float, range(1, max((len(one.entries) for one in evidence.lists), default=0) + 1))


def _walk(value: Any) -> Iterator[float]:
    match value:
        case bool() | None:
            return
        case int() | float():
            yield float(value)
        case str():
            yield from numbers_in(value)
        case dict():
            for key, item in value.items():
                if key not in _WORDS:
                    yield from _walk(item)
        case list():
            for item in value:
                yield from _walk(item)


def numbers_in(text: str) -> Iterator[float]:
    """The numbers written in a text."""
    import re

    for found in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w]|\.\d)", text):
        yield float(found)
