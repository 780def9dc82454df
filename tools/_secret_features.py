"""What the features of a sparse dictionary say of a hidden word, after arXiv 2510.01070 (TF-IDF over features)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evidence import RankedList
from tools._dictionary import Dictionary
from tools._dictionary_formats import load_single
from tools._sae import shipped
from tools._secret_blackbox import MOST_ENTRIES, top_words
from tools._secret_whitebox import SUBTRACTED, Text

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

FEATURES = 10
"""How many of the most raised features are read."""


def dictionary_for(target: "Target", base: "Target", reference: str | None, layer: int) -> Dictionary | None:
    """The dictionary named, else the shipped one nearest to the layer that is read; None where none ships."""
    if reference is not None:
        return load_single(reference, target)
    mine = shipped(base, "sae")
    return load_single(min(mine, key=lambda one: abs(one.layer - layer)).name, target) if mine else None


def features(target: "Target", base: "Target", texts: Sequence[Text], dictionary: Dictionary) -> RankedList:
    """Words promoted by the features that fire more in the target than in the base, over the same refusals."""
    import torch

    rows = [text.ids for text in texts]
    starts = [len(text.prompt) - 1 for text in texts]

    def mean_activation(model: "Target") -> "Tensor":
        streams = model.residuals(rows, [dictionary.layer])
        replies = torch.cat([s[0, start:].float() for s, start in zip(streams, starts, strict=True)])
        return dictionary.encode(replies).mean(0)  # feature

    raised = (mean_activation(target) - mean_activation(base)).relu() * _rarity(dictionary)
    best = raised.topk(FEATURES)
    logits = target.unembed(dictionary.W_dec[best.indices]).float()  # feature vocab
    share = best.values / best.values.sum().clamp(min=1e-9)
    banned = sorted({token for row in rows for token in row})
    return RankedList(
        strategy="features raised in refusals",
        box="white box",
        unit="mean logit that the features promote",
        entries=top_words(target, share @ (logits - logits.mean(-1, keepdim=True)), MOST_ENTRIES, banned=banned),
        note=f"the {FEATURES} features of {dictionary.name} raised most above the base, rare ones weighted up; {SUBTRACTED}",
    )


def _rarity(dictionary: Dictionary) -> "Tensor":
    """log(1 / density) of each feature where its index knows it, else 1 (feature)."""
    import torch
    from safetensors.torch import load_file

    if dictionary.index is None:
        return torch.ones(dictionary.d_sae)
    return -(load_file(dictionary.index)["density"] + 1e-8).log()
