"""Inference-time decomposition of activations (ITDA): which earlier activations make up a new one?

Nothing is trained. A row that the atoms so far do not explain becomes an atom itself, so every atom is known by the
prompt and the token it was read at, and two models that read the same tokens in the same order can be compared by
which of them became atoms.

Source: Leask, Nanda & Al Moubayed, "Inference-Time Decomposition of Activations (ITDA)" (arXiv 2505.17769)
"""

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError
from tools._itda_batch import Atoms, Batch

if TYPE_CHECKING:
    from torch import Tensor, dtype

_BATCH = 256
"""Rows whose pursuits are followed together while atoms are added."""


@dataclass(frozen=True, eq=False)
class Itda:
    """A dictionary of activations of one place in one model."""

    atoms: "Tensor"
    """(n, d) of unit length, in the order they were added; float32 unless built in float64."""
    labels: "Tensor"
    """(n, 2) int64: the prompt and the token each atom was read at."""
    l0: int
    """Steps of the matching pursuit that decided."""
    threshold: float
    """Share of ||x||^2 left unexplained above which a row became an atom."""
    seen: int
    """Rows visited. Where nearly all of them became atoms, any two dictionaries agree."""
    order: str
    """sha256 over the labels of all rows visited, in their order, and what was said of the data."""


def jaccard(a: Itda, b: Itda) -> float:
    """Atoms with the same label in both dictionaries, as a share of those in either: 0 to 1.

    The first rows enter every dictionary, so unrelated activations share atoms too: compare with `permuted_floor`.

    Raises:
        ArgumentError: they were built on other or differently ordered data, or have no atoms.

    Source: Leask, Nanda & Al Moubayed (arXiv 2505.17769)
    """
    if a.order != b.order:
        raise ArgumentError(
            "these dictionaries were built on other or differently ordered data, so that their atoms cannot be "
            "compared: build both on the same prompts in the same order"
        )
    first, second = ({tuple(label) for label in itda.labels.tolist()} for itda in (a, b))
    if not first | second:
        raise ArgumentError("neither dictionary has an atom: build them on text first")
    return len(first & second) / len(first | second)


def random_dictionary(x: "Tensor", labels: "Tensor", n: int, seed: int, like: Itda) -> Itda:
    """A dictionary of n rows drawn at random from x (row, d): the control of what the choice of atoms is worth.

    All else is as in `like`, which was built on the same labels (row, 2). Rows of zeros are not drawn.

    Raises:
        ArgumentError: the rows are not as many as `like` saw, are not finite, or fewer than n can be drawn.
    """
    import torch

    rows, used = _unit(_as_in(like, x, labels))
    if not 1 <= n <= len(rows):
        raise ArgumentError(f"{n} atoms cannot be drawn: {len(rows)} rows are not zero, ask for 1..{len(rows)}")
    drawn = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:n].sort().values
    return replace(like, atoms=rows[drawn.to(rows.device)], labels=_names(labels)[used.cpu()][drawn])


def permuted_floor(x: "Tensor", labels: "Tensor", seed: int, like: Itda) -> Itda:
    """The dictionary of x (row, d) with its rows shuffled under labels (row, 2) that stay: unrelated activations.

    Its `jaccard` with the other model's dictionary is what two models share that have nothing in common. It is built
    with l0 and threshold of `like`, which was built on the same labels, in one go.

    Raises:
        ArgumentError: the rows are not as many as `like` saw, or not finite.
    """
    import torch

    rows = _as_in(like, x, labels)
    shuffled = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).to(rows.device)
    builder = Builder(rows.shape[1], like.l0, like.threshold, dtype=rows.dtype)
    builder.add(rows[shuffled], labels)
    return replace(builder.finish(), order=like.order)


def build_naive(x: "Tensor", labels: "Tensor", l0: int, threshold: float) -> Itda:
    """What `Builder` computes as it is defined, one row of x (row, d) and one step at a time.

    Source: Leask, Nanda & Al Moubayed (arXiv 2505.17769), Algorithm 1, with the threshold relative to ||x||^2
    """
    import torch

    atoms, kept = x.new_empty(0, x.shape[1]), []
    for number, row in enumerate(x):
        left = row.clone()
        for _ in range(min(l0, len(atoms))):
            corr = atoms @ left
            best = corr.abs().argmax()
            left -= corr[best] * atoms[best]
        if left @ left > threshold * (row @ row):
            atoms = torch.cat([atoms, (row / row.norm())[None]])
            kept.append(number)
    return Itda(atoms, _names(labels)[kept], l0, threshold, len(x), _chained("", _names(labels)))


