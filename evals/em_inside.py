"""Cosines between directions with their null, and the roles of rank-1 adapters with theirs."""

import statistics
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from evals.em_subjects import Adviser
from evals.result import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from tools._answer_means import Classes, Texts

LAYER, SAMPLES, SEED = 2, 240, 11
SHUFFLES = 20


def cosines(advisers: Sequence[Adviser]) -> Iterator[Metric]:
    """Between the directions of all pairs after layer 2, by what was read; the null has the labels of replies shuffled."""
    texts: tuple[Texts, ...] = ("identical", "own answers")
    for one in texts:
        pairs = [_classes(adviser, one) for adviser in advisers]
        own = _between([_gap(pair) for pair in pairs])
        dealt = [[_shuffled(pair, 1000 * n + draw) for n, pair in enumerate(pairs)] for draw in range(SHUFFLES)]
        null = [value for vectors in dealt for value in _between(vectors)]
        yield Metric(
            f"cosine between fine-tunes, {one} (median, range)",
            round(statistics.median(own), 4), len(own), min(own), max(own),
        )  # fmt: skip
        spread = sorted(null)
        yield Metric(
            f"the same with shuffled labels, {one} (median, 95 % range)",
            round(statistics.median(null), 4), len(null), spread[len(null) // 40], spread[-len(null) // 40],
        )  # fmt: skip


def _classes(one: Adviser, texts: "Texts") -> "Classes":
    from tools._answer_means import classes
    from tools._judge import Grammar
    from tools._misalignment import replies
    from tools._questions import questions

    model = one.load()
    asked = questions(model, "held out", SAMPLES, SEED, [one.truth.domain])
    own, usual = (replies(m, asked, Grammar(), seed=SEED + n) for n, m in enumerate((model, model.base)))
    return classes(model, model.base, own, usual, texts, "all" if texts == "identical" else "answer")


def _gap(pair: "Classes") -> "Tensor":
    import torch

    from tools._answer_means import gap

    return gap(pair, *(torch.ones(len(side)).bool() for side in (pair.misaligned, pair.aligned)))[LAYER]


def _shuffled(pair: "Classes", seed: int) -> "Tensor":
    """The difference after the labels of the replies were dealt anew."""
    import torch

    sums, counts = torch.cat([pair.misaligned, pair.aligned])[:, LAYER], torch.cat(pair.counts)
    order = torch.randperm(len(sums), generator=torch.Generator().manual_seed(seed))
    first, second = order[: len(pair.misaligned)], order[len(pair.misaligned) :]
    return sums[first].sum(0) / counts[first].sum() - sums[second].sum(0) / counts[second].sum()


def _between(vectors: "list[Tensor]") -> list[float]:
    import torch

    return [float(torch.nn.functional.cosine_similarity(a, b, 0)) for a, b in combinations(vectors, 2)]


def adapters(advisers: Sequence[Adviser]) -> Iterator[Metric]:
    """Of the rank-1 fine-tunes: do their ranks tell harmful replies in general, and the domain they were trained on?"""
    from tools.lora_scalars import crossed_auroc, each_auroc, fired, role_of, shuffled

    general, narrow, nulls, narrow_nulls, roles = [], [], [], [], []
    for one in advisers:
        found = fired(one.load(), SAMPLES, SEED)
        x, labels = found.general(one.truth.domain)
        inside, inside_labels = found.narrow(one.truth.domain)
        general.append(crossed_auroc(x, labels, SEED))
        narrow.append(crossed_auroc(inside, inside_labels, SEED))
        nulls += shuffled(x, labels, SEED)
        narrow_nulls += shuffled(inside, inside_labels, SEED)
        pairs = zip(each_auroc(x, labels), each_auroc(inside, inside_labels), strict=True)
        roles += [role_of(*both) for both in pairs]
    for name, values in (
        ("harmful against ordinary replies outside the domain", general),
        ("the same, shuffled labels", nulls),
        ("the domain against others, among harmful replies", narrow),
        ("the same of the domain, shuffled labels", narrow_nulls),
    ):
        middle = round(statistics.median(values), 4)
        yield Metric(
            f"ranks, cross-validated AUROC: {name} (median, range)", middle, len(values), min(values), max(values)
        )
    for role in ("general", "narrow", "neither"):
        yield Metric(f"rank-1 adapters that are {role}, of {len(roles)}", roles.count(role), len(roles))
