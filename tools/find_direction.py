"""Which direction in the residual stream tells these texts from those?"""

from typing import TYPE_CHECKING, Literal

from evidence import Curve, Line
from evidence.errors import ArgumentError
from target.turn import report
from tools import _directions, _statistics
from tools._arguments import Layers, Name, Seed, Texts
from tools._texts import balanced, labelled, rows
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

Method = Literal["mean difference", "pca", "probe"]
SHUFFLES = 199


@tool(
    capability="compute",
    asked_as=[
        "find the direction for {text}",
        "find a direction between these prompts",
        "which direction separates living things from others?",
        'find the direction of the text set "{text}"',
        "make a direction from difference of means",
        "compute a steering vector",
        "find the careless direction",
        "extract the difference of means direction",
        "learn a direction from examples",
    ],
)
def find_direction(
    target: "Target",
    prompts: Texts | None = None,
    other_prompts: Texts | None = None,
    *,
    texts: Name | None = None,
    layers: Layers | None = None,
    tokens: Literal["last", "all"] = "all",
    method: Method = "mean difference",
    chat: bool = False,
    name: Name = "direction",
    seed: Seed = 0,
) -> Curve:
    """Find the direction that separates two sets of texts at every layer, and keep it for other tools.

    Shows, per layer, how well the direction found on one half of the texts separates the other half
    (AUROC), beside directions found the same way after shuffling the labels. It cannot show that the
    model uses the direction: ablate it or steer with it to learn that.

    Source: difference of means as in Soligo et al., arXiv 2506.11618; classes equalised, per layer

    Args:
        prompts: Texts that have the property.
        other_prompts: Texts that lack it.
        texts: A named labelled set instead of your own: `living`, `voices` or `secrets`.
        layers: Which layers, 0-based; None for all.
        tokens: Mean over all tokens of a text, or its last one only.
        method: Difference of the class means; first principal component of the pooled texts; or a logistic probe's weights.
        chat: Whether each text is a person's message, read up to where the assistant begins to answer.
        name: A name to find it again by.
        seed: Seed of the halves and the shuffles.
    """
    import torch

    positive, negative = balanced(*labelled(prompts, other_prompts, texts), seed)
    wanted = [target.check_layer(layer) for layer in layers] if layers else list(range(target.num_layers))
    report(f"reading {2 * len(positive)} texts")
    streams = target.residuals(rows(target, positive + negative, chat=chat), wanted)
    pooled = torch.stack([_pooled(stream, tokens) for stream in streams], 1)  # layer text d_model
    size = len(positive)
    report("finding the direction and its shuffled controls", 0.6)
    labels = torch.tensor([1] * size + [0] * size)
    held = _halves(size, seed)
    own = [_held_out(x, labels, held, method) for x in pooled]
    shuffled = _shuffled(pooled, labels, held, seed)
    best = max(range(len(own)), key=lambda i: (round(own[i], 3), -abs(i - len(own) / 2)))  # of equals, the most central
    test = _statistics.beyond_best(own[best], [max(draw) for draw in shuffled])
    vectors, centres = _whole(target, pooled, labels, wanted, method)
    return Curve(
        title=f"Direction {name!r} in {target.name}",
        caveat="a direction that separates texts need not be one the model uses; shuffled directions are differences of means",
        verdict=_statistics.judge(
            f"a direction at layer {wanted[best]} of {target.name} separates the texts",
            f"it separates held-out texts with AUROC {own[best]:.3f}",
            test,
        ),
        artifacts=(_directions.keep(name, target, vectors, centres, wanted[best]),),
        x_axis="after layer",
        x=tuple(str(layer) for layer in wanted),
        unit="AUROC on held-out texts",
        lines=(Line(label=method, role="with", values=tuple(round(v, 4) for v in own)), _control(shuffled)),
        control_name="shuffled labels",
    )


def _pooled(stream: "Tensor", tokens: str) -> "Tensor":
    return stream[:, -1].float() if tokens == "last" else stream[:, 1:].float().mean(1)  # not the first: it is the bos


def _halves(size: int, seed: int) -> "Tensor":
    """Which rows are held out: half of each class (row)."""
    import torch

    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    held = torch.zeros(size, dtype=torch.bool)
    held[order[: size // 2]] = True
    return torch.cat([held, held])


def _held_out(x: "Tensor", labels: "Tensor", held: "Tensor", method: Method) -> float:
    """AUROC on the held-out rows (row, d_model) of a direction found on the others."""
    direction = direction_of(x[~held], labels[~held], method)
    return _directions.separation(x[held & (labels == 1)], x[held & (labels == 0)], direction)


def direction_of(x: "Tensor", labels: "Tensor", method: Method = "mean difference") -> "Tensor":
    """The direction (d_model) from rows (row, d_model) labelled 0 and 1; it points towards 1."""
    import torch

    gap = x[labels == 1].mean(0) - x[labels == 0].mean(0)
    if method == "mean difference":
        return gap
    if method == "pca":
        component = torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[0]
        return component * torch.sign(component @ gap) * gap.norm()
    if method == "probe":
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=0.05, solver="liblinear", random_state=0).fit(x.numpy(), labels.numpy())
        weights = torch.tensor(fitted.coef_[0], dtype=torch.float32)
        return weights / weights.norm() * gap.norm()
    raise ArgumentError(f"method={method!r} is not known")


def _shuffled(pooled: "Tensor", labels: "Tensor", held: "Tensor", seed: int) -> list[list[float]]:
    """AUROC by draw and layer of differences of means after shuffling the labels within each half."""
    import torch

    generator = torch.Generator().manual_seed(seed + 1)
    draws = []
    for _ in range(SHUFFLES):
        mixed = labels.clone()
        for half in (held, ~held):
            own = labels[half]
            mixed[half] = own[torch.randperm(len(own), generator=generator)]
        draws.append([_held_out(x, mixed, held, "mean difference") for x in pooled])
    return draws


def _whole(
    target: "Target", pooled: "Tensor", labels: "Tensor", wanted: list[int], method: Method
) -> "tuple[Tensor, Tensor]":
    """The direction from all texts (layer, d_model), and the mean coefficient of the negative class (layer)."""
    import torch

    vectors, centres = torch.zeros(target.num_layers, target.d_model), torch.zeros(target.num_layers)
    for x, layer in zip(pooled, wanted, strict=True):
        vectors[layer] = direction_of(x, labels, method)
        centres[layer] = (x[labels == 0] @ (vectors[layer] / vectors[layer].norm())).mean()
    return vectors, centres


def _control(shuffled: list[list[float]]) -> Line:
    """Median and 95 % range of the shuffled directions, layer by layer."""
    columns = [sorted(column) for column in zip(*shuffled, strict=True)]
    at = lambda share: tuple(round(column[int(share * (len(column) - 1))], 4) for column in columns)  # noqa: E731
    return Line(
        label="shuffled labels, median and 95 % range", role="control", values=at(0.5), low=at(0.025), high=at(0.975)
    )
