"""Two classes of texts as a dictionary reads them: what a probe of their difference is fitted on."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tools import _sparse_probe as probing
from tools._dictionary import Dictionary
from tools._dictionary_streams import streams
from tools._texts import balanced, rows

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target


@dataclass(frozen=True)
class Classes:
    """As many texts of either class, each the mean over its tokens."""

    positions: "Tensor"
    """All tokens (token, d_model)."""
    x: "Tensor"
    """(text, d_model)"""
    features: "Tensor"
    """(text, feature)"""
    labels: "Tensor"
    """1 where a text has the property (text)."""
    split: probing.Split

    @cached_property
    def reader(self) -> probing.Reader:
        """A probe of the property."""
        return probing.Reader(self.x, self.labels, self.split)


def read(
    found: Dictionary, target: "Target", classes: tuple[list[str], list[str]], *, chat: bool, seed: int
) -> Classes:
    """Texts that have a property and texts that lack it.

    Raises:
        ArgumentError: a class has fewer than four texts, or a text has fewer than two tokens.
    """
    import torch

    positive, negative = balanced(*classes, seed)
    own = streams(found, target, rows(target, positive + negative, chat=chat))
    labels = torch.tensor([1] * len(positive) + [0] * len(negative))
    x = torch.stack([one.mean(0) for one in own])
    features = torch.stack([found.encode(one).mean(0) for one in own])
    return Classes(torch.cat(own), x, features, labels, probing.halves(labels, seed))
