"""Rows of many files in random order without end: each once per pass, with a bounded part of them in memory.

When all fit, a pass is one permutation of everything. When not, it goes through the files in random order, several at
a time (a window), and permutes the rows of each window. A window that is skipped is not read.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor


def batches(
    sizes: Sequence[int], read: "Callable[[int], Tensor]", rows: int, *, seed: int, start: int, memory_rows: int
) -> "Iterator[Tensor]":
    """Batches (row, ...) in float32, from the one numbered `start`.

    Args:
        sizes: How many rows each file has.
        read: Gives the rows of one file (row, ...).
        rows: Rows of a batch; what a pass leaves incomplete is filled up from the next.
        seed: With the pass, all that the order follows from besides `sizes` and `memory_rows`.
        start: How many batches to skip.
        memory_rows: The most rows of a window; at least those of the largest file.
    """
    import torch

    rest: Tensor | None = None
    for window, order in _windows(sizes, read, memory_rows, seed, start * rows):
        missing = rows if rest is None else rows - len(rest)
        for chosen in (order[:missing], *order[missing:].split(rows)):
            batch = window[chosen].float()
            if rest is not None:
                batch = torch.cat([rest, batch])
            rest = batch if len(batch) < rows else None
            if rest is None:
                yield batch


def _windows(
    sizes: Sequence[int], read: "Callable[[int], Tensor]", memory_rows: int, seed: int, skip: int
) -> "Iterator[tuple[Tensor, Tensor]]":
    """The rows of each window in turn (row, ...), all in the same memory, and their order without those skipped (row)."""
    import torch

    first, skip = divmod(skip, sum(sizes))
    window, held = torch.empty(0), None
    for number in count(first):
        for place, files in enumerate(_groups(sizes, memory_rows, seed, number)):
            length = sum(sizes[file] for file in files)
            if skip < length:
                if files != held:
                    window, held = _load(files, read, window, min(memory_rows, sum(sizes))), files
                yield window[:length], torch.randperm(length, generator=_generator(seed, number, place))[skip:]
            skip = max(0, skip - length)


def _groups(sizes: Sequence[int], memory_rows: int, seed: int, number: int) -> list[list[int]]:
    """Which files the pass of a number holds at once, window by window; their number differs by one at most."""
    import torch

    if sum(sizes) <= memory_rows:
        return [list(range(len(sizes)))]
    at_once = memory_rows // max(sizes)
    order = torch.randperm(len(sizes), generator=_generator(seed, number))
    return [sorted(group.tolist()) for group in order.tensor_split(-(-len(sizes) // at_once))]


def _load(files: Sequence[int], read: "Callable[[int], Tensor]", window: "Tensor", most: int) -> "Tensor":
    """The rows of some files one after the other at the head of `window`, which is made first when it is empty."""
    import torch

    first = 0
    for part in map(read, files):
        if not len(window):
            window = torch.empty((most, *part.shape[1:]), dtype=part.dtype)
        window[first : first + len(part)] = part
        first += len(part)
    return window


def _generator(*seeds: int) -> "Generator":
    """Random numbers that differ between passes and windows."""
    import torch

    digest = sha256(" ".join(map(str, seeds)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
