"""What a dictionary reads of some texts: one model's residual streams, or those of a crosscoder's models side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target
    from tools._dictionary import Dictionary


def models_of(dictionary: "Dictionary", target: "Target") -> "list[Target]":
    """The models it reads, in the order of its input; the target stands for itself."""
    from target import load

    if not dictionary.sources:
        return [target]
    return [target if n == dictionary.source else load(one.name) for n, one in enumerate(dictionary.sources)]


def streams(dictionary: "Dictionary", target: "Target", ids: Sequence[Sequence[int]]) -> "list[Tensor]":
    """What it reads of each text (position, d_in), the first position left out: an outlier no dictionary has seen."""
    import torch

    read = [model.residuals(ids, [dictionary.layer]) for model in models_of(dictionary, target)]
    return [torch.cat([one[0, 1:].float() for one in side_by_side], 1) for side_by_side in zip(*read, strict=True)]
