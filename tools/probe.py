"""Can a property of the text be read linearly from the residual stream, and at which layer?"""

from typing import TYPE_CHECKING, Literal

from evidence import Curve, Line
from target.turn import report
from tools import _probes, _statistics
from tools._arguments import Layers, Name, Seed, Texts
from tools._directions import auroc
from tools._texts import balanced, labelled, rows
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

SHUFFLES = 5


@tool(
    capability="compute",
    asked_as=[
        'train a probe on "{text}"',
        "train a linear probe",
        "can you read from inside whether the text is about a living thing?",
        "probe the layers for {word}",
        "at which layer can this be read linearly?",
        "fit a classifier on the activations",
        "layer sweep with a probe",
        "is the property represented in the residual stream?",
    ],
)
def probe(
    target: "Target",
    prompts: Texts | None = None,
    other_prompts: Texts | None = None,
    *,
    texts: Name | None = None,
    layers: Layers | None = None,
    tokens: Literal["last", "all"] = "all",
    chat: bool = False,
    untrained_control: bool = True,
    name: Name = "probe",
    seed: Seed = 0,
) -> Curve:
    """Train a linear probe at every layer to tell two sets of texts apart, and keep the best one.

    Shows the cross-validated AUROC per layer with its interval, beside probes on shuffled labels and probes
    on a model of the same shape with untrained weights: what these reach comes from the words alone. It
    cannot show that the model uses what the probe reads.

    Source: Alain and Bengio, arXiv 1610.01644; Hewitt and Liang, arXiv 1909.03368 (controls)

    Args:
        prompts: Texts that have the property.
        other_prompts: Texts that lack it.
        texts: A named labelled set instead of your own: `living`, `voices` or `secrets`.
        layers: Which layers, 0-based; None for all.
        tokens: Mean over all tokens of a text, or its last one only.
        chat: Whether each text is a person's message, read up to where the assistant begins to answer.
        untrained_control: Whether to load untrained weights of the same shape as a second control.
        name: A name to find the probe again by.
        seed: Seed of the folds and the shuffles.
    """
    import torch

    positive, negative = balanced(*labelled(prompts, other_prompts, texts), seed)
    wanted = [target.check_layer(layer) for layer in layers] if layers else list(range(target.num_layers))
    ids = rows(target, positive + negative, chat=chat)
    report(f"reading {len(ids)} texts")
    pooled = pool(target, ids, wanted, tokens)  # layer text d_model
    labels = torch.tensor([1] * len(positive) + [0] * len(negative))
    scores = [
        _scored(x, labels, seed, f"layer {layer}", n / len(wanted))
        for n, (x, layer) in enumerate(zip(pooled, wanted, strict=True))
    ]
    own = [_auroc(one, labels) for one in scores]
    shuffled = [_mean_auroc(x, labels, seed) for x in pooled]
    best = max(range(len(own)), key=lambda i: (round(own[i], 3), -abs(i - len(own) / 2)))
    lines = [
        _with_interval(own, len(positive)),
        Line(label="shuffled labels", role="control", values=_rounded(shuffled)),
    ]
    if untrained_control:
        report("reading the same texts with untrained weights", 0.8)
        bare = pool(target.untrained, ids, wanted, tokens)
        reached = _rounded([_auroc(_probes.out_of_fold(x, labels, seed), labels) for x in bare])
        lines.append(Line(label="untrained weights", role="control", values=reached))
    brier, error = _probes.calibration(scores[best], labels)
    low, high = _probes.auroc_interval(own[best], len(positive), len(negative))
    test = _statistics.two_samples(
        scores[best][labels == 1].tolist(), scores[best][labels == 0].tolist(), tests=len(wanted)
    )
    artifact = _kept(target, name, wanted[best], pooled[best], labels, scores[best], seed, texts or "your texts")
    return Curve(
        title=f"Probe {name!r} on {target.name}",
        caveat="a probe shows what can be read, not what the model uses; what untrained weights reach comes from the words alone",
        verdict=_statistics.judge(
            f"the property can be read linearly after layer {wanted[best]} of {target.name}",
            f"AUROC {own[best]:.3f} (95 % interval {low:.3f} to {high:.3f}), shuffled labels {shuffled[best]:.3f}"
            + (f", untrained weights {lines[2].values[best]:.3f}" if untrained_control else "")
            + f", Brier score {brier:.3f}, calibration error {error:.3f}",
            test,
        ),
        artifacts=(artifact,),
        x_axis="after layer",
        x=tuple(str(layer) for layer in wanted),
        unit="cross-validated AUROC",
        lines=tuple(lines),
        control_name="shuffled labels and untrained weights" if untrained_control else "shuffled labels",
    )


def pool(target: "Target", ids: list[list[int]], layers: list[int], tokens: str) -> "Tensor":
    """One forward over all texts; a mean or last residual stream a text and layer (layer, text, d_model)."""
    import torch

    return torch.stack(
        [s[:, -1].float() if tokens == "last" else s[:, 1:].float().mean(1) for s in target.residuals(ids, layers)], 1
    )


def _scored(x: "Tensor", labels: "Tensor", seed: int, what: str, share: float) -> "Tensor":
    report(f"cross-validating at {what}", 0.2 + 0.6 * share)
    return _probes.out_of_fold(x, labels, seed)


def _auroc(scores: "Tensor", labels: "Tensor") -> float:
    return auroc(scores[labels == 1], scores[labels == 0])


def _mean_auroc(x: "Tensor", labels: "Tensor", seed: int) -> float:
    """Mean AUROC of probes that learn and are judged by shuffled labels."""
    import torch

    generator = torch.Generator().manual_seed(seed + 1)
    found = []
    for _ in range(SHUFFLES):
        mixed = labels[torch.randperm(len(labels), generator=generator)]
        found.append(_auroc(_probes.out_of_fold(x, mixed, seed), mixed))
    return sum(found) / len(found)


def _kept(  # type: ignore[no-untyped-def]
    target: "Target", name: str, layer: int, x: "Tensor", labels: "Tensor", scores: "Tensor", seed: int, about: str
):
    """The probe from all texts and its control on shuffled labels, stored."""
    import torch

    mixed = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed + 2))]
    fits = [_probes.fit(x, one) for one in (labels, mixed)]
    weights, bias = (torch.stack(parts) for parts in zip(*fits, strict=True))
    return _probes.keep(name, target, layer, weights, bias, scores[labels == 0], about)


def _with_interval(values: list[float], size: int) -> Line:
    intervals = [_probes.auroc_interval(value, size, size) for value in values]
    low, high = zip(*intervals, strict=True)
    return Line(label="probe", role="with", values=_rounded(values), low=_rounded(low), high=_rounded(high))


def _rounded(values) -> tuple[float, ...]:  # type: ignore[no-untyped-def]
    return tuple(round(v, 4) for v in values)
