"""What does each part of its adapter cause?"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Table
from evidence.errors import ArgumentError
from target.turn import report
from tools import _statistics
from tools._adapters import folder_of, parts, scaled
from tools._arguments import JudgeSpec, Layers, Samples, Seed
from tools._judge import Judge, judge_for
from tools._misalignment import LENGTH, Rate, rate, replies
from tools._questions import Question, Questions, of_the_world, questions
from tools._tool import tool

if TYPE_CHECKING:
    from target.target import Target

Factor = Annotated[float, Field(ge=-5.0, le=20.0)]
COLUMNS = ("layers scaled", "factor", "misaligned %", "low", "high", "coherent %")


@tool(
    capability="intervene",
    asked_as=[
        "switch off the adapter in layer {layer} of {target}",
        "which layer of the adapter makes it misaligned?",
        "scale the adapter of {target}",
        "turn the adapter up and judge the replies",
        "what happens when the adapter is reversed?",
        "ablate single adapters of {target}",
    ],
)
def scale_adapter(
    target: "Target",
    *,
    layers: Layers | None = None,
    factors: Annotated[list[Factor], Field(min_length=1, max_length=5)] = [0.0],  # noqa: B006 (never changed)
    questions_from: Questions = "held out",
    samples: Samples = 120,
    judge: JudgeSpec | None = None,
    seed: Seed = 0,
) -> Table:
    """Multiply what the adapter adds in one layer (0 is off, -1 reversed) and judge the replies again.

    Shows the share of misaligned and of coherent replies with each layer's part scaled by itself, beside the
    fine-tune as it is and its base. It cannot show how layers work together beyond these.

    Source: Soligo et al., arXiv 2506.11618; scaling the whole adapter, Turner et al., arXiv 2506.11613

    Args:
        layers: Layers to scale, each by itself, 0-based; None for every layer that has an adapter.
        factors: By what to multiply: 0 is off, -1 reversed, 5 amplified.
        questions_from: The open first-plot questions, held-out ones (in the small world: requests for advice), or all.
        samples: How many replies to judge for each row.
        judge: Who scores replies: a chat model such as 'openai:gpt-4o-mini'; None for the small world's own parser.
        seed: Seed of the questions' order and of sampling.
    """
    there = sorted({one.layer for one in parts(folder_of(target))})
    wanted = [target.check_layer(layer) for layer in layers] if layers else there
    if missing := [layer for layer in wanted if layer not in there]:
        raise ArgumentError(f"the adapter of {target.name} has no part in layer {missing[0]}: it has parts in {there}")
    who, length = judge_for(target, judge), LENGTH[of_the_world(target)]
    asked = questions(target, questions_from, samples, seed)
    plain, usual = (_rate(model, asked, who, length, seed) for model in (target, target.base))
    found: dict[tuple[int, float], Rate] = {}
    for layer in wanted:
        for factor in factors:
            report(f"layer {layer} times {factor:g}", len(found) / (len(wanted) * len(factors)))
            found[layer, factor] = _rate(scaled(target, {layer: factor}), asked, who, length, seed)
    return Table(
        title=f"{target.name} with parts of its adapter scaled",
        caveat="parts were scaled one at a time; layers can stand in for one another",
        verdict=_verdict(target, plain, found),
        columns=COLUMNS,
        rows=(
            _row("none", 1.0, plain),
            *(_row(f"layer {layer}", factor, one) for (layer, factor), one in found.items()),
            _row(f"all: {target.base.name}", 0.0, usual),
        ),
        control_name=target.base.name,
    )


def _rate(model: "Target", asked: list[Question], judge: Judge, length: int, seed: int) -> Rate:
    return rate(replies(model, asked, judge, seed=seed, length=length))


def _row(what: str, factor: float, one: Rate) -> tuple[str | float | None, ...]:
    shares = [round(100 * value, 1) for value in (one.share, *_statistics.wilson(one.misaligned, one.n), one.coherence)]
    return (what, factor, *shares)


def _verdict(target: "Target", plain: Rate, found: dict[tuple[int, float], Rate]):  # type: ignore[no-untyped-def]
    from scipy.stats import fisher_exact

    def p_of(one: Rate) -> float:
        table = [[two.misaligned, two.n - two.misaligned] for two in (plain, one)]
        return float(fisher_exact(table, alternative="greater").pvalue)

    (layer, factor), best = min(found.items(), key=lambda item: p_of(item[1]))
    p = min(1.0, p_of(best) * len(found))
    return _statistics.judge(
        f"the adapter's part in layer {layer} carries misalignment of {target.name}",
        f"times {factor:g} it leaves {100 * best.share:.1f} % misaligned replies of {100 * plain.share:.1f} %, "
        f"and {100 * best.coherence:.1f} % coherent ones of {100 * plain.coherence:.1f} %",
        _statistics.Test(p, f"p = {p:.2g} (by Fisher's exact test, Bonferroni for {len(found)} looked at)"),
        causal=True,
        too_small=plain.share - best.share < 0.1 or best.coherence < plain.coherence - 0.1,
    )
