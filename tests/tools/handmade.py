"""Dictionaries made by hand, of which it is known what they must show, kept where tools find them by name."""

from collections.abc import Sequence
from typing import Any

import torch

from evidence import Artifact, artifacts
from target.target import Target
from tools._dictionary import Dictionary, Source
from tools._dictionary_saving import packed


def by_hand(name: str, layer: int, W_enc: torch.Tensor, W_dec: torch.Tensor, **more: Any) -> Dictionary:
    """A ReLU dictionary without biases."""
    size, width = W_dec.shape
    given: dict[str, Any] = {
        "name": name,
        "layer": layer,
        "architecture": "relu",
        "W_enc": W_enc,
        "b_enc": torch.zeros(size),
        "W_dec": W_dec,
        "b_dec": torch.zeros(width),
        "threshold": torch.zeros(size),
        "k": None,
        "apply_b_dec_to_input": False,
        "normalization": "none",
        "digest": "handmade",
    }
    return Dictionary(**given | more)


def exact(name: str, target: Target, layer: int, **more: Any) -> Dictionary:
    """A feature for either sign of every coordinate: the reconstruction is the activation itself."""
    both = torch.cat([torch.eye(target.d_model), -torch.eye(target.d_model)])
    return by_hand(name, layer, both.T.clone(), both, **{"weights": target.weights_digest} | more)


def of(models: Sequence[Target]) -> tuple[Source, ...]:
    """Models as a crosscoder names them."""
    return tuple(Source(one.name, one.weights_digest, one.adapter_digest) for one in models)


def side_by_side(name: str, other: Target, target: Target, layer: int, direction: torch.Tensor) -> Dictionary:
    """A crosscoder that reconstructs both models exactly where they differ along one direction (d_model) alone.

    Its last two features are that difference's two signs, the target's own; the others are what the two share.
    """
    d = target.d_model
    signs = torch.cat([torch.eye(d), -torch.eye(d)])
    unit = torch.nn.functional.normalize(direction, dim=0)
    own = torch.stack([unit, -unit])
    W_enc = torch.cat([torch.cat([signs, torch.zeros(2 * d, d)], 1), torch.cat([-own, own], 1)]).T
    W_dec = torch.cat([torch.cat([signs, signs], 1), torch.cat([torch.zeros(2, d), own], 1)])
    return by_hand(name, layer, W_enc.contiguous(), W_dec, sources=of([other, target]), source=1)


def keep(dictionary: Dictionary) -> Artifact:
    """Store it as a tool would have."""
    tensors, config = packed(dictionary)
    return artifacts.keep("dictionary", dictionary.name, tensors, config)
