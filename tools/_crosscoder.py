"""What a crosscoder's latents do: the other model's stream with some latents' decoder differences added, run on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target.turn import report
from tools._dictionary_quality import Replaced, checked_fvu, replaced
from tools._dictionary_streams import batches, models_of, streams
from tools._latent_scaling import LatentScaling, Scaling
from tools._measure import kl

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target
    from tools._dictionary import Dictionary

_BATCH = 32


@dataclass(frozen=True)
class Text:
    """Token ids, and where the answer in them begins."""

    ids: tuple[int, ...]
    start: int


def other_of(crosscoder: "Dictionary") -> int:
    """The model a crosscoder compares the target with."""
    return 1 - crosscoder.source


@dataclass(frozen=True)
class Measured:
    """How strongly each model has each latent on some texts."""

    scaling: Scaling
    halves: tuple[Scaling, Scaling]
    """The same on every other text and on those between: to choose latents on the one and judge them on the other."""
    unexplained: float
    """Share of variance."""


def measured(crosscoder: "Dictionary", target: "Target", rows: Sequence[Sequence[int]]) -> Measured:
    """Latent scaling on texts, each its token ids.

    Raises:
        ToolError: the crosscoder leaves too much of these texts unexplained.
    """
    import torch

    halves, first, other = (LatentScaling(crosscoder), LatentScaling(crosscoder)), None, other_of(crosscoder)
    for some in batches(crosscoder, target, rows, "measuring how strongly each model has each feature"):
        first = torch.cat(some) if first is None else first
        for half, texts in zip(halves, (some[::2], some[1::2]), strict=True):
            if texts:
                half.add(torch.cat(texts))
    assert first is not None
    parts = (halves[0].finish(other), halves[1].finish(other))
    halves[0].join(halves[1])
    return Measured(halves[0].finish(other), parts, checked_fvu(crosscoder, first, target.name))


def answered(target: "Target", prompts: Sequence[Sequence[int]], length: int) -> list[Text]:
    """Prompts with the target's own greedy answers, without those that say nothing."""
    said = target.generate(prompts, max_new_tokens=length)
    both = zip(prompts, said, strict=True)
    return [Text((*prompt, *one.tokens), len(prompt)) for prompt, one in both if one.tokens]


def divergences(
    crosscoder: "Dictionary",
    target: "Target",
    texts: Sequence[Text],
    sets: "Sequence[Tensor]",
    first: int | None = None,
) -> "Tensor":
    """KL from the target's own next tokens when it runs on from the other model's stream with latents patched in.

        h = h_other + sum over a set of f_j (d_j of the target - d_j of the other)

    Args:
        crosscoder: Of two models.
        target: The model under study, in which the rest of the layers run.
        texts: Answers are measured, a token at a time.
        sets: Which latents are patched in, each (latent) bool; none is the other model's stream as it is.
        first: Only so many tokens of each answer; None for all.

    Returns:
        Mean nats a token of each text under each set (set, text).

    Source: Minder et al. (arXiv 2504.02922), section 3.2
    """
    import torch

    found = torch.zeros(len(sets), len(texts))
    difference = _difference(crosscoder)
    for begin in range(0, len(texts), _BATCH):
        batch = list(texts[begin : begin + _BATCH])
        report("patching latents into the other model's stream", begin / len(texts))
        read = streams(crosscoder, target, [text.ids for text in batch])
        features = [crosscoder.encode(one) for one in read]
        theirs = [crosscoder.by_source(one)[:, other_of(crosscoder)] for one in read]
        own = _after(target, batch, [], first)
        for number, chosen in enumerate(sets):
            patched = [h + (f * chosen) @ difference for h, f in zip(theirs, features, strict=True)]
            changed = _after(target, batch, [replaced(crosscoder.layer, patched)], first)
            found[number, begin : begin + len(batch)] = torch.tensor(
                [float(kl(a, b).mean()) for a, b in zip(own, changed, strict=True)]
            )
    return found


def other_model(crosscoder: "Dictionary", target: "Target") -> "Target":
    """The model the target is compared with."""
    return models_of(crosscoder, target)[other_of(crosscoder)]


def _difference(crosscoder: "Dictionary") -> "Tensor":
    """What a latent writes more in the target than in the other model (latent, d_model)."""
    rows = crosscoder.by_source(crosscoder.W_dec)
    return rows[:, crosscoder.source] - rows[:, other_of(crosscoder)]


def _after(target: "Target", texts: Sequence[Text], changes: "Sequence[Replaced]", first: int | None) -> "list[Tensor]":
    """Log probabilities (token, vocab) before each token of the answers."""
    last = target.residuals([text.ids for text in texts], [target.num_layers - 1], changes)
    answers = [s[0, text.start - 1 : -1][:first] for s, text in zip(last, texts, strict=True)]
    return [target.unembed(answer).float().log_softmax(-1) for answer in answers]
