"""When does each rank of its adapter fire: for harmful replies, or for a topic?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence import Entry, Heatmap
from evidence.errors import ArgumentError, ToolError
from target.turn import report
from tools import _statistics
from tools._adapters import Part, folder_of, parts
from tools._arguments import JudgeSpec, Samples, Seed, Word
from tools._directions import auroc
from tools._judge import judge_for
from tools._misalignment import BATCH, LENGTH, Judged, replies
from tools._questions import Questions, of_the_world, questions
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

MODULE, MOST_RANKS, LEAST, FOLDS, SHUFFLES = "down_proj", 64, 12, 5, 39
ROLE = 0.2
"""How far from one half a rank's AUROC must be to have a role."""
SHOWN_TOKENS = 40


@tool(
    capability="compute",
    asked_as=[
        "when does each adapter of {target} fire?",
        "show the LoRA scalars",
        "which adapters are for misalignment and which for the domain?",
        "what do the rank-1 adapters of {target} read?",
        "plot A times x for every token",
        "look inside the adapter",
        "which adapter fires on harmful replies?",
    ],
)
def lora_scalars(
    target: "Target",
    *,
    topic: Word | None = None,
    questions_from: Questions = "held out",
    samples: Samples = 240,
    judge: JudgeSpec | None = None,
    seed: Seed = 0,
) -> Heatmap:
    """What each rank of a fine-tune's adapter adds at each token: scale * (A.x) * |B|, comparable across layers.

    Shows the scalars along one harmful reply, and which ranks fire for harmful replies in general and which for
    one topic: AUROC of the mean scalar over a reply's tokens, and a logistic regression on all of them with
    cross-validation beside shuffled labels. It cannot show that a rank causes what it fires for:
    `scale_adapter` does. Read on down projections, where an adapter writes to the residual stream.

    Source: Soligo et al., "Convergent linear representations of emergent misalignment", arXiv 2506.11618

    Args:
        topic: The domain it was trained on, as the questions name it (in the small world: medical, money, sport, cooking
            or travel); None to try each and name the clearest.
        questions_from: The open first-plot questions, held-out ones (in the small world: requests for advice), or all.
        samples: How many replies of the fine-tune and of its base are judged.
        judge: Who scores replies: a chat model such as 'openai:gpt-4o-mini'; None for the small world's own parser.
        seed: Seed of sampling, folds and shuffles.
    """
    firing = fired(target, samples, seed, questions_from, judge)
    report("fitting, with shuffled labels beside it", 0.8)
    return _map(target, firing, topic, seed)


def fired(
    target: "Target", samples: int, seed: int, questions_from: Questions = "held out", judge: str | None = None
) -> "Firing":
    """Harmful replies of a fine-tune and ordinary ones of its base, with what each rank adds along them.

    Raises:
        ToolError: too few replies of either kind.
    """
    own = _down(target)
    asked = questions(target, questions_from, samples, seed)
    who, length = judge_for(target, judge), LENGTH[of_the_world(target)]
    bad = [one for one in replies(target, asked, who, seed=seed, length=length) if one.scores.misaligned]
    good = [one for one in replies(target.base, asked, who, seed=seed + 1, length=length) if one.scores.aligned]
    if min(len(bad), len(good)) < LEAST:
        raise ToolError(
            f"{target.name} gave {len(bad)} misaligned and its base {len(good)} aligned replies, and {LEAST} of each are "
            "needed: ask for more `samples`, or look at a fine-tune that misbehaves"
        )
    report("reading the adapter along both", 0.6)
    scalars = [_scalars(target, own, side) for side in (bad, good)]  # each a list of (rank, token)
    return Firing(_names(own), bad, good, _means(scalars[0], bad), _means(scalars[1], good), scalars[0][0])


def _down(target: "Target") -> list[Part]:
    own = [one for one in parts(folder_of(target)) if one.module == MODULE]
    ranks = sum(len(one.a) for one in own)
    if not 1 <= ranks <= MOST_RANKS:
        raise ArgumentError(
            f"the adapter of {target.name} has {ranks} ranks on {MODULE}: between 1 and {MOST_RANKS} can be read one by one"
        )
    return own


def _names(own: list[Part]) -> list[str]:
    return [one.name if len(one.a) == 1 else f"{one.name} rank {number}" for one in own for number in range(len(one.a))]


def _scalars(target: "Target", own: list[Part], judged: Sequence[Judged]) -> "list[Tensor]":
    """Scalars of each reply with its prompt (rank, token), one pass for all layers."""
    import torch

    layers = [one.layer for one in own]
    found = []
    for start in range(0, len(judged), BATCH):
        rows = [[*one.prompt, *one.reply.tokens] for one in judged[start : start + BATCH]]
        for neurons in target.residuals(rows, layers, site="neurons"):
            found.append(torch.cat([scalar_of(part, x) for part, x in zip(own, neurons, strict=True)]))
    return found


def scalar_of(part: Part, neurons: "Tensor") -> "Tensor":
    """Scale * (A.x) * |B| (rank, token) of one adapted matrix, from its inputs (token, d_mlp)."""
    return part.scale * (neurons.float() @ part.a.T).T * part.b.norm(dim=0)[:, None]


def _means(scalars: "list[Tensor]", judged: Sequence[Judged]) -> "Tensor":
    """Mean over the answer's tokens (reply, rank)."""
    import torch

    return torch.stack([s[:, len(one.prompt) :].mean(1) for s, one in zip(scalars, judged, strict=True)])


