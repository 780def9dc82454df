"""Reading the activations of a store, one shard at a time."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError
from target import turn
from target.shards import PLACES, Dtype, Manifest, Moments, tensor_name
from target.target import Target

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Collection:
    """What is read, and how. Order and batches within a shard follow from it alone, so that a shard made again is the same."""

    sources: Sequence[Target]
    rows: Sequence[Sequence[int]]
    layers: Sequence[int]
    batch_rows: int
    skip: int
    """Tokens left out at the beginning of each text."""
    dtype: Dtype

    @cached_property
    def starts(self) -> list[int]:
        """Where each text's activations begin among all, and where the last one's end (text + 1)."""
        return list(accumulate((max(0, len(row) - self.skip) for row in self.rows), initial=0))

    def length(self, text: int) -> int:
        """How many activations a text has."""
        return self.starts[text + 1] - self.starts[text]

    def check(self, shard_rows: int) -> None:
        """Raise `ArgumentError` unless all of this can be read."""
        if not self.sources or not self.layers or not self.starts[-1]:
            raise ArgumentError(
                "there is nothing to collect: give at least one model, one layer and a text of two tokens"
            )
        if len(set(self.layers)) < len(self.layers):
            raise ArgumentError(f"layers={list(self.layers)} names a layer twice: name each once")
        for source in self.sources:
            self.sources[0].require_same_vocabulary(source)
            for layer in self.layers:
                source.check_layer(layer)
        if self.batch_rows < 1:
            raise ArgumentError(f"batch_rows={self.batch_rows} is not allowed: read at least one text at a time")
        self._check_texts(shard_rows)

    def _check_texts(self, shard_rows: int) -> None:
        room = min(source.max_length for source in self.sources)
        tokens = min(source.vocab_size for source in self.sources)
        for text, row in enumerate(self.rows):
            if len(row) > room:
                raise ArgumentError(f"text {text} has {len(row)} tokens and the models hold {room}: cut it")
            if self.length(text) > shard_rows:
                raise ArgumentError(
                    f"text {text} has {self.length(text)} activations and a shard holds whole texts: "
                    f"shard_rows={shard_rows} is too few"
                )
            if row and not 0 <= min(row) <= max(row) < tokens:
                raise ArgumentError(f"text {text} has a token that the models do not have: tokens are 0..{tokens - 1}")

    def manifest(self, shard_rows: int) -> Manifest:
        """What will be collected, of which nothing is there yet."""
        d_model, layers = self.sources[0].d_model, list(self.layers)
        return Manifest(
            key=self._key(shard_rows),
            sources=[source.name for source in self.sources],
            layers=layers,
            d_model=d_model,
            dtype=self.dtype,
            skip_first=bool(self.skip),
            shard_rows=shard_rows,
            all_texts=len(self.rows),
            moments={layer: Moments.none(len(self.sources), d_model) for layer in layers},
        )

    def _key(self, shard_rows: int) -> str:
        weights = [(source.weights_digest, source.adapter_digest) for source in self.sources]
        settings = [weights, list(self.layers), self.dtype, self.skip, shard_rows]
        found = sha256(json.dumps(settings).encode())
        for row in self.rows:
            found.update(json.dumps(list(row)).encode())
        return found.hexdigest()

    def plan(self, shard_rows: int) -> Iterator[range]:
        """The texts of each shard: as many as it holds."""
        first = 0
        for text in range(len(self.rows)):
            if self.starts[text + 1] - self.starts[first] > shard_rows:
                yield range(first, text)
                first = text
        yield range(first, len(self.rows))

    def shard(self, texts: range) -> "dict[str, Tensor]":
        """The tensors of one shard; similarly long texts are read together, so that little is padded."""
        import torch

        shape = (self.starts[texts.stop] - self.starts[texts.start], len(self.sources), self.sources[0].d_model)
        found = {tensor_name(layer): torch.empty(shape, dtype=getattr(torch, self.dtype)) for layer in self.layers}
        order = sorted(filter(self.length, texts), key=self.length)
        done = self.starts[texts.start] * len(self.sources)
        for column, source in enumerate(self.sources):
            for place in range(0, len(order), self.batch_rows):
                batch = order[place : place + self.batch_rows]
                columns = [tensor[:, column] for tensor in found.values()]
                self._read(source, batch, self.starts[texts.start], columns)
                done += sum(map(self.length, batch))
                turn.report("collecting activations", done / (self.starts[-1] * len(self.sources)))
        return found | {PLACES: self._places(texts)}

    def _read(self, source: Target, batch: Sequence[int], first: int, columns: "Sequence[Tensor]") -> None:
        """Put the activations of some texts in their places in each layer's column (row, d_model)."""
        streams = source.residuals([self.rows[text] for text in batch], self.layers)
        for text, stream in zip(batch, streams, strict=True):
            kept = stream[:, self.skip :]  # layer position d_model
            self._check_range(kept, source, text)
            place = slice(self.starts[text] - first, self.starts[text + 1] - first)
            for column, values in zip(columns, kept, strict=True):
                column[place] = values

    def _check_range(self, kept: "Tensor", source: Target, text: int) -> None:
        import torch

        most = torch.finfo(getattr(torch, self.dtype)).max
        for layer, biggest in zip(self.layers, kept.abs().amax((1, 2)).tolist(), strict=True):
            if not biggest < float("inf"):
                raise ArgumentError(
                    f"text {text} has activations of {source.name} at layer {layer} that are not finite"
                )
            if biggest > most:
                raise ArgumentError(
                    f"text {text} has an activation of {biggest:.0f} in {source.name} at layer {layer}, and {self.dtype} "
                    f"ends at {most:.0f}: collect into another folder with dtype='bfloat16' or 'float32'"
                )

    def _places(self, texts: range) -> "Tensor":
        import torch

        places = [(text, token) for text in texts for token in range(self.skip, len(self.rows[text]))]
        return torch.tensor(places, dtype=torch.int32)
