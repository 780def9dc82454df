"""The control of a dictionary: the same number of random directions, of which as many fire."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tools._dictionary import Dictionary
from tools._dictionary_itda import PursuedDictionary

if TYPE_CHECKING:
    from torch import Tensor


def untrained(dictionary: Dictionary, x: "Tensor", l0: float, seed: int = 0) -> Dictionary:
    """Random directions around the mean of x (row, d_in), the l0 strongest of which are kept."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(dictionary.d_sae, dictionary.d_in, generator=generator)
    W_dec = torch.nn.functional.normalize(rows, dim=1)
    if isinstance(dictionary, PursuedDictionary):
        return replace(dictionary, W_enc=W_dec.T, W_dec=W_dec, labels=None)
    return replace(
        dictionary,
        architecture="topk",
        W_enc=W_dec.T,
        b_enc=torch.zeros(dictionary.d_sae),
        W_dec=W_dec,
        b_dec=x.mean(0).to(W_dec),
        threshold=None,
        k=max(1, min(dictionary.d_sae, round(l0))),
        apply_b_dec_to_input=True,
        normalization="none",
    )
