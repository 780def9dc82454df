"""Writing any dictionary to a folder: SAELens' format, which SAELens itself reads, and the same layout for an ITDA."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target.sparse import saelens
from tools._dictionary import Dictionary, Source

if TYPE_CHECKING:
    from target.target import Target

_ARCHITECTURES = {
    "relu": "standard",
    "topk": "topk",
    "jumprelu": "jumprelu",
    "batchtopk": "jumprelu",
    "gated": "jumprelu",
}
"""A dictionary in the one form is saved as what computes the same."""


def save(dictionary: Dictionary, folder: Path, **metadata: Any) -> None:
    """Write cfg.json and sae_weights.safetensors in float32; `read_folder` gives the same dictionary back.

    Args:
        dictionary: Any; a crosscoder is written with its models side by side.
        folder: Is made where there is none.
        metadata: What else cfg.json is to say.
    """
    tensors, config = packed(dictionary, **metadata)
    saelens.write(folder, config, tensors)


def origin(models: "Sequence[Target]", layer: int, tokens: int) -> dict[str, Any]:
    """What cfg.json says of where a dictionary comes from: its models, the one under study last, and their stream."""
    own = models[-1]
    found = {"hook_name": f"blocks.{layer}.hook_resid_post", "model_name": own.name, "weights": own.weights_digest}
    sources = [Source(one.name, one.weights_digest, one.adapter_digest)._asdict() for one in models]
    return found | {"tokens": tokens} | ({"sources": sources} if len(models) > 1 else {})


def packed(dictionary: Dictionary, **metadata: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is written: the tensors, and cfg.json."""
    import torch

    labels = getattr(dictionary, "labels", None)
    if labels is not None:
        tensors = {"W_dec": dictionary.W_dec, "labels": labels}
    else:
        tensors = {name: getattr(dictionary, name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
        if dictionary.threshold is not None and dictionary.architecture != "relu":
            tensors["threshold"] = dictionary.threshold
    about: dict[str, Any] = {
        "hook_name": f"blocks.{dictionary.layer}.hook_resid_post",
        "weights": dictionary.weights,
        "neuronpedia_id": dictionary.neuronpedia,
        "groups": list(dictionary.groups),
        "sources": [source._asdict() for source in dictionary.sources],
    }
    config = saelens.config(
        _ARCHITECTURES.get(dictionary.architecture, dictionary.architecture),
        dictionary.d_in,
        dictionary.d_sae,
        about | metadata,
        k=dictionary.k,
        apply_b_dec_to_input=dictionary.apply_b_dec_to_input,
        normalization=dictionary.normalization,
    )
    return {
        name: tensor.detach().to(torch.float32 if tensor.is_floating_point() else tensor.dtype).contiguous().clone()
        for name, tensor in tensors.items()
    }, config
