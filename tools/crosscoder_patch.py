"""Do the features a fine-tune added make it answer as it does?"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Arm, Contrast, Verdict
from evidence.errors import ToolError
from tools import _statistics
from tools._arguments import DictionaryRef, Draws, Feature, NewTokens, Seed, Texts
from tools._crosscoder import answered, divergences, measured, other_model, other_of
from tools._dictionary import Dictionary
from tools._dictionary_formats import load_crosscoder
from tools._latent_scaling import Scaling, kinds, most_own, relative_norms
from tools._measure import LEAST_KL
from tools._own_text import given_or_own
from tools._questions import questions
from tools._sae import usual
from tools._texts import generic, rows
from tools._tool import tool
from tools.crosscoder_diff import TOKENS

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

PROMPTS = 60
NEAREST = 12
"""How many features of like frequency one of a random set is drawn from."""


@tool(
    capability="intervene",
    asked_as=[
        "do the features of {target} matter for its answers?",
        "patch the specific latents into the base",
        "how much of the fine-tune do its own features explain?",
        "do the chat-only latents cause the chat behaviour?",
        "test the crosscoder features causally",
        "does feature 17 of the crosscoder matter?",
    ],
)
def crosscoder_patch(
    target: "Target",
    *,
    dictionary: DictionaryRef | None = None,
    features: Annotated[list[Feature], Field(min_length=1, max_length=5000)] | None = None,
    k: Annotated[int, Field(ge=1, le=5000)] | None = None,
    prompts: Texts | None = None,
    draws: Draws = 10,
    max_new_tokens: NewTokens = 16,
    seed: Seed = 0,
) -> Contrast:
    """Add some features' decoder differences to the other model's stream and see how near the target's answers it comes.

    Shows the divergence (KL) from the target's own next tokens, along its own answers, when the layers after the
    crosscoder's read the other model's stream: as it is, with the target's own features patched in, and with as many
    others drawn at random from those that fire as often. It cannot show which behaviour a feature carries, and nothing
    of what the crosscoder leaves unexplained.

    Source: Minder et al., arXiv 2504.02922, section 3.2

    Args:
        dictionary: A crosscoder that reads the target; None for the one that ships, if one does.
        features: Which features; None for those that are the target's own after latent scaling, or where none is, for
            the half that is most so.
        k: At most so many of the target's own, those that fire most; None for all of them.
        prompts: Messages to answer; None for requests for advice and generic ones.
        draws: How many random sets of features to compare with.
        max_new_tokens: Length of the answers.
        seed: Seed of the random sets, and of the text on which the target's own features are told.
    """
    found = load_crosscoder(dictionary or usual(target, "crosscoder"), target)
    named = list(dict.fromkeys(features or ()))
    as_set(found, named)
    asked = list(prompts) if prompts else everyday(target, seed)
    texts = answered(target, rows(target, asked, chat=True), max_new_tokens)
    if len(texts) < 3:
        raise ToolError(f"{target.name} answers only {len(texts)} of these prompts: give at least three it answers")
    scaling = measured(found, target, given_or_own(target, None, TOKENS, seed)).scaling
    chosen, which = _chosen(found, scaling, named, k)
    own = as_set(found, chosen)
    others = random_sets(own, scaling.active, draws, seed)
    fixed = [as_set(found, []), own, as_set(found, range(found.d_sae))]
    return _contrast(target, found, which, divergences(found, target, texts, [*fixed, *others]))


def everyday(target: "Target", seed: int) -> list[str]:
    """Requests for advice and other messages, as many of each: a fine-tune may show itself in one kind alone."""
    advice = [question.text for question in questions(target, "held out", PROMPTS // 2, seed)]
    return [*advice, *generic(target, PROMPTS - len(advice), seed, chat=True)]


def _chosen(found: Dictionary, scaling: Scaling, features: Sequence[int], k: int | None) -> tuple[list[int], str]:
    """Which features are patched in, and what they are called."""
    if features:
        return list(features), f"{len(features)} features that were named"
    if own := specific(found, scaling)[:k]:
        return own, f"{len(own)} features that are its own after latent scaling"
    ranked = most_own(scaling)
    half = ranked[: k or min(len(ranked) // 2, max(0, int((scaling.active > 0).sum()) - NEAREST) // 2)]
    if not half:
        raise ToolError(
            f"no feature of {found.name} fires often enough to be told whose it is: name some as `features`"
        )
    return half, f"the {len(half)} of {len(ranked)} features that are most its own, of which none is so alone"


def specific(crosscoder: Dictionary, scaling: Scaling) -> list[int]:
    """Features that are the target's own by their decoder and after latent scaling, the most frequent first."""
    kind = kinds(relative_norms(crosscoder, other_of(crosscoder)), scaling)
    own = [number for number, one in enumerate(kind) if one == "specific"]
    return sorted(own, key=lambda number: -int(scaling.active[number]))


