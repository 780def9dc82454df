"""Independent parts of a suite in processes of their own, one a core."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")
CORES = 2


def each(work: Callable[[Given], Found], parts: Sequence[Given]) -> list[Found]:
    """What `work`, a function of a module, gives of each part, in their order; each process computes on one thread."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(CORES, context, initializer=_alone) as pool:
        return list(pool.map(work, parts))


def _alone() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
