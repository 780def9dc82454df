"""Which features did a fine-tune add?"""

from typing import TYPE_CHECKING

from evidence import Table, Verdict
from evidence.errors import ToolError
from tools import _statistics
from tools._arguments import DictionaryRef, Seed, Texts, TopK
from tools._crosscoder import Measured, measured, other_model, other_of
from tools._dictionary import Dictionary
from tools._dictionary_contexts import best_context
from tools._dictionary_formats import load_crosscoder
from tools._latent_scaling import Scaling, kinds, most_own, relative_norms
from tools._own_text import given_or_own
from tools._sae import usual
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

TOKENS = 12_000
"""Of the target's own text, where none is given."""
OWN = ("specific", "complete shrinkage", "latent decoupling")
"""The kinds of features that the decoder calls the target's own; the last two are not."""
LEAST = 8
"""Shared features to compare with at least, and how many of those nearest to own are judged where none is."""


@tool(
    capability="compute",
    asked_as=[
        "what did chat tuning add?",
        "which features are specific to {target}?",
        "what is new in {target} compared with its base?",
        "list the fine-tune-specific latents",
        "which latents exist only in the tuned model?",
        "diff the two models with a crosscoder",
        "what concepts did the fine-tuning introduce?",
        "which crosscoder features does only {target} have?",
    ],
)
def crosscoder_diff(
    target: "Target",
    *,
    dictionary: DictionaryRef | None = None,
    prompts: Texts | None = None,
    k: TopK = 8,
    seed: Seed = 0,
) -> Table:
    """List the features of a crosscoder that only the target has, after checking that the crosscoder does not lie.

    Shows for each feature that the decoder calls the target's own how strongly the other model has it all the same
    (latent scaling): on the error, which tells a feature shrunk away from the other decoder, and on the
    reconstruction, which tells one that other features write there; and in what context it fires most. It cannot show
    that a feature matters for what the target says: `crosscoder_patch` does.

    Source: Minder et al., arXiv 2504.02922 (latent scaling); Lindsey et al. (2024), "Sparse Crosscoders"

    Args:
        dictionary: A crosscoder that reads the target; None for the one that ships, if one does.
        prompts: Texts to measure on; None for what the target writes itself.
        k: How many features of each kind to show.
        seed: Seed of what the target writes.
    """
    found = load_crosscoder(dictionary or usual(target, "crosscoder"), target)
    return _table(target, found, measured(found, target, given_or_own(target, prompts, TOKENS, seed)), k)


def _table(target: "Target", found: Dictionary, seen: Measured, k: int) -> Table:
    norms, scaling = relative_norms(found, other_of(found)), seen.scaling
    kind = kinds(norms, scaling)
    other = other_model(found, target).name
    own, false, shared = _of(kind, "specific"), _of(kind, *OWN[1:]), _of(kind, "shared")
    nearest = [n for n in most_own(scaling) if kind[n] not in OWN][: k if not own else 0]
    shown = dict.fromkeys([*_most(own, scaling, k), *_most(false, scaling, k), *nearest, *_most(shared, scaling, 3)])
    if not shown:
        raise ToolError(f"no feature of {found.name} fires often enough on {scaling.seen} tokens: give more text")
    rows = [_row(target, found, n, kind[n], norms, scaling) for n in shown]
    return Table(
        title=f"Features of {found.name} that are {target.name}'s own, beside {other}",
        caveat="a feature's context is a guess at its meaning; features that fire too rarely to tell are left out"
        + ("" if own else f"; none is {target.name}'s own, shown are those that come nearest"),
        verdict=_verdict(target.name, other, norms, kind, seen),
        columns=(
            "feature",
            "kind",
            "decoder norm",
            "nu (error)",
            "nu (reconstruction)",
            "fires on",
            "strongest context",
        ),
        rows=tuple(rows),
        control_name=f"{len(shared)} shared features, of which {min(3, len(shared))} are shown last",
        highlights=tuple(range(len(_most(own, scaling, k)))),
    )


def _of(kind: list[str], *names: str) -> list[int]:
    """The features of some kinds."""
    return [n for n, one in enumerate(kind) if one in names]


def _most(latents: list[int], scaling: Scaling, k: int) -> list[int]:
    """Those that fire most."""
    return sorted(latents, key=lambda n: -int(scaling.active[n]))[:k]


def _row(
    target: "Target", found: Dictionary, n: int, kind: str, norms: "Tensor", scaling: Scaling
) -> tuple[str | float | None, ...]:
    return (
        f"feature {n}",
        kind,
        round(float(norms[n]), 3),
        round(float(scaling.nu_error[n]), 3),
        round(float(scaling.nu_reconstruction[n]), 3),
        round(int(scaling.active[n]) / scaling.seen, 5),
        best_context(target, found, n),
    )


def _verdict(name: str, other: str, norms: "Tensor", kind: list[str], seen: Measured) -> Verdict:
    """Features are chosen on one half of the texts and judged on the other: else the lowest ratios would speak for themselves."""
    claim, found = f"{name} has features that {other} lacks", _of(kind, "specific")
    why = (
        f"{seen.unexplained:.3f} of the variance is left unexplained; {len(_of(kind, *OWN))} features are {name}'s own "
        f"by their decoder, {len(found)} of them still after latent scaling"
    )
    choosing, judging = seen.halves
    on_one = kinds(norms, choosing)
    chosen = _of(on_one, "specific") or most_own(choosing)[:LEAST]
    shared = [n for n in _of(on_one, "shared") if n not in chosen]
    own, others = ([nu for n in some if (nu := float(judging.nu_error[n])) == nu] for some in (chosen, shared))
    if not own or len(others) < LEAST:
        return _statistics.undecided(claim, why)
    why += f"; {len(own)} chosen on one half of the texts have on the other a mean nu of {sum(own) / len(own):.3f}"
    subject = str(found[0]) if found else None
    return _statistics.judge(
        claim, why, _statistics.two_samples(own, others, smaller=True), subject=subject, too_small=not found
    )