def as_set(crosscoder: Dictionary, features: Iterable[int]) -> "Tensor":
    """Which features (feature) as 0 and 1.

    Raises:
        ArgumentError: there is no such feature.
    """
    import torch

    chosen = torch.zeros(crosscoder.d_sae)
    for feature in features:
        chosen[crosscoder.check_feature(feature)] = 1
    return chosen


def random_sets(own: "Tensor", active: "Tensor", draws: int, seed: int) -> "list[Tensor]":
    """Sets of other features, each matched with one of `own` (feature) that fires about as often.

    Raises:
        ToolError: too few others fire.
    """
    import torch

    firing = torch.nonzero((active > 0) & (own == 0)).flatten()
    count = int(own.sum())
    if len(firing) < count + NEAREST:
        raise ToolError(f"only {len(firing)} other features fire: choose fewer than {count} to test")
    generator = torch.Generator().manual_seed(seed)
    sets = []
    for _ in range(draws):
        free, chosen = firing[torch.randperm(len(firing), generator=generator)], torch.zeros_like(own)
        for feature in torch.nonzero(own).flatten().tolist():
            gaps = (active[free].log() - active[feature].clamp(min=1).log()).abs()
            near = gaps.topk(min(NEAREST, len(free)), largest=False).indices
            pick = int(near[torch.randint(len(near), (1,), generator=generator)])
            chosen[free[pick]] = 1
            free = torch.cat([free[:pick], free[pick + 1 :]])
        sets.append(chosen)
    return sets


def _contrast(target: "Target", found: Dictionary, which: str, kls: "Tensor") -> Contrast:
    plain, own, everything, *others = kls.mean(1).tolist()
    name, other, n = target.name, other_model(found, target).name, kls.shape[1]
    return Contrast(
        title=f"Features of {found.name} patched into {other}, run on in {name}: {which}",
        caveat="what the crosscoder leaves unexplained is not patched; the divergence is along the target's own answers",
        verdict=_verdict(name, other, plain, [plain - one for one in (own, everything, *others)]),
        unit=f"KL from {name}'s next tokens, nats a token",
        arms=(
            Arm(label=f"{other}'s stream", role="without", value=round(plain, 5), n=n),
            Arm(label="these features patched in", role="with", value=round(own, 5), n=n),
            Arm(label="all features patched in", role="with", value=round(everything, 5), n=n),
            Arm(
                label=f"as many others ({len(others)} draws, range)", role="control",
                value=round(sum(others) / len(others), 5), low=round(min(others), 5), high=round(max(others), 5), n=n,
            ),
        ),
        control_name=f"{len(others)} sets of as many other features that fire as often",
    )  # fmt: skip


def _verdict(name: str, other: str, plain: float, removed: list[float]) -> Verdict:
    """From the divergence as it is, and what the features, all of them, and each random set take away of it."""
    own, everything, *others = removed
    claim = f"these features bring {other} nearer to {name}'s answers than other features do"
    if plain < LEAST_KL:
        why = f"{other}'s stream leads to {name}'s answers already ({plain:.2g} nats a token apart): give prompts on which they differ"
        return _statistics.undecided(claim, why)
    usual_share = sum(others) / len(others)
    return _statistics.judge(
        claim,
        f"of {plain:.3g} nats a token all features take {everything:.3g} away, these {own:.3g}, random ones {usual_share:.3g}",
        _statistics.beyond_draws(own, others),
        causal=True,
        too_small=own - usual_share < LEAST_KL,
    )
