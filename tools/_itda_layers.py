"""ITDA dictionaries of every layer of two models, built on the same tokens in the same order, and how alike they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target.turn import report
from tools._itda import Builder, Itda, jaccard, permuted_floor, random_dictionary
from tools._similarity import linear_cka, svcca

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

L0, THRESHOLD = 10, 0.3
_BATCH = 64


@dataclass(frozen=True)
class Layers:
    """What one model makes of the texts: activations of every layer (token, d_model), and their dictionaries."""

    activations: "list[Tensor]"
    labels: "Tensor"
    """(token, 2): text and place"""
    dictionaries: list[Itda]

    @property
    def kept(self) -> float:
        """Share of tokens that became atoms, over all layers."""
        return sum(len(one.atoms) for one in self.dictionaries) / sum(one.seen for one in self.dictionaries)


def read(model: "Target", rows: Sequence[Sequence[int]], layers: Sequence[int], data: str) -> Layers:
    """Activations of the texts and a dictionary of each layer; `data` says which texts these are."""
    import torch

    parts: list[list[Tensor]] = [[] for _ in layers]
    for first in range(0, len(rows), _BATCH):
        report(f"reading the texts with {model.name}", first / len(rows))
        for stream in model.residuals(rows[first : first + _BATCH], layers):
            for place, one in enumerate(stream[:, 1:].float()):
                parts[place].append(one)
    activations = [torch.cat(part) for part in parts]
    labels = torch.tensor([(text, place) for text, row in enumerate(rows) for place in range(1, len(row))])
    built = []
    for number, x in enumerate(activations):
        report(f"building dictionaries of {model.name}", number / len(layers))
        builder = Builder(x.shape[1], L0, THRESHOLD, data=data)
        builder.add(x, labels)
        built.append(builder.finish())
    return Layers(activations, labels, built)


def overlaps(a: Sequence[Itda], b: Sequence[Itda]) -> "Tensor":
    """IoU of the atoms' labels of every pair (of a, of b)."""
    import torch

    return torch.tensor([[jaccard(one, two) for two in b] for one in a])


def shuffled(layers: Layers, seed: int) -> list[Itda]:
    """Each layer's dictionary when its activations are shuffled under their labels: the floor of any overlap."""
    pairs = zip(layers.activations, layers.dictionaries, strict=True)
    return [permuted_floor(x, layers.labels, seed, one) for x, one in pairs]


def drawn(layers: Layers, seed: int) -> list[Itda]:
    """As many tokens as each layer's dictionary has atoms, drawn at random."""
    pairs = zip(layers.activations, layers.dictionaries, strict=True)
    return [random_dictionary(x, layers.labels, len(one.atoms), seed, one) for x, one in pairs]


def alignments(a: Layers, b: Layers, measure: str = "cka") -> "Tensor":
    """Linear CKA or SVCCA of every pair of layers (layer of a, layer of b)."""
    import torch

    score = {"cka": linear_cka, "svcca": svcca}[measure]
    return torch.tensor([[score(x, y) for y in b.activations] for x in a.activations])