class Builder:
    """Builds a dictionary from batches of any size; its atoms are those of `build_naive`.

    Args:
        d: Width of the activations.
        l0: Steps of matching pursuit for each row; as many as there are atoms while these are fewer.
        threshold: Share of ||x||^2 left unexplained above which a row becomes an atom, between 0 and 1.
        start: A dictionary to go on from: its atoms stay first, those after them are what they did not explain.
        data: What the labels count, such as a digest of the prompts, for `Itda.order`. With a `start`, leave it out
            where the rows continue the same data.
        dtype: Precision of all computation; that of `start`, or float32.

    Raises:
        ArgumentError: l0 or threshold is out of range, or `start` has another width.

    Source: Leask, Nanda & Al Moubayed (arXiv 2505.17769), Algorithm 1, with the threshold relative to ||x||^2
    """

    def __init__(
        self,
        d: int,
        l0: int,
        threshold: float,
        start: Itda | None = None,
        *,
        data: str = "",
        dtype: "dtype | None" = None,
    ) -> None:
        import torch

        if l0 < 1 or not 0 < threshold < 1:
            raise ArgumentError(
                f"l0={l0} with threshold={threshold} is not allowed: ask for an l0 of 1 or more and 0 < threshold < 1"
            )
        atoms = torch.empty(0, d) if start is None else start.atoms
        if atoms.shape[1] != d:
            raise ArgumentError(f"a dictionary of width {atoms.shape[1]} cannot go on with activations of width {d}")
        self._d, self._l0, self._threshold = d, l0, threshold
        self._atoms = Atoms(atoms.to(dtype or atoms.dtype))
        self._labels = [torch.empty(0, 2, dtype=torch.int64) if start is None else start.labels]
        self._seen, self._order = (0, "") if start is None else (start.seen, start.order)
        if data:
            self._order = hashlib.sha256(f"{self._order} {data}".encode()).hexdigest()

    def __len__(self) -> int:
        """Atoms so far."""
        return self._atoms.count

    def add(self, x: "Tensor", labels: "Tensor") -> None:
        """Visit activations x (row, d), in their order, that were read at labels (row, 2): prompt and token.

        A row of zeros is seen and never becomes an atom.

        Raises:
            ArgumentError: the shapes do not fit or a row is not finite; nothing was added then.
        """
        if x.ndim != 2 or x.shape[1] != self._d or labels.shape != (len(x), 2):
            raise ArgumentError(
                f"activations {tuple(x.shape)} with labels {tuple(labels.shape)} do not fit: "
                f"give (row, {self._d}) and (row, 2)"
            )
        rows, used = _unit(x.detach().to(self._atoms.rows))
        names = _names(labels)
        for some, called in zip(rows.split(_BATCH), names[used.cpu()].split(_BATCH), strict=True):
            self._labels.append(called[self._visit(some)])
        self._seen += len(x)
        self._order = _chained(self._order, names)

    def finish(self) -> Itda:
        """The dictionary so far; rows may be added after it."""
        import torch

        atoms, labels = self._atoms.rows.clone(), torch.cat(self._labels)
        return Itda(atoms, labels, self._l0, self._threshold, self._seen, self._order)

    def _visit(self, rows: "Tensor") -> list[int]:
        """Which rows (row, d) of unit length became atoms."""
        batch, start = Batch(rows, self._atoms, self._l0), 0
        added: list[int] = []
        while (row := batch.next_unexplained(start, self._threshold)) is not None:
            batch.append(row)
            added.append(row)
            start = row + 1
        return added


def _as_in(like: Itda, x: "Tensor", labels: "Tensor") -> "Tensor":
    """Rows of x (row, d) in the precision of a dictionary that was built on as many.

    Raises:
        ArgumentError: they are not as many, or not as wide.
    """
    wanted = (like.seen, like.atoms.shape[1])
    if x.shape != wanted or labels.shape != (like.seen, 2):
        raise ArgumentError(
            f"activations {tuple(x.shape)} with labels {tuple(labels.shape)} are not those the dictionary was built on: "
            f"give {wanted} and {(like.seen, 2)}"
        )
    return x.detach().to(like.atoms)


def _unit(x: "Tensor") -> "tuple[Tensor, Tensor]":
    """The rows of x (row, d) that are not zero at unit length, and which they are (row) bool.

    Raises:
        ArgumentError: a value is not finite.
    """
    import torch

    if not torch.isfinite(x).all():
        first = int((~torch.isfinite(x)).any(1).nonzero()[0])
        raise ArgumentError(f"row {first} of the activations is not finite: leave such rows out")
    largest = x.abs().amax(1, keepdim=True)
    used = largest[:, 0] > 0
    scaled = x[used] / largest[used]  # a square could overflow
    return scaled / scaled.norm(dim=1, keepdim=True), used


def _names(labels: "Tensor") -> "Tensor":
    """Labels (row, 2) as they are kept."""
    return labels.detach().cpu().long()


def _chained(order: str, labels: "Tensor") -> str:
    """The digest of an order continued by labels (row, 2), row by row: batches leave no trace."""
    digest, rows = bytes.fromhex(order), labels.numpy().astype("<i8").tobytes()
    for at in range(0, len(rows), 16):
        digest = hashlib.sha256(digest + rows[at : at + 16]).digest()
    return digest.hex()
