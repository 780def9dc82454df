"""What does the coarsest level of a nested dictionary know?"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evidence import Table, Verdict
from evidence.errors import ArgumentError
from target.turn import report
from tools import _own_text, _statistics
from tools._arguments import DictionaryRef, Seed, Texts
from tools._dictionary import Dictionary
from tools._dictionary_contexts import best_context
from tools._dictionary_formats import load_single
from tools._dictionary_quality import Quality, measure_all
from tools._dictionary_streams import read
from tools._hierarchy import Link, Together, tree
from tools._sae import usual
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

TOKENS = 6_000
FAMILIES, CHILDREN = 4, 3
"""Parents shown, and children of each."""
ORDERS, LEAST_GAIN = 8, 0.05
"""Random orders of the features to compare with, and the least share of variance that counts."""


@dataclass(frozen=True)
class Level:
    """A nested prefix, and the share unexplained by as many features in random orders."""

    end: int
    quality: Quality
    mixed: list[float]

    @property
    def row(self) -> tuple[str | float | None, ...]:
        own, others = self.quality, sum(self.mixed) / len(self.mixed)
        kept = round(own.recovered, 4)
        return (f"first {self.end} features", round(own.fvu, 4), round(others, 4), round(own.l0, 2), kept, "")


@tool(
    capability="compute",
    asked_as=[
        "what does the model know at the coarsest level?",
        "show the hierarchy of features",
        "what do the first features of the Matryoshka SAE explain?",
        "what does the first sixteenth of the dictionary know?",
        "which features are parents of which?",
        "how much is explained at each level of the nested SAE?",
        "the tree of latents",
    ],
)
def prefix_view(
    target: "Target", *, dictionary: DictionaryRef | None = None, prompts: Texts | None = None, seed: Seed = 0
) -> Table:
    """Look at a Matryoshka dictionary level by level: what each prefix explains alone, and which features are kinds of which.

    Shows for each nested prefix the variance it leaves unexplained, how many of its features fire, and how much of the
    model's cross-entropy survives, beside the same prefix of the features in a random order; and parents with the
    children that fire where they do. It cannot show that the model itself works by this hierarchy.

    Source: Bussmann et al., arXiv 2503.17547

    Args:
        dictionary: A Matryoshka dictionary; None for the one that ships for the target's base.
        prompts: Texts to measure on; None for what the target writes itself.
        seed: Seed of what it writes, and of the random order.
    """
    import torch

    found = load_single(dictionary or usual(target, "matryoshka"), target)
    if len(found.groups) < 2:
        raise ArgumentError(
            f"{found.name} is not nested: name a Matryoshka dictionary, such as one `train_dictionary` made"
        )
    rows = _own_text.given_or_own(target, prompts, TOKENS, seed)
    x = torch.cat(read(found, target, rows))
    qualities = measure_all([found.prefix(end) for end in ends(found)], target, rows)
    orders = [shuffled(found, seed + draw) for draw in range(ORDERS)]
    levels = []
    for end, quality in zip(ends(found), qualities, strict=True):
        report(f"measuring {end} features in random orders", end / found.d_sae)
        levels.append(Level(end, quality, [one.prefix(end).fvu(x) for one in orders]))
    links = _links(found, x)
    return Table(
        title=f"{found.name}, level by level, on {target.name}",
        caveat="a parent is what fires where its child does; that the model works by this tree is not shown",
        verdict=_verdict(found, levels),
        columns=("what", "unexplained", "in random order", "L0", "cross-entropy kept", "strongest context"),
        rows=(*(one.row for one in levels), *_families(target, found, links)),
        control_name="the same number of the dictionary's features in a random order",
        highlights=(0,),
    )


def ends(dictionary: Dictionary) -> list[int]:
    """Where each nested prefix ends."""
    return [sum(dictionary.groups[: n + 1]) for n in range(len(dictionary.groups))]


def shuffled(dictionary: Dictionary, seed: int) -> Dictionary:
    """The same features in a random order."""
    import torch

    order = torch.randperm(dictionary.d_sae, generator=torch.Generator().manual_seed(seed))
    parts = {"W_enc": dictionary.W_enc[:, order], "b_enc": dictionary.b_enc[order], "W_dec": dictionary.W_dec[order]}
    threshold = dictionary.threshold[order] if dictionary.threshold is not None else None
    return replace(dictionary, **parts, threshold=threshold, index=None)


def _links(found: Dictionary, x: "Tensor") -> list[Link]:
    report("counting what fires together")
    together = Together(found.d_sae)
    for piece in x.split(4096):
        together.add(found.encode(piece))
    return tree(together, found.groups, found.atoms)


def _families(target: "Target", found: Dictionary, links: list[Link]) -> list[tuple[str | float | None, ...]]:
    """The parents with most children, and some of these."""
    children: dict[int, list[Link]] = {}
    for link in links:
        children.setdefault(link.parent, []).append(link)
    rows: list[tuple[str | float | None, ...]] = []
    for parent in sorted(children, key=lambda one: -len(children[one]))[:FAMILIES]:
        own = sorted(children[parent], key=lambda link: -link.cosine)
        said = best_context(target, found, parent)
        rows.append((f"feature {parent}, parent of {len(own)}", None, None, None, None, said))
        for link in own[:CHILDREN]:
            of = (
                f"- feature {link.child}: {link.contained:.0%} of its places are the parent's, cosine {link.cosine:.2f}"
            )
            rows.append((of, None, None, None, None, best_context(target, found, link.child)))
    return rows


def _verdict(found: Dictionary, levels: list[Level]) -> Verdict:
    first, whole = levels[0], levels[-1]
    usual_share = sum(first.mixed) / len(first.mixed)
    return _statistics.judge(
        f"the first {first.end} features of {found.name} know more than as many of its features do",
        f"all {found.d_sae} leave {whole.quality.fvu:.3f} of the variance unexplained; reading the first {first.end} "
        f"alone the model keeps {first.quality.recovered:.3f} of what its cross-entropy loses without the layer; alone "
        f"they leave {first.quality.fvu:.3f} unexplained, as many in a random order {usual_share:.3f}",
        _statistics.beyond_draws(first.quality.fvu, first.mixed, smaller=True),
        too_small=usual_share - first.quality.fvu < LEAST_GAIN,
    )
