"""Which features did a fine-tune add?"""

from typing import TYPE_CHECKING

from evidence import Table, Verdict
from evidence.errors import ArgumentError, ToolError
from target.turn import report
from tools import _own_text, _statistics
from tools._arguments import DictionaryRef, Seed, Texts, TopK
from tools._crosscoder import other_model, other_of
from tools._dictionary import Dictionary
from tools._dictionary_contexts import best_context
from tools._dictionary_formats import load
from tools._dictionary_streams import streams
from tools._latent_scaling import LatentScaling, Scaling, kinds, most_own, relative_norms
from tools._sae import usual
from tools._tool import tool
from tools.sae_features import checked_fvu

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

TOKENS = 12_000
"""Of the target's own text, where none is given."""
LEAST = 8
"""Features of either kind that are compared at least."""
_BATCH = 64


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
    found = load(dictionary or usual(target, "crosscoder"), target)
    if not found.sources:
        raise ArgumentError(f"{found.name} reads one model: name a crosscoder, such as one `train_dictionary` made")
    rows = [target.encode(text) for text in prompts] if prompts else _own_text.rows(target, None, TOKENS, seed)[0]
    scaling, fvu = measured(found, target, rows)
    norms = relative_norms(found, other_of(found))
    return _table(target, found, norms, scaling, fvu, k)


def measured(found: Dictionary, target: "Target", rows: list[list[int]]) -> tuple[Scaling, float]:
    """Latent scaling on the texts, and the share of variance the crosscoder leaves unexplained."""
    import torch

    adding, first = LatentScaling(found), None
    for start in range(0, len(rows), _BATCH):
        report("measuring how strongly each model has each feature", start / len(rows))
        x = torch.cat(streams(found, target, rows[start : start + _BATCH]))
        first = x if first is None else first
        adding.add(x)
    assert first is not None
    return adding.finish(other_of(found)), checked_fvu(found, first, target.name)


def _table(target: "Target", found: Dictionary, norms: "Tensor", scaling: Scaling, fvu: float, k: int) -> Table:
    kind = kinds(norms, scaling)
    other = other_model(found, target).name
    called = [n for n, one in enumerate(kind) if one in {"specific", "complete shrinkage", "latent decoupling"}]
    own = [n for n in called if kind[n] == "specific"]
    shared = [n for n, one in enumerate(kind) if one == "shared"]
    nearest = [n for n in most_own(scaling) if n not in called][: k if not own else 0]
    false = [n for n in called if kind[n] != "specific"]
    shown = dict.fromkeys([*_most(own, scaling, k), *_most(false, scaling, k), *nearest, *_most(shared, scaling, 3)])
    if not shown:
        raise ToolError(f"no feature of {found.name} fires often enough on {scaling.seen} tokens: give more text")
    rows = [_row(target, found, n, kind[n], norms, scaling) for n in shown]
    return Table(
        title=f"Features of {found.name} that are {target.name}'s own, beside {other}",
        caveat="a feature's context is a guess at its meaning; features that fire too rarely to tell are left out"
        + ("" if own else f"; none is {target.name}'s own, shown are those that come nearest"),
        verdict=_verdict(target.name, other, own, called, shared, scaling, fvu),
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


def _verdict(
    name: str, other: str, own: list[int], called: list[int], shared: list[int], scaling: Scaling, fvu: float
) -> Verdict:
    claim = f"{name} has features that {other} lacks"
    why = (
        f"{fvu:.3f} of the variance is left unexplained; {len(called)} features are {name}'s own by their decoder, "
        f"{len(own)} of them still after latent scaling"
    )
    nearest = own or most_own(scaling)[:LEAST]
    if len(shared) < LEAST or len(nearest) < (1 if own else LEAST):
        return _statistics.undecided(claim, why)
    values = [[-float(scaling.nu_error[n]) for n in some] for some in (nearest, shared)]
    test = _statistics.two_samples(*values)
    return _statistics.judge(claim, why, test, subject=str(own[0]) if own else None, too_small=not own)
