"""Activations of one or several models on disk, for the training of sparse dictionaries and crosscoders.

A store is a folder. Its shards hold whole texts in their order: `layer_2` and the like (row, source, d_model), where
a row is a token and a source one of the models compared, and `places` (row, 2), the index of each row's text and of
the token in it. `store.json` is replaced after every shard, so that a collection that was cut off goes on.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evidence.errors import ArgumentError
from target import shards, shuffling
from target.collection import Collection
from target.shards import PLACES, Dtype, Manifest, tensor_name
from target.target import Target

if TYPE_CHECKING:
    from torch import Tensor

_MEMORY_BYTES = 2**30
"""How much of a layer is held at once unless the caller says otherwise."""


class Statistics(NamedTuple):
    """What activations are centred and scaled by, in float32."""

    mean: "Tensor"
    """(source, d_model)"""
    scale: "Tensor"
    """Square root of the variance's mean over dimensions (source)."""


class Stored(NamedTuple):
    """Activations in the order in which they were read, and where they are from."""

    activations: "Tensor"
    """(row, source, d_model) in float32"""
    places: "Tensor"
    """Index of the text, index of the token in it (row, 2)."""


def collect(
    folder: Path,
    sources: Sequence[Target],
    rows: Sequence[Sequence[int]],
    layers: Sequence[int],
    *,
    batch_rows: int = 64,
    shard_rows: int = 65_536,
    skip_first: bool = True,
    dtype: Dtype = "float16",
) -> "Store":
    """Read the residual stream after some layers at every token of every text, and keep it in a folder.

    Asked again with the same arguments it goes on after the last whole shard, to the same bytes, and makes shards anew
    that are missing. Memory holds one shard and one batch, however many texts there are.

    Args:
        folder: Where the store is or will be.
        sources: The models, of one vocabulary and width.
        rows: The texts, each its token ids.
        layers: Layers to read, 0-based; all of them in one forward a batch and source.
        batch_rows: Texts in one forward; another number when going on changes later activations by rounding only.
        shard_rows: Activations a shard may hold of each source and layer; no text is split.
        skip_first: Whether to leave out the first token of each text, whose activations are outliers.
        dtype: What activations are stored as.

    Raises:
        ArgumentError: models, texts and layers do not go together, the folder holds other activations, or an activation
            is out of the range of `dtype`.
        ToolError: the disk refuses.
        Cancelled: the person pressed stop; whole shards are kept.
    """
    collection = Collection(sources, rows, layers, batch_rows, int(skip_first), dtype)
    collection.check(shard_rows)
    manifest = _begin(folder, collection.manifest(shard_rows))
    for number, texts in enumerate(collection.plan(shard_rows)):
        if number >= len(manifest.shards) or not shards.is_whole(folder, number, manifest.shards[number]):
            manifest = _with_shard(folder, manifest, collection, number, texts)
    return Store.open(folder)


def _begin(folder: Path, wanted: Manifest) -> Manifest:
    """What there is already of a collection."""
    found = shards.read_manifest(folder)
    if found is not None:
        shards.require_key(folder, found, wanted)
    with shards.writing(folder):  # so that a folder that cannot be written is said before any work
        return found or wanted


def _with_shard(folder: Path, manifest: Manifest, collection: Collection, number: int, texts: range) -> Manifest:
    """The manifest when a shard has been made, or made anew."""
    tensors = collection.shard(texts)
    shard = shards.write_shard(folder, number, tensors)
    if number == len(manifest.shards):
        manifest = manifest.with_shard(shard, len(texts), tensors)
        shards.write_manifest(folder, manifest)
    return manifest


