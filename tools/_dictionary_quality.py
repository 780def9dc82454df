"""How good a dictionary is on text it was not trained on: variance, sparsity, dead features, and what the model loses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError, ToolError
from target.turn import report
from tools._dictionary_streams import read, streams

if TYPE_CHECKING:
    from torch import Tensor

    from target.interventions import Site
    from target.target import Target
    from tools._dictionary import Dictionary

Rows = Sequence[Sequence[int]]
WORST_FVU = 0.5
"""Above this the dictionary does not describe the model on such texts, and its features are not shown."""
_BATCH = 64


@dataclass(frozen=True)
class Quality:
    """Measured on held-out text, without the first token of each; cross-entropies in nats per token."""

    tokens: int
    fvu: float
    """Share of variance unexplained."""
    l0: float
    """Features that fire at a position, on average."""
    dead: float
    """Share of features that fire at no position."""
    cross_entropy: float
    spliced: float
    """With the residual stream replaced by its reconstruction."""
    mean_ablated: float
    """With it replaced by its mean: what losing everything costs."""
    zero_ablated: float
    """With it replaced by zero, the paper's reference, which flatters more."""

    @property
    def recovered(self) -> float:
        """1 = the reconstruction costs nothing, 0 = it is no better than the mean."""
        return (self.mean_ablated - self.spliced) / (self.mean_ablated - self.cross_entropy)

    @property
    def recovered_from_zero(self) -> float:
        """The same against zero ablation."""
        return (self.zero_ablated - self.spliced) / (self.zero_ablated - self.cross_entropy)


def checked_fvu(dictionary: "Dictionary", x: "Tensor", name: str) -> float:
    """The fraction of variance the dictionary leaves unexplained on these rows (row, d_model).

    Raises:
        ToolError: it is too much to interpret anything.
    """
    fvu = dictionary.fvu(x)
    if fvu > WORST_FVU:
        raise ToolError(
            f"{dictionary.name} leaves {fvu:.2f} of the variance of {name} unexplained (at most {WORST_FVU} is allowed): "
            "its features are not interpreted here, use a dictionary trained on this model"
        )
    return fvu


def measure(dictionary: "Dictionary", target: "Target", rows: Rows) -> Quality:
    """The quality of a dictionary on texts, each its token ids; a crosscoder's on the target's part.

    Raises:
        ArgumentError: the texts are too short or do not vary.
    """
    return measure_all([dictionary], target, rows)[0]


def measure_all(dictionaries: "Sequence[Dictionary]", target: "Target", rows: Rows) -> list[Quality]:
    """The quality of several dictionaries that read the same, such as a nested one's prefixes; texts are read once.

    Raises:
        ArgumentError: the texts are too short or do not vary.
    """
    import torch

    x = torch.cat(read(dictionaries[0], target, rows))
    losses = _losses(dictionaries, target, rows, own_part(dictionaries[0], x).mean(0))
    return [
        _quality(dictionary, x, spliced, losses)
        for dictionary, spliced in zip(dictionaries, losses.spliced, strict=True)
    ]


def _quality(dictionary: "Dictionary", x: "Tensor", spliced: float, losses: "_Losses") -> Quality:
    import torch

    fires = sum(((dictionary.encode(piece) != 0).sum(0) for piece in x.split(8192)), start=torch.tensor(0))
    return Quality(
        tokens=len(x),
        fvu=dictionary.fvu(x),
        l0=float(fires.sum() / len(x)),
        dead=float((fires == 0).float().mean()),
        cross_entropy=losses.plain,
        spliced=spliced,
        mean_ablated=losses.mean_ablated,
        zero_ablated=losses.zero_ablated,
    )


def own_part(dictionary: "Dictionary", x: "Tensor") -> "Tensor":
    """What of a dictionary's input (..., d_in) is the target's stream (..., d_model)."""
    return dictionary.by_source(x)[..., dictionary.source, :]


@dataclass(frozen=True)
class _Losses:
    """Nats per token: of the model as it is, without the stream's variation or all of it, and with each reconstruction."""

    plain: float
    mean_ablated: float
    zero_ablated: float
    spliced: list[float]


def _losses(dictionaries: "Sequence[Dictionary]", target: "Target", rows: Rows, mean: "Tensor") -> _Losses:
    import torch

    layer, totals, tokens = dictionaries[0].layer, [0.0] * (3 + len(dictionaries)), 0
    for batch in _equally_long(rows):
        report("replacing the stream by what the dictionary makes of it", tokens / sum(map(len, rows)))
        stream = torch.stack(streams(dictionaries[0], target, batch))
        made = [own_part(one, one.reconstruct(stream)) for one in dictionaries]
        others = [mean.expand_as(made[0]), torch.zeros_like(made[0]), *made]
        changes = [[], *([replaced(layer, list(other))] for other in others)]
        totals = [total + cross_entropy(target, batch, one) for total, one in zip(totals, changes, strict=True)]
        tokens += len(batch) * (len(batch[0]) - 1)
    plain, mean_ablated, zero_ablated, *spliced = (total / tokens for total in totals)
    return _Losses(plain, mean_ablated, zero_ablated, spliced)


def _equally_long(rows: Rows) -> "list[list[Sequence[int]]]":
    """The rows cut to lengths that are shared, a batch at a time: the longest power of two that fits each."""
    lengths: dict[int, list[Sequence[int]]] = {}
    for row in rows:
        if len(row) >= 4:
            size = 1 << (len(row).bit_length() - 1)
            lengths.setdefault(size, []).append(row[:size])
    if not lengths:
        raise ArgumentError("the held-out texts are too short: give some of at least four tokens")
    return [some[i : i + _BATCH] for some in lengths.values() for i in range(0, len(some), _BATCH)]


@dataclass(frozen=True)
class Replaced:
    """Another residual stream at every position but a text's first, which no dictionary has seen."""

    layer: int
    stream: "Tensor"
    """(row, position - 1, d_model), padded on the left as the batch is."""
    real: "Tensor"
    """Where it is not padding (row, position - 1, 1)."""
    site: "Site" = "residual"
    prompt_only: bool = False

    def apply(self, hidden: "Tensor") -> "Tensor":
        import torch

        stream, real = self.stream.to(hidden), self.real.to(hidden.device)
        return torch.cat([hidden[:, :1], torch.where(real, stream, hidden[:, 1:])], 1)


def replaced(layer: int, streams: "Sequence[Tensor]") -> Replaced:
    """One other stream a text, each without its first position (position - 1, d_model)."""
    import torch

    longest = max(map(len, streams))
    pad = torch.nn.functional.pad
    padded = [pad(one, (0, 0, longest - len(one), 0)) for one in streams]
    real = [pad(one.new_ones(len(one), 1, dtype=torch.bool), (0, 0, longest - len(one), 0)) for one in streams]
    return Replaced(layer, torch.stack(padded), torch.stack(real))


def cross_entropy(target: "Target", rows: Rows, changes: "Sequence[Replaced]") -> float:
    """Summed nats of the next tokens of rows of one length."""
    import torch

    last = torch.stack([s[0, :-1] for s in target.residuals(rows, [target.num_layers - 1], changes)])
    logits = target.unembed(last).float()  # row position vocab
    following = torch.tensor([list(row[1:]) for row in rows])
    return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten(), reduction="sum"))
