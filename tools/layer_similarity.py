"""How alike are two models, layer by layer?"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence import Entry, Heatmap, Verdict
from evidence.errors import ArgumentError
from target.turn import report
from tools import _itda_layers, _own_text, _statistics
from tools._arguments import Seed, Texts
from tools._itda_layers import Layers
from tools._similarity import match
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

TOKENS = 4_000
LEAST, MOST_KEPT = 0.1, 0.5
"""The least by which an overlap must exceed its floor to count, and the largest share of tokens that may be atoms."""
SHOWN = 12
"""How many layers are spoken of, those that are least alike."""
LEAST_LAYERS = 5
"""With fewer, no order of two sets of them is rare enough."""


@tool(
    capability="compute",
    asked_as=[
        "how similar are these two models, layer by layer?",
        "how similar is {target} to its base at each layer?",
        "which layer of {target} matches which layer of the other?",
        "match the layers of the two models",
        "compare the representations of two models",
        "do the two models represent things the same way?",
        "ITDA similarity of {target} and the base",
    ],
)
def layer_similarity(
    target: "Target", *, other: "Target | None" = None, prompts: Texts | None = None, seed: Seed = 0
) -> Heatmap:
    """Compare every layer of two models by which tokens each needs as atoms of its dictionary (ITDA).

    Shows the overlap (IoU) of the atoms' labels for every pair of layers. Both models read the same tokens in the
    same order; where one's activations are shuffled under their labels the overlap is not zero, since early tokens
    always become atoms: that floor is the control, and linear CKA on the same activations stands beside. It
    cannot show what a difference is about, nor compare models of different tokenizers.

    Source: Leask et al., arXiv 2505.17769 (section 5); Kornblith et al., arXiv 1905.00414 (CKA)

    Args:
        other: The model to compare with; None for the target's base.
        prompts: Texts that both read, in this order; None for what the target writes itself.
        seed: Seed of what it writes, and of the shuffles.
    """
    beside = other or target.base
    if beside == target:
        raise ArgumentError(f"{target.name} is to be compared with another model: name a fine-tune, or give `other`")
    if beside.tokenizer.get_vocab() != target.tokenizer.get_vocab():
        raise ArgumentError(f"{beside.name} reads other tokens than {target.name}: atoms are compared token by token")
    return _heatmap(target, beside, shared_atoms(target, beside, prompts, seed))


@dataclass(frozen=True)
class Shared:
    """Two models' dictionaries, and what their layers have in common (layer of the target, layer of the other)."""

    own: Layers
    theirs: Layers
    overlap: "Tensor"
    floor: "Tensor"
    """With the other's activations shuffled under their labels."""

    @property
    def own_layers(self) -> list[tuple[float, float]]:
        """Overlap and floor of each layer with the same one of the other model."""
        return list(zip(self.overlap.diagonal().tolist(), self.floor.diagonal().tolist(), strict=True))


def shared_atoms(target: "Target", other: "Target", prompts: Sequence[str] | None, seed: int) -> Shared:
    """Read the same texts with both models, and compare the atoms of their layers."""
    rows = _own_text.given_or_own(target, prompts, TOKENS, seed)
    if all(len(row) < 2 for row in rows):
        raise ArgumentError("no text has two tokens: the first of each is left out, give longer ones")
    data = hashlib.sha256(repr(rows).encode()).hexdigest()
    own, theirs = (_itda_layers.read(one, rows, range(one.num_layers), data) for one in (target, other))
    report("comparing")
    overlap = _itda_layers.overlaps(own.dictionaries, theirs.dictionaries)
    return Shared(own, theirs, overlap, _itda_layers.overlaps(own.dictionaries, _itda_layers.shuffled(theirs, seed)))


def _heatmap(target: "Target", other: "Target", shared: Shared) -> Heatmap:
    own, theirs, overlap, floor = shared.own, shared.theirs, shared.overlap, shared.floor
    return Heatmap(
        title=f"{target.name} and {other.name}, layer by layer: overlap of ITDA atoms",
        caveat=f"{own.kept:.0%} of the tokens became atoms; where nearly all do, any two models overlap",
        verdict=_verdict(f"{target.name} and {other.name}", own, theirs, overlap, floor),
        rows=tuple(f"layer {n}" for n in range(len(overlap))),
        columns=tuple(f"layer {n}" for n in range(overlap.shape[1])),
        row_axis=target.name,
        column_axis=other.name,
        values=_rounded(overlap),
        unit="share of atoms in both, of those in either",
        control=_rounded(floor),
        control_name=f"{other.name}'s activations shuffled under their labels",
        highlights=tuple(_least_alike(overlap)),
    )


def _verdict(names: str, own: Layers, theirs: Layers, overlap: "Tensor", floor: "Tensor") -> Verdict:
    claim = f"{names} represent these texts alike"
    if len(overlap) != overlap.shape[1]:
        return _statistics.undecided(claim, "the models differ in depth, so no layer is another's own")
    if own.kept > MOST_KEPT:
        why = f"{own.kept:.0%} of the tokens became atoms, and where most do any two models overlap: give more text"
        return _statistics.undecided(claim, why)
    mine, floors = overlap.diagonal(), floor.diagonal()
    cka = _itda_layers.alignments(own, theirs)
    why = (
        f"{match(overlap):.2f} of the layers find their own in the other model, {match(cka):.2f} by linear CKA, which is "
        f"{float(cka.diagonal().mean()):.3f} on average; the same layers share {float(mine.mean()):.3f} of their atoms "
        f"on average, {float(floors.mean()):.3f} with one shuffled"
    )
    if len(mine) < LEAST_LAYERS:
        return _statistics.undecided(claim, f"{why}; {len(mine)} layers are too few to tell from chance by a test")
    test = _statistics.two_samples(mine.tolist(), floors.tolist())
    return _statistics.judge(claim, why, test, too_small=float((mine - floors).mean()) < LEAST)


def _rounded(values: "Tensor") -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(value, 4) for value in row) for row in values.tolist())


def _least_alike(overlap: "Tensor") -> list[Entry]:
    """The layers that have least in common with their own, in order."""
    least = sorted(enumerate(overlap.diagonal().tolist()), key=lambda one: one[1])[:SHOWN]
    return [Entry(label=f"layer {n}, layer {n}", score=round(value, 4)) for n, value in sorted(least)]
