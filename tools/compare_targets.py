"""What did a fine-tune change, and where?"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from evidence import Table
from evidence.errors import ArgumentError
from target.turn import report
from tools import _statistics
from tools._arguments import NewTokens, Seed, Texts, TopK
from tools._measure import LEAST_KL, kl
from tools._texts import generic, rows
from tools._tool import tool
from tools.layer_similarity import shared_atoms

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

UNRELATED = 40
SHOWN = 3
COLUMNS = (
    "where",
    "difference of streams (share of norm)",
    "on unrelated prompts",
    "cosine of the mean differences",
    "weights moved (share of norm)",
    "difference lens",
)
ITDA_COLUMNS = ("ITDA overlap", "its floor")


@tool(
    capability="compute",
    asked_as=[
        "compare {target} with its base in detail",
        "diff the two models",
        "what did the fine-tune change?",
        "where do the models differ inside?",
        "model diffing between {target} and the base",
        "how far is {target} from the base?",
        "which layers did the fine-tuning change?",
        "KL divergence between target and base",
    ],
)
def compare_targets(
    target: "Target",
    prompts: Texts,
    *,
    other: "Target | None" = None,
    chat: bool = True,
    k: TopK = 5,
    max_new_tokens: NewTokens = 24,
    itda: bool = False,
    seed: Seed = 0,
) -> Table:
    """Compare a fine-tune with its base on some prompts, against how much they differ anyway.

    Shows the divergence per token of the target's own replies, the layers at which the residual streams
    part and in which direction (decoded by the lens), how far each layer's weights moved, and a few replies
    side by side. The control are unrelated prompts: a fine-tune differs a little everywhere. It cannot show why.

    Source: activation difference lens, Minder et al., arXiv 2510.13900; weight differences are of adapters merged

    Args:
        prompts: Messages on which the two may differ.
        chat: Whether the prompts are a person's messages.
        k: How many tokens of the difference lens to show.
        max_new_tokens: Length of the replies along which the divergence is measured.
        itda: Whether to show also which share of its ITDA atoms each layer has in common with the other model's, beside
            the share where one model's activations are shuffled (see `layer_similarity`).
        seed: Seed of the unrelated prompts.
    """
    if other is not None and other.name == target.name:
        raise ArgumentError(
            f"these are the same model: the target and `other` are both {target.name}; name another, "
            "or leave `other` out to compare with the base"
        )
    base = other or target.base
    if base.name == target.name:
        raise ArgumentError(f"{target.name} is a base itself: name a fine-tune, or give `other`")
    target.require_same_vocabulary(base)
    if target.num_layers != base.num_layers:
        raise ArgumentError(f"{target.name} and {base.name} differ in depth: compare models of one shape")
    report("replying with both")
    ids = rows(target, prompts, chat=chat)
    own = _Side(target, base, ids, max_new_tokens)
    report("replying to unrelated prompts", 0.4)
    control = _unrelated(target, base, chat, max_new_tokens, seed)
    mean, usual = _mean(own.divergence), _mean(control.divergence)
    report("comparing inside", 0.8)
    moved = target.weight_change(base)
    table = [_row(target, layer, own, control, moved, k) for layer in range(target.num_layers)]
    if itda:
        pairs = zip(table, shared_atoms(target, base, None, seed).own_layers, strict=True)
        table = [(*row, *(round(value, 4) for value in both)) for row, both in pairs]
    said = base.generate(ids[:SHOWN], max_new_tokens=max_new_tokens)
    for prompt, mine, theirs in zip(prompts, own.replies, said, strict=False):
        both = f"{mine[:80]} | {base.name}: {theirs.text[:80]}"
        table.append((f"“{prompt[:60]}”", None, None, None, None, both, *([None, None] if itda else [])))
    return Table(
        title=f"{target.name} against {base.name} on {len(ids)} prompts",
        caveat="a difference is not yet a reason; unrelated prompts say how much the two differ anyway",
        verdict=_statistics.judge(
            f"{target.name} departs from {base.name} on these prompts more than on unrelated ones",
            f"mean divergence a token is {mean:.3g} nats, on unrelated prompts {usual:.3g}",
            _statistics.two_samples(own.divergence, control.divergence),
            too_small=mean < LEAST_KL,
        ),
        columns=COLUMNS + (ITDA_COLUMNS if itda else ()),
        rows=tuple(table),
        control_name=f"{UNRELATED} unrelated prompts",
    )


class _Side:
    """Both models on one set of prompts: divergence along the target's own replies, and both residual streams."""

    def __init__(self, target: "Target", base: "Target", ids: list[list[int]], length: int) -> None:
        import torch

        said = target.generate(ids, max_new_tokens=length)
        self.replies = [one.text for one in said]
        whole = [[*row, *one.tokens] for row, one in zip(ids, said, strict=True)]
        layers = range(target.num_layers)
        mine, theirs = target.residuals(whole, layers), base.residuals(whole, layers)
        starts = [len(row) - 1 for row in ids]
        self.divergence = [
            float(kl(_log(target, a[-1, s:]), _log(base, b[-1, s:])).mean())
            for a, b, s in zip(mine, theirs, starts, strict=True)
        ]
        gaps = [(a[:, s:] - b[:, s:]).float() for a, b, s in zip(mine, theirs, starts, strict=True)]
        self.difference = torch.stack([gap.mean(1) for gap in gaps]).mean(0)  # layer d_model
        norms = torch.stack([b[:, s:].float().norm(dim=-1).mean(1) for b, s in zip(theirs, starts, strict=True)]).mean(
            0
        )
        self.share = torch.stack([gap.norm(dim=-1).mean(1) for gap in gaps]).mean(0) / norms  # layer


@lru_cache(maxsize=128)
def _unrelated(target: "Target", base: "Target", chat: bool, length: int, seed: int) -> _Side:
    """The control does not depend on what was asked: measured once for two models."""
    return _Side(target, base, rows(target, generic(target, UNRELATED, seed, chat=chat), chat=chat), length)


def _row(
    target: "Target", layer: int, own: _Side, control: _Side, moved: "Tensor | None", k: int
) -> tuple[str | float | None, ...]:
    a, b = own.difference[layer], control.difference[layer]
    lens = target.unembed(a[None])[0].float().topk(k).indices.tolist()
    return (
        f"layer {layer}",
        round(float(own.share[layer]), 4),
        round(float(control.share[layer]), 4),
        round(float(a @ b / (a.norm() * b.norm() + 1e-9)), 4),
        round(float(moved[layer]), 5) if moved is not None else None,
        ", ".join(target.decode(token) for token in lens),
    )


def _log(model: "Target", stream: "Tensor") -> "Tensor":
    return model.unembed(stream).float().log_softmax(-1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
