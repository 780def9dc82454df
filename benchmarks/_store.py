"""An activation store of given activations, without a model: what trainings and dictionaries read."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from target import shards
from target.activations import Store
from target.shards import PLACES, Dtype, Manifest, Moments, tensor_name

if TYPE_CHECKING:
    from torch import Tensor

LAYER = 0
"""The only one there is."""


def write(folder: Path, parts: "Iterable[Tensor]", *, dtype: Dtype = "float32") -> Store:
    """Keep activations (row, source, d_model), each part a shard and a text."""
    import torch

    manifest: Manifest | None = None
    for number, part in enumerate(parts):
        manifest = manifest or _empty(part.shape[1], part.shape[2], dtype)
        places = torch.stack([torch.full((len(part),), number), torch.arange(len(part))], 1).int()
        tensors = {tensor_name(LAYER): part.to(getattr(torch, dtype)), PLACES: places}
        manifest = manifest.with_shard(shards.write_shard(folder, number, tensors), 1, tensors)
    assert manifest, "there are no activations"
    shards.write_manifest(folder, manifest.model_copy(update={"all_texts": manifest.texts}))
    return Store.open(folder)


def _empty(sources: int, d_model: int, dtype: Dtype) -> Manifest:
    return Manifest(
        key="given",
        sources=[f"source-{n}" for n in range(sources)],
        layers=[LAYER],
        d_model=d_model,
        dtype=dtype,
        skip_first=False,
        shard_rows=2**30,
        all_texts=0,
        moments={LAYER: Moments.none(sources, d_model)},
    )
