"""Can one concept be taken out of the model's stream without the others?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Arm, Contrast
from evidence.errors import ArgumentError, ToolError
from target.turn import report
from tools import _sparse_probe as probing
from tools import _statistics
from tools._arguments import DictionaryRef, Draws, Name, Seed, Texts
from tools._classes import Classes, read
from tools._dictionary import Dictionary
from tools._dictionary_formats import load_single
from tools._dictionary_quality import checked_fvu
from tools._sae import usual
from tools._texts import labelled, text_sets
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

LEAST_LOST, LEAST_READ = 0.1, 0.1
"""The least share of a probe's accuracy above chance that counts as lost, and the least such accuracy to lose any of."""


@tool(
    capability="compute",
    asked_as=[
        "erase the concept of living things",
        "remove the property with the SAE's features",
        "can the concept be erased without harming others?",
        "targeted concept erasure",
        "take the careless voice out by its features",
        "which features must go so that the property cannot be read?",
    ],
)
def erase_concept(
    target: "Target",
    prompts: Texts | None = None,
    other_prompts: Texts | None = None,
    *,
    texts: Name | None = None,
    dictionary: DictionaryRef | None = None,
    features: Annotated[int, Field(ge=1, le=500)] = 5,
    draws: Draws = 100,
    chat: bool = False,
    seed: Seed = 0,
) -> Contrast:
    """Take the features that tell two sets of texts apart out of the stream, and see whether a probe still can.

    Shows how much of a linear probe's accuracy above chance is lost, beside what probes of other public properties lose
    on their own texts, and beside taking out as many random features that fire. The dictionary's error stays in place.
    It cannot show what the model then says, nor that a probe trained afresh would not find the property again.

    Source: Karvonen et al., arXiv 2411.18895 (targeted probe perturbation); Bussmann et al., arXiv 2503.17547

    Args:
        prompts: Texts that have the property.
        other_prompts: Texts that lack it.
        texts: A named labelled set instead of your own: `living`, `voices` or `secrets`.
        dictionary: A shipped dictionary, a folder, or a hub release; None for the target's own of a middle layer.
        features: How many features to take out.
        draws: How many random sets of features to compare with.
        chat: Whether each text is a person's message, read up to where the assistant begins to answer.
        seed: Seed of the halves and of the random sets.
    """
    found = load_single(dictionary or usual(target), target)
    own = read(found, target, labelled(prompts, other_prompts, texts), chat=chat, seed=seed)
    fvu = checked_fvu(found, own.positions, target.name)
    if own.reader.above_chance < LEAST_READ:
        raise ToolError(
            f"a probe tells these texts apart with {own.reader.above_chance + 0.5:.2f} of held-out ones right, which is "
            "about chance: there is no property to take out, give other or more texts"
        )
    chosen = probing.best_latents(own.features[own.split.train], own.labels[own.split.train], features)
    drawn = [_lost(found, own, some) for some in _others(own, chosen, draws, seed)]
    lost = _Lost(_lost(found, own, chosen), _beside(found, target, texts, chosen, seed), drawn, len(own.split.test))
    return _contrast(target.name, found, ", ".join(map(str, chosen.tolist())), lost, fvu)


@dataclass(frozen=True)
class _Lost:
    """Shares of probes' accuracies above chance that are lost."""

    own: float
    beside: list[tuple[str, float]]
    """Of other properties, by the name of their texts."""
    drawn: list[float]
    """Of the property without as many random features."""
    n: int


def _beside(
    found: Dictionary, target: "Target", texts: str | None, chosen: "Tensor", seed: int
) -> list[tuple[str, float]]:
    """What probes of the other public properties lose, of those that can be read here."""
    lost = []
    for name, one in text_sets().items():
        if one.labels is not None and name != texts:
            report(f"reading the texts of {name!r}")
            other = read(found, target, (one.of_class(1), one.of_class(0)), chat=False, seed=seed)
            if other.reader.above_chance >= LEAST_READ:
                lost.append((name, _lost(found, other, chosen)))
    return lost


def _contrast(target: str, found: Dictionary, chosen: str, lost: _Lost, fvu: float) -> Contrast:
    names = ", ".join(f"{name} {value:.3f}" for name, value in lost.beside) or "none can be read here"
    n, drawn, count = lost.n, lost.drawn, chosen.count(",") + 1
    return Contrast(
        title=f"{target} without {count} features of {found.name}: can the property still be read?",
        caveat="a probe trained afresh might find it again, and what the model says without them is not shown",
        verdict=_statistics.judge(
            f"these {count} features of {found.name} carry the property",
            f"the dictionary leaves {fvu:.3f} of the variance unexplained; probes of other properties lose: {names}; "
            f"without them a probe loses {lost.own:.3f} of its accuracy above chance, random features "
            f"{sum(drawn) / len(drawn):.3f}",
            _statistics.beyond_draws(lost.own, drawn),
            subject=chosen,
            too_small=lost.own < LEAST_LOST,
        ),
        unit="share of a probe's accuracy above chance that is lost",
        arms=(
            Arm(label=f"without features {chosen}", role="with", value=round(lost.own, 4), n=n),
            *(Arm(label=f"the same, for {name}", role="without", value=round(v, 4), n=n) for name, v in lost.beside),
            Arm(
                label=f"as many random features ({len(drawn)} draws, range)", role="control",
                value=round(sum(drawn) / len(drawn), 4), low=round(min(drawn), 4), high=round(max(drawn), 4), n=n,
            ),
        ),
        control_name=f"{len(drawn)} sets of as many other features that fire on these texts",
    )  # fmt: skip


def _lost(found: Dictionary, texts: Classes, latents: "Tensor") -> float:
    return texts.reader.lost(probing.erased(texts.x, texts.features, found.W_dec, latents))


def _others(own: Classes, chosen: "Tensor", draws: int, seed: int) -> "list[Tensor]":
    """Sets of as many other features that fire on the texts."""
    import torch

    firing = torch.nonzero(own.features.amax(0) > 0).flatten()
    firing = firing[~torch.isin(firing, chosen)]
    if len(firing) < 2 * len(chosen):
        raise ArgumentError(f"only {len(firing)} other features fire on these texts: take out fewer than {len(chosen)}")
    generator = torch.Generator().manual_seed(seed)
    return [firing[torch.randperm(len(firing), generator=generator)[: len(chosen)]] for _ in range(draws)]
