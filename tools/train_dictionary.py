"""Which dictionary describes what goes on after a layer of this model?"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Curve, Line, artifacts
from evidence.errors import ArgumentError
from tools import _own_text, _statistics
from tools._arguments import Layer, Name, Seed
from tools._dictionary_quality import WORST_FVU
from tools._dictionary_streams import streams
from tools._dictionary_training import CROSSCODERS, Architecture, Learnt, Plan, learn
from tools._dictionary_untrained import untrained
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target
    from tools._dictionary import Dictionary

JUDGED = 500
"""Held-out positions whose errors are compared."""
FAR = 1.5
"""How many times more or fewer features a token than were asked for are told of."""


@tool(
    capability="train",
    asked_as=[
        "train an SAE on layer {layer}",
        "train a Matryoshka SAE of {target}",
        "train a crosscoder between {target} and its base",
        "make a sparse dictionary for this model",
        "build an ITDA at layer {layer}",
        "learn a BatchTopK dictionary on the file {text}",
        "train a TopK sparse autoencoder with 1024 latents",
        "train a JumpReLU SAE and call it {word}",
    ],
)
def train_dictionary(
    target: "Target",
    *,
    architecture: Architecture = "batchtopk",
    layer: Layer | None = None,
    other: "Target | None" = None,
    texts: Annotated[str, Field(min_length=1, max_length=1000)] | None = None,
    tokens: Annotated[int, Field(ge=2_500, le=100_000_000)] = 60_000,
    d_sae: Annotated[int, Field(ge=8, le=262_144)] | None = None,
    k: Annotated[int, Field(ge=1, le=1000)] = 12,
    steps: Annotated[int, Field(ge=1, le=1_000_000)] = 800,
    batch_rows: Annotated[int, Field(ge=16, le=65_536)] = 512,
    learning_rate: Annotated[float, Field(gt=0.0, le=0.1)] = 2e-3,
    threshold: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3,
    low_precision: bool = False,
    name: Name = "dictionary",
    seed: Seed = 0,
) -> Curve:
    """Train a sparse dictionary of a layer; the `sae_*` tools take it by its name from then on.

    Shows the share of variance unexplained while it learns, and on held-out text what is left unexplained, how many
    features fire, how many never do, and how much of the model's cross-entropy survives when it reads the
    reconstruction. A training that was stopped goes on where it was when the same is asked for again. It cannot
    show that features mean anything: look them up, label them, steer with them.

    Source: Bussmann et al., arXiv 2412.06410 (BatchTopK) and 2503.17547 (Matryoshka); Gao et al., arXiv 2406.04093
        (TopK); Rajamanoharan et al., arXiv 2407.14435 (JumpReLU); Minder et al., arXiv 2504.02922 (crosscoders);
        Leask et al., arXiv 2505.17769 (ITDA)

    Args:
        architecture: `matryoshka` is nested; `crosscoder` reads the target and `other` at once, `l1_crosscoder` is
            its cautionary twin; `itda` trains nothing and takes activations themselves as features.
        layer: The residual stream after which layer, 0-based; None for a middle one.
        other: The model a crosscoder compares the target with; None for the target's base.
        texts: A file on this machine, a text a line, or JSON lines with a `text`; None for what the target writes.
        tokens: How many tokens of text at most, a tenth of which is held out.
        d_sae: How many features; None for eight times the width. An ITDA has as many as it needs.
        k: Features that fire at a token, on average.
        steps: How many batches to train on.
        batch_rows: Tokens in a batch.
        learning_rate: The highest rate; it rises at first and falls over the last fifth.
        threshold: Of an ITDA: the share of an activation unexplained above which it becomes a feature.
        low_precision: Whether to multiply matrices in bfloat16.
        name: A name to find the dictionary again by.
        seed: Seed of first weights, of the order of the data, and of what the target writes.
    """
    artifacts.check_name(name)
    models = _models(target, architecture, other)
    place = target.num_layers // 2 if layer is None else target.check_layer(layer)
    plan = Plan(
        architecture=architecture,
        layer=models[0].check_layer(place),
        models=models,
        d_sae=_size(target, d_sae, k),
        k=k,
        steps=steps,
        batch_rows=batch_rows,
        learning_rate=learning_rate,
        threshold=threshold,
        low_precision=low_precision,
        seed=seed,
    )
    seen, held_out = _own_text.rows(target, texts, tokens, seed)
    learnt = learn(plan, seen, held_out, name)
    return _curve(plan, learnt, held_out, sum(map(len, seen)) - len(seen))


def _models(target: "Target", architecture: Architecture, other: "Target | None") -> "list[Target]":
    if architecture not in CROSSCODERS:
        if other is not None:
            raise ArgumentError(f"a {architecture} reads one model: leave `other` out, or ask for a crosscoder")
        return [target]
    beside = other or target.base
    if beside == target:
        raise ArgumentError(
            f"a crosscoder reads two models: name a fine-tune instead of {target.name}, or give `other`"
        )
    target.require_same_vocabulary(beside)
    return [beside, target]


def _size(target: "Target", d_sae: int | None, k: int) -> int:
    size = d_sae or 8 * target.d_model
    if k >= size:
        raise ArgumentError(f"k={k} is not sparse: it must be below the number of features, {size}")
    return size


def _curve(plan: Plan, learnt: Learnt, held_out: _own_text.Rows, tokens: int) -> Curve:
    found, of = learnt.quality, learnt.dictionary
    x = _judged(of, plan.target, held_out)
    bare = untrained(of, x, found.l0, plan.seed)
    steps = [(0, 1.0), *learnt.history] if learnt.history else [(0, 1.0), (tokens, found.fvu)]
    name, pursued = learnt.artifact.name, plan.architecture == "itda"
    return Curve(
        title=f"Training {name!r}, {plan.architecture} with {of.d_sae} features, on {plan.target.name} after layer {of.layer}",
        caveat=f"on {found.tokens} held-out tokens; what features mean, and whether the model uses them, is not shown",
        verdict=_statistics.judge(
            f"{name!r} describes {' and '.join(one.name for one in plan.models)} after layer {of.layer}",
            f"{found.dead:.3f} of the features never fire; reading the reconstruction the model keeps "
            f"{found.recovered:.3f} of what its cross-entropy loses without the layer; {1 - found.fvu:.3f} of the variance "
            f"is explained by {found.l0:.1f} features a token on average{_shortfall(plan, found.l0)}",
            _statistics.two_samples(_explained(of, x), _explained(bare, x)),
            too_small=found.fvu > WORST_FVU,
        ),
        artifacts=(learnt.artifact,),
        x_axis="tokens visited" if pursued else "step",
        x=tuple(str(step) for step, _ in steps),
        unit="share of variance unexplained",
        lines=(
            Line(label="while it learns", role="with", values=tuple(round(value, 4) for _, value in steps)),
            Line(label="on held-out text, at the end", role="with", values=(round(found.fvu, 4),) * len(steps)),
            Line(label="untrained", role="control", values=(round(bare.fvu(x), 4),) * len(steps)),
        ),
        control_name=f"{of.d_sae} random directions, {'pursued' if pursued else 'chosen'} the same way",
    )


def _shortfall(plan: Plan, l0: float) -> str:
    """What is to be said where it keeps far more or fewer features than it was asked to."""
    if plan.architecture == "itda" or 1 / FAR < l0 / plan.k < FAR:
        return ""
    return f", where {plan.k} were asked for: train it longer, or on more text"


def _judged(dictionary: "Dictionary", target: "Target", held_out: _own_text.Rows) -> "Tensor":
    """Some held-out activations (token, d_in)."""
    import torch

    rows, count = [], 0
    for row in held_out:
        rows.append(row)
        count += len(row) - 1
        if count >= JUDGED:
            break
    return torch.cat(streams(dictionary, target, rows))


def _explained(dictionary: "Dictionary", x: "Tensor") -> list[float]:
    """How much of the mean variance is explained at each activation (token): 1 all of it, below 0 worse than the mean."""
    error = (x - dictionary.reconstruct(x)).square().sum(-1)
    return (1 - error / (x - x.mean(0)).square().sum(-1).mean()).tolist()