class Store:
    """Collected activations. Reading is by memory-mapping, a shard or a window of shards at a time."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self._manifest = manifest

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """The store in a folder, whole or as far as it was collected.

        Raises:
            ArgumentError: the folder holds none.
            ToolError: its manifest or a shard is missing or damaged.
        """
        manifest = shards.read_manifest(folder)
        if manifest is None:
            raise ArgumentError(f"{folder} holds no activations: collect them there first")
        for number, shard in enumerate(manifest.shards):
            if not shards.is_whole(folder, number, shard):
                raise shards.damaged(folder, number)
        return cls(folder, manifest)

    @property
    def key(self) -> str:
        """Digest of all that the activations follow from: texts, weights, layers and settings."""
        return self._manifest.key

    @property
    def layers(self) -> list[int]:
        """The layers that were read."""
        return self._manifest.layers

    @property
    def sources(self) -> list[str]:
        """Names of the models that were read."""
        return self._manifest.sources

    @property
    def d_model(self) -> int:
        return self._manifest.d_model

    @property
    def rows(self) -> int:
        """Activations of each layer and source."""
        return self._manifest.rows

    def statistics(self, layer: int) -> Statistics:
        """Mean (source, d_model) and scale (source) of one layer over all rows.

        Raises:
            ArgumentError: the layer was not collected.
        """
        import torch

        moments = self._manifest.moments[self._check_layer(layer)]
        mean, squares = (torch.tensor(one, dtype=torch.float64) for one in (moments.mean, moments.squares))
        return Statistics(mean.float(), (squares / moments.count).mean(1).sqrt().float())

    def layer(self, layer: int) -> Iterator[Stored]:
        """One layer in the order of the texts, a shard at a time.

        Raises:
            ArgumentError: the layer was not collected.
            ToolError: a shard is missing or damaged.
        """
        self._check_layer(layer)
        return (
            Stored(self._read(number, layer).float(), self._places(number))
            for number in range(len(self._manifest.shards))
        )

    def batches(
        self, layer: int, rows: int, *, seed: int, start: int = 0, memory_rows: int | None = None
    ) -> "Iterator[Tensor]":
        """Batches (row, source, d_model) of one layer in float32, shuffled, without end.

        Each activation comes once per pass, in an order that differs from pass to pass. A batch that a pass does not
        fill is filled up from the next, so that it alone may have an activation twice.

        Args:
            layer: Which.
            rows: Rows of a batch.
            seed: The same seed and `memory_rows` give the same batches.
            start: Batches to skip, to go on with a training.
            memory_rows: How many rows may be in memory at once, in the precision in which they are stored; None for as
                many as fit in 1 GiB, at least a shard. When all do, a pass is a permutation of everything; else shards
                are drawn at random and the rows of those in memory mixed.

        Raises:
            ArgumentError: the layer was not collected, or a number is out of range.
            ToolError: a shard is missing or damaged.
        """
        self._check_layer(layer)
        if rows < 1 or start < 0:
            raise ArgumentError(f"rows={rows}, start={start} is not allowed: rows are at least 1, start at least 0")
        sizes = [shard.rows for shard in self._manifest.shards]
        return shuffling.batches(
            sizes,
            lambda number: self._read(number, layer),
            rows,
            seed=seed,
            start=start,
            memory_rows=self._memory_rows(memory_rows, max(sizes)),
        )

    def _memory_rows(self, given: int | None, shard: int) -> int:
        width = {"float16": 2, "bfloat16": 2, "float32": 4}[self._manifest.dtype]
        if given is None:
            return max(shard, _MEMORY_BYTES // (len(self.sources) * self.d_model * width))
        if given < shard:
            raise ArgumentError(f"memory_rows={given} is not allowed: a shard has {shard} rows, and must fit")
        return given

    def _check_layer(self, layer: int) -> int:
        if layer not in self.layers:
            raise ArgumentError(
                f"layer {layer} was not collected: {self.folder} has {', '.join(map(str, self.layers))}"
            )
        return layer

    def _read(self, number: int, layer: int) -> "Tensor":
        shape = (self._manifest.shards[number].rows, len(self.sources), self.d_model)
        return shards.read_tensor(self.folder, number, tensor_name(layer), shape)

    def _places(self, number: int) -> "Tensor":
        return shards.read_tensor(self.folder, number, PLACES, (self._manifest.shards[number].rows, 2))
