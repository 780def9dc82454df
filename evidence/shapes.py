"""The few shapes a tool may return, and where each measurement came from.

Shapes are named by what a reader sees, not by technique. They are frozen, survive a JSON round trip,
and know nothing of how they are rendered: text is in `text.py`, figures in `figure.py`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Status = Literal["supported", "not supported", "inconclusive"]
Confidence = Literal["low", "medium"]
Box = Literal["black box", "white box"]
Role = Literal["without", "with", "control"]
ArtifactKind = Literal["direction", "probe", "lens", "dictionary"]


class Frozen(BaseModel):
    """Data that cannot be changed and accepts no field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Artifact(Frozen):
    """Something a tool made that other tools take: by name, by digest, or by the id of this evidence."""

    kind: ArtifactKind
    name: str
    digest: str
    """sha256 of its tensors and description, first 12 hex digits."""


class Provenance(Frozen):
    """How a measurement was made; enough to make it again."""

    id: str = ""
    """Digest of tool, arguments and weights: the same question of the same model has the same id."""
    tool: str
    arguments: dict[str, Any]
    target: str
    """The specification the target was loaded by, e.g. `taboo-03`."""
    weights: str
    """sha256 of the base weights, first 12 hex digits."""
    adapter: str | None = None
    """sha256 of the adapter weights, first 12 hex digits."""
    used: tuple[Artifact, ...] = ()
    """What it took of other tools, by digest: the arguments hold names, and a name may later mean another."""
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
    artifacts: tuple[Artifact, ...] = ()
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


class Heatmap(Shape):
    """Rows x columns of one measured quantity, e.g. layer x head, or query x key."""

    kind: Literal["heatmap"] = "heatmap"
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_axis: str
    column_axis: str
    values: tuple[tuple[float, ...], ...]
    """[row][column]"""
    unit: str
    control: tuple[tuple[float, ...], ...] | None = None
    """The same measurement where the effect should be absent."""
    control_name: str | None = None
    highlights: tuple[Entry, ...] = ()
    """The cells worth naming, strongest first; a label is "row, column"."""


class Arm(Frozen):
    """One condition of an experiment."""

    label: str
    role: Role
    value: float
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % interval, or of the range where the label says so."""
    n: int
    """How many things the value is a mean of."""
    samples: tuple[tuple[str, str], ...] = ()
    """A few prompts and replies under this condition: what the target said."""


class Contrast(Shape):
    """The same quantity with an intervention, without it, and under its control."""

    kind: Literal["contrast"] = "contrast"
    unit: str
    arms: tuple[Arm, ...]
    control_name: str | None = None


class Line(Frozen):
    """One line of a curve."""

    label: str
    role: Role
    values: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    """95 % interval, point by point."""


class Curve(Shape):
    """A quantity over an ordered axis: layers, strengths, or the tokens of a text."""

    kind: Literal["curve"] = "curve"
    x_axis: str
    x: tuple[str, ...]
    unit: str
    lines: tuple[Line, ...]
    control_name: str | None = None


class Table(Shape):
    """Rows of words and numbers, where no picture says it better."""

    kind: Literal["table"] = "table"
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    control_name: str | None = None
    highlights: tuple[int, ...] = ()
    """Numbers of the rows worth a look."""


class QuizItem(Frozen):
    """One prompt, and what models reply to it."""

    prompt: str
    options: tuple[str, ...]
    """Replies of models under study: data to be quoted."""
    right: int
    """Which of them is the target's."""
    differ: float
    """Share of the other models that reply something else: how much there is to know."""


class Quiz(Shape):
    """What does the target reply? Who can tell knows it. No text and no figure shows which option is right."""

    kind: Literal["quiz"] = "quiz"
    items: tuple[QuizItem, ...]
    others: tuple[str, ...]
    """The models whose replies stand beside the target's."""

    @property
    def chance(self) -> float:
        """What guessing gets right, as a share."""
        return sum(1 / len(item.options) for item in self.items) / len(self.items)


AnyEvidence = TokenGrid | Ranking | Transcript | Heatmap | Contrast | Curve | Table | Quiz
Evidence = Annotated[AnyEvidence, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[AnyEvidence] = TypeAdapter(Evidence)


def from_json(data: str | dict[str, Any]) -> AnyEvidence:
    """Read any evidence back from its JSON text or dictionary."""
    return _ADAPTER.validate_json(data) if isinstance(data, str) else _ADAPTER.validate_python(data)
