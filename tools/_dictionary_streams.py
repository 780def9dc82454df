"""What a dictionary reads of some texts: one model's residual streams, or those of a crosscoder's models side by side."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError
from target.turn import report

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target
    from tools._dictionary import Dictionary, Source

_BATCH = 64


def models_of(dictionary: "Dictionary", target: "Target") -> "list[Target]":
    """The models it reads, in the order of its input; the target stands for itself.

    Raises:
        ArgumentError: one of them has other weights by now.
    """
    if not dictionary.sources:
        return [target]
    return [
        target if n == dictionary.source else _unchanged(one, dictionary.name)
        for n, one in enumerate(dictionary.sources)
    ]


def _unchanged(source: "Source", name: str) -> "Target":
    from target import load

    found = load(source.name)
    if (found.weights_digest, found.adapter_digest) != (source.weights, source.adapter):
        raise ArgumentError(f"{source.name} has other weights than when {name} was trained: train a crosscoder anew")
    return found


def streams(dictionary: "Dictionary", target: "Target", ids: Sequence[Sequence[int]]) -> "list[Tensor]":
    """What it reads of each text (position, d_in), the first position left out: an outlier no dictionary has seen.

    Raises:
        ArgumentError: a text has fewer than two tokens, or a crosscoder's other model has other weights by now.
    """
    import torch

    if short := next((n for n, row in enumerate(ids, start=1) if len(row) < 2), None):
        raise ArgumentError(
            f"text {short} has fewer than two tokens: a dictionary leaves out the first, give longer ones"
        )
    read = [model.residuals(ids, [dictionary.layer]) for model in models_of(dictionary, target)]
    return [torch.cat([one[0, 1:].float() for one in side_by_side], 1) for side_by_side in zip(*read, strict=True)]


def batches(
    dictionary: "Dictionary", target: "Target", ids: Sequence[Sequence[int]], what: str = "reading texts"
) -> "Iterator[list[Tensor]]":
    """The same of many texts, some at a time, with progress; `what` says what is being done.

    Raises:
        ArgumentError: as `streams`.
        Cancelled: the person pressed stop.
    """
    for first in range(0, len(ids), _BATCH):
        report(what, first / len(ids))
        yield streams(dictionary, target, ids[first : first + _BATCH])


def read(dictionary: "Dictionary", target: "Target", ids: Sequence[Sequence[int]]) -> "list[Tensor]":
    """What it reads of many texts, each (position, d_in).

    Raises:
        ArgumentError: as `streams`.
        Cancelled: the person pressed stop.
    """
    return [one for some in batches(dictionary, target, ids) for one in some]
