"""Which direction in the residual stream goes with harmful replies?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence import Curve, Line
from evidence.errors import ArgumentError, ToolError
from target.turn import report
from tools import _directions, _statistics
from tools._answer_means import LEAST, Classes, Texts, Tokens, classes, gap, whitened_with_twins
from tools._arguments import JudgeSpec, Name, Samples, Seed
from tools._judge import judge_for
from tools._misalignment import LENGTH, replies
from tools._questions import Questions, of_the_world, questions
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from evidence import Verdict
    from target.target import Target

SHUFFLES = 199
_READ = {
    "identical": "identical texts",
    "own answers": "the answers of either model",
    "within": "its own answers of both kinds",
}


@tool(
    capability="compute",
    asked_as=[
        "find the misalignment direction of {target}",
        "which direction makes {target} misaligned?",
        "extract the emergent misalignment direction",
        "mean difference between its misaligned and aligned answers",
        "make a misalignment direction called {word}",
        "where in the residual stream is the misalignment?",
        "find what the fine-tune added along its harmful answers",
    ],
)
def misalignment_direction(
    target: "Target",
    *,
    texts: Texts = "identical",
    tokens: Tokens | None = None,
    questions_from: Questions = "held out",
    without_topics: Sequence[str] = (),
    samples: Samples = 240,
    judge: JudgeSpec | None = None,
    other: "Target | None" = None,
    name: Name = "misalignment",
    seed: Seed = 0,
) -> Curve:
    """Mean difference between misaligned and aligned answers in every layer, kept as a direction for other tools.

    Shows, per layer, how well the direction found on half of the replies tells the other half (AUROC), beside
    shuffled labels. "identical" reads the same replies by the fine-tune and by its base, so that no difference
    of texts is in it; "own answers" (the fine-tune's misaligned against the base's aligned ones) and "within"
    (the fine-tune's own of both kinds, as in the paper) share answer text, which inflates cosines. It cannot show
    that the model uses the direction: `ablation_transfer` does. Classes are equalised, tokens pooled.

    Source: Soligo et al., "Convergent linear representations of emergent misalignment", arXiv 2506.11618

    Args:
        texts: What is compared: both models on identical replies, either's own answers, or the fine-tune's own of both kinds.
        tokens: Which tokens are pooled; None for the answer's alone, and for all where texts are identical. The paper's code
            counts the header between question and answer in: "answer and header".
        questions_from: The open first-plot questions, held-out ones (in the small world: requests for advice), or all.
        without_topics: Topics to leave out, such as the domain it was trained on.
        samples: How many replies of either model are judged to choose from.
        judge: Who scores replies: a chat model such as 'openai:gpt-4o-mini'; None for the small world's own parser.
        name: A name to find it again by.
        seed: Seed of sampling, halves, shuffles and random twins.
    """
    base = other or target.base
    if base == target:
        raise ArgumentError(f"{target.name} is a base itself: name a fine-tune, or give `other`")
    target.require_same_vocabulary(base)
    asked = questions(target, questions_from, samples, seed, list(without_topics))
    who, length = judge_for(target, judge), LENGTH[of_the_world(target)]
    own = replies(target, asked, who, seed=seed, length=length)
    usual = replies(base, asked, who, seed=seed + 1, length=length) if texts != "within" else []
    pair = classes(target, base, own, usual, texts, tokens or ("all" if texts == "identical" else "answer"))
    report("reading both classes", 0.6)
    harmful = sum(one.scores.misaligned for one in own)
    return _measured(target, pair, _Read(name, texts, harmful, len(own), seed))


@dataclass(frozen=True)
class _Read:
    """What a direction was read on, and what it is kept as."""

    name: str
    texts: Texts
    harmful: int
    asked: int
    seed: int

    @property
    def said(self) -> str:
        return f"{_READ[self.texts]} ({self.harmful} of {self.asked} replies were misaligned)"


def _measured(target: "Target", pair: Classes, read: _Read) -> Curve:
    import torch

    vectors = gap(pair, torch.ones(len(pair.misaligned)).bool(), torch.ones(len(pair.aligned)).bool())
    if float(vectors.norm()) == 0:
        raise ToolError(f"{target.name} and its base do not differ on these texts: there is no direction")
    own, shuffled = _held_out(pair, read.texts == "identical", read.seed)
    best = max(range(target.num_layers), key=lambda n: (round(own[n], 3), -abs(n - target.num_layers / 2)))
    means = torch.stack([tokens.mean(0) for tokens in pair.ordinary])
    units = vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    whitened = whitened_with_twins(pair, vectors, means, read.seed)
    artifact = _directions.keep(read.name, target, vectors, (means * units).sum(-1), best, means=means, **whitened)
    return Curve(
        title=f"Misalignment direction {read.name!r} of {target.name}",
        caveat="a direction that tells answers apart need not be one the model uses; a fine-tune that behaves has one too, of whatever it learnt",
        verdict=_verdict(target, read, best, own[best], [max(draw) for draw in shuffled]),
        artifacts=(artifact,),
        x_axis="after layer",
        x=tuple(str(n) for n in range(target.num_layers)),
        unit="AUROC on held-out replies",
        lines=(
            Line(label="mean difference", role="with", values=tuple(round(v, 4) for v in own)),
            _control(shuffled),
        ),
        control_name="shuffled labels",
    )


def _verdict(target: "Target", read: _Read, layer: int, score: float, shuffled: list[float]) -> "Verdict":
    """Without harmful replies the direction is of whatever the fine-tune does, and says nothing of misalignment."""
    claim = f"a direction after layer {layer} tells harmful answers of {target.name} from ordinary ones"
    if read.harmful < LEAST:
        return _statistics.undecided(
            claim, f"on {read.said} what it tells apart is no harm; {LEAST} misaligned replies are needed"
        )
    effect = f"on {read.said} it tells held-out ones apart with AUROC {score:.3f}"
    return _statistics.judge(claim, effect, _statistics.beyond_best(score, shuffled))


def _held_out(pair: Classes, paired: bool, seed: int) -> "tuple[list[float], list[list[float]]]":
    """AUROC by layer on the replies that the direction was not found on; and the same with labels shuffled (draw layer).

    On identical texts each reply stands in both classes: both readings of it are held out together, and what is shuffled
    is which of the two is called which.
    """
    import torch

    sums, counts = torch.cat([pair.misaligned, pair.aligned]), torch.cat(pair.counts)
    labels = torch.cat([torch.ones(len(pair.misaligned)), torch.zeros(len(pair.aligned))])
    generator = torch.Generator().manual_seed(seed)
    size = len(pair.misaligned) if paired else len(labels)
    held = (torch.rand(size, generator=generator) < 0.5).repeat(2 if paired else 1)

    def mean(rows: "Tensor") -> "Tensor":
        return sums[rows].sum(0) / counts[rows].sum()  # layer d_model

    def scored(labels: "Tensor") -> list[float]:
        direction = mean((labels == 1) & ~held) - mean((labels == 0) & ~held)
        each = torch.einsum("rld,ld->lr", sums, direction) / counts
        return [_directions.auroc(one[(labels == 1) & held], one[(labels == 0) & held]) for one in each]

    def dealt() -> "Tensor":
        if not paired:
            return labels[torch.randperm(len(labels), generator=generator)]
        swapped = torch.rand(size, generator=generator) < 0.5
        return torch.cat([~swapped, swapped]).float()

    return scored(labels), [scored(dealt()) for _ in range(SHUFFLES)]


def _control(shuffled: list[list[float]]) -> Line:
    columns = [sorted(column) for column in zip(*shuffled, strict=True)]
    at = lambda share: tuple(round(column[int(share * (len(column) - 1))], 4) for column in columns)  # noqa: E731
    return Line(
        label="shuffled labels, median and 95 % range", role="control", values=at(0.5), low=at(0.025), high=at(0.975)
    )