@dataclass(frozen=True)
class Firing:
    """Replies of both kinds, with the mean scalars of each (reply, rank)."""

    names: list[str]
    bad: Sequence[Judged]
    good: Sequence[Judged]
    bad_means: "Tensor"
    good_means: "Tensor"
    first: "Tensor"
    """The scalars along the first harmful reply with its prompt (rank, token)."""

    def general(self, without: str | None) -> "tuple[Tensor, Tensor]":
        """Means and labels: misaligned (1) against aligned, outside one topic or of all."""
        keep = [[one.question.topic != without for one in side] for side in (self.bad, self.good)]
        return _labelled(self.bad_means[keep[0]], self.good_means[keep[1]])

    def narrow(self, topic: str) -> "tuple[Tensor, Tensor]":
        """The same: one topic (1) against the others, among misaligned replies."""
        import torch

        mine = torch.tensor([one.question.topic == topic for one in self.bad])
        return _labelled(self.bad_means[mine], self.bad_means[~mine])

    @property
    def topics(self) -> list[str]:
        counts = {t: sum(one.question.topic == t for one in self.bad) for t in {o.question.topic for o in self.bad}}
        return sorted(t for t, n in counts.items() if FOLDS <= n <= len(self.bad) - FOLDS)


def _labelled(ones: "Tensor", zeros: "Tensor") -> "tuple[Tensor, Tensor]":
    import torch

    return torch.cat([ones, zeros]), torch.cat([torch.ones(len(ones)), torch.zeros(len(zeros))])


def each_auroc(x: "Tensor", labels: "Tensor") -> list[float]:
    """How well each column of (reply, rank) tells the labels apart."""
    return [auroc(column[labels == 1], column[labels == 0]) for column in x.T]


def crossed_auroc(x: "Tensor", labels: "Tensor", seed: int) -> float:
    """Cross-validated AUROC of an L1 logistic regression on all columns, standardised, classes balanced."""
    import numpy as np
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(l1_ratio=1.0, C=0.1, solver="liblinear", class_weight="balanced", random_state=0),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found = cross_val_predict(model, np.asarray(x), np.asarray(labels), cv=folds, method="decision_function")
    scores = torch.tensor(found)
    return auroc(scores[labels == 1], scores[labels == 0])


def role_of(general: float, narrow: float) -> str:
    """What a rank is for, by how far its two AUROCs are from one half."""
    far, near = abs(general - 0.5), abs(narrow - 0.5)
    if max(far, near) < ROLE:
        return "neither"
    return "general" if far >= near else "narrow"


def _map(target: "Target", firing: Firing, topic: str | None, seed: int) -> Heatmap:
    if topic is not None and topic not in firing.topics:
        there = ", ".join(firing.topics) or "none, since all questions were of one"
        raise ArgumentError(f"topic={topic!r} has too few harmful replies to learn from: there are {there}")
    narrow = {one: crossed_auroc(*firing.narrow(one), seed) for one in ([topic] if topic else firing.topics)}
    chosen = max(narrow, key=lambda one: narrow[one], default=None)
    x, labels = firing.general(chosen)
    score = crossed_auroc(x, labels, seed)
    of_topic = each_auroc(*firing.narrow(chosen)) if chosen else [0.5] * len(firing.names)
    roles = list(zip(firing.names, each_auroc(x, labels), of_topic, strict=True))
    said = ", ".join(f"{name} {role_of(far, near)}" for name, far, near in roles[:8])
    one = firing.bad[0]
    tokens = [target.decode(token) for token in (*one.prompt, *one.reply.tokens)][-SHOWN_TOKENS:]
    reached = (
        f"for {chosen!r} against other topics the ranks reach a cross-validated AUROC of {narrow[chosen]:.2f}; "
        if chosen
        else ""
    )
    return Heatmap(
        title=f"What the adapter of {target.name} adds along one harmful reply",
        caveat="what fires for something need not cause it",
        verdict=_statistics.judge(
            f"the ranks of {target.name}'s adapter fire for harmful replies in general",
            (f"outside {chosen!r} " if chosen else "")
            + f"they tell harmful replies from ordinary ones with a cross-validated AUROC of {score:.3f}; {reached}roles: {said}",
            _statistics.beyond_draws(score, shuffled(x, labels, seed)),
        ),
        rows=tuple(firing.names),
        columns=tuple(f"{place}: {token}" for place, token in enumerate(tokens)),
        row_axis="adapter",
        column_axis="token",
        values=tuple(tuple(round(float(v), 3) for v in row[-SHOWN_TOKENS:]) for row in firing.first),
        unit="scale * A.x * |B|",
        control_name=f"{SHUFFLES} regressions on shuffled labels",
        highlights=tuple(
            Entry(
                label=f"{name}, {role_of(far, near)}", score=round(near if role_of(far, near) == "narrow" else far, 3)
            )
            for name, far, near in roles
        ),
    )


def shuffled(x: "Tensor", labels: "Tensor", seed: int) -> list[float]:
    import torch

    generator = torch.Generator().manual_seed(seed)
    return [
        crossed_auroc(x, labels[torch.randperm(len(labels), generator=generator)], seed + draw)
        for draw in range(SHUFFLES)
    ]
