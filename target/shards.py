"""The files of an activation store: a manifest and numbered shards, each written whole or not at all."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from evidence.errors import ArgumentError, ToolError

if TYPE_CHECKING:
    from torch import Tensor

Dtype = Literal["float16", "bfloat16", "float32"]
MANIFEST, PLACES = "store.json", "places"
_SCRATCH = ".writing"
_PIECE_ROWS = 1024
"""Rows that are held as float64 at once."""


class Moments(BaseModel):
    """Running moments of the activations of one layer, in float64 by pairwise merging (Chan et al. 1979)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    count: int
    mean: list[list[float]]
    """(source, d_model)"""
    squares: list[list[float]]
    """Sums of squared deviations from the mean (source, d_model)."""

    @classmethod
    def none(cls, sources: int, d_model: int) -> "Moments":
        """Those of no rows at all."""
        zeros = [[0.0] * d_model for _ in range(sources)]
        return cls(count=0, mean=zeros, squares=zeros)

    def with_rows(self, activations: "Tensor") -> "Moments":
        """Those of the rows so far and of more (row, source, d_model)."""
        import torch

        count = self.count
        mean, squares = (torch.tensor(one, dtype=torch.float64) for one in (self.mean, self.squares))
        for piece in activations.split(_PIECE_ROWS):
            rows = piece.double()
            own = rows.mean(0)
            share = len(rows) / (count + len(rows))
            squares += (rows - own).square().sum(0) + (own - mean).square() * count * share
            mean += (own - mean) * share
            count += len(rows)
        return Moments(count=count, mean=mean.tolist(), squares=squares.tolist())


class Shard(BaseModel):
    """One file that is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rows: int
    bytes: int


class Manifest(BaseModel):
    """What the activations are of, and how many there are so far."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1] = 1
    key: str
    """Digest of all that the activations follow from."""
    sources: list[str]
    layers: list[int]
    d_model: int
    dtype: Dtype
    skip_first: bool
    shard_rows: int
    rows: int = 0
    texts: int = 0
    all_texts: int
    """How many texts there will be when all is done."""
    shards: list[Shard] = []
    moments: dict[int, Moments]
    """By layer."""

    def with_shard(self, shard: Shard, texts: int, tensors: "Mapping[str, Tensor]") -> "Manifest":
        """The manifest after one more shard."""
        moments = {layer: so_far.with_rows(tensors[tensor_name(layer)]) for layer, so_far in self.moments.items()}
        done = {"rows": self.rows + shard.rows, "texts": self.texts + texts}
        return self.model_copy(update={**done, "shards": [*self.shards, shard], "moments": moments})


def tensor_name(layer: int) -> str:
    """What a layer's activations are called in a shard."""
    return f"layer_{layer}"


def file_name(number: int) -> str:
    """What a shard is called."""
    return f"shard-{number:05}.safetensors"


def read_manifest(folder: Path) -> Manifest | None:
    """What a folder says it holds; None when it says nothing.

    Raises:
        ToolError: the manifest cannot be read.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        raise ToolError(
            f"{MANIFEST} in {folder} is damaged: restore it, or delete the folder and collect again"
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest.

    Raises:
        ToolError: the disk refuses.
    """
    with writing(folder) as scratch:
        (scratch / MANIFEST).write_text(manifest.model_dump_json() + "\n", encoding="utf-8")
        os.replace(scratch / MANIFEST, folder / MANIFEST)


def write_shard(folder: Path, number: int, tensors: "Mapping[str, Tensor]") -> Shard:
    """Write a shard's file, or replace it.

    Raises:
        ToolError: the disk refuses.
    """
    from safetensors.torch import save_file

    name = file_name(number)
    with writing(folder) as scratch:
        save_file(dict(tensors), scratch / name)
        os.replace(scratch / name, folder / name)
        return Shard(rows=len(tensors[PLACES]), bytes=(folder / name).stat().st_size)


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """A place beside the files to write new ones in; it goes with what is left there, also after a kill.

    Raises:
        ToolError: the disk refuses.
    """
    from safetensors import SafetensorError

    scratch = folder / _SCRATCH
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        yield scratch
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ToolError(
            f"activations cannot be written in {folder} ({reason}): "
            "free some space or choose another folder, and collect again to go on"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def is_whole(folder: Path, number: int, shard: Shard) -> bool:
    """Whether a shard's file is there and as long as it was."""
    try:
        return (folder / file_name(number)).stat().st_size == shard.bytes
    except OSError:
        return False


def read_tensor(folder: Path, number: int, name: str, shape: Sequence[int]) -> "Tensor":
    """A tensor of a shard as it is stored, memory-mapped: only what is used of it is read.

    Raises:
        ToolError: the file is missing, damaged or not of this store.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / file_name(number), framework="pt") as shard:
            found: Tensor = shard.get_tensor(name)
    except (OSError, SafetensorError) as error:
        raise damaged(folder, number) from error
    if found.shape != tuple(shape):
        raise damaged(folder, number)
    return found


def damaged(folder: Path, number: int) -> ToolError:
    """The sentence for a shard that cannot be used."""
    return ToolError(
        f"{file_name(number)} in {folder} is missing or damaged: "
        "delete it and collect again with the same arguments, which makes only this file anew"
    )


def require_key(folder: Path, found: Manifest, wanted: Manifest) -> None:
    """Raise `ArgumentError` when a folder holds the activations of something else."""
    if found.key != wanted.key:
        layers = ", ".join(map(str, found.layers))
        raise ArgumentError(
            f"{folder} holds other activations ({' and '.join(found.sources)}, layers {layers}, {found.all_texts} texts, "
            f"{found.dtype}): collect these into another folder"
        )
