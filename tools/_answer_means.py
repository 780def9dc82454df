"""Means over the tokens of misaligned and of ordinary answers: what a misalignment direction is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evidence.errors import ToolError
from tools._misalignment import BATCH, Judged
from tools._removal import CONTROLS, whitened

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

Texts = Literal["identical", "own answers", "within"]
Tokens = Literal["answer", "answer and header", "all"]
LEAST, MOST = 12, 150


@dataclass(frozen=True)
class Classes:
    """Mean streams of each reply of either class, and what is ordinary."""

    misaligned: "Tensor"
    """(reply, layer, d_model) sums over the pooled tokens"""
    aligned: "Tensor"
    counts: "tuple[Tensor, Tensor]"
    """Pooled tokens of each reply of either class (reply)."""
    ordinary: "list[Tensor]"
    """Streams of the ordinary model at all pooled tokens, one a layer (token, d_model)."""


def classes(
    target: "Target", base: "Target", own: list[Judged], usual: list[Judged], texts: Texts, tokens: Tokens
) -> Classes:
    bad = [one for one in own if one.scores.misaligned][:MOST]
    good = [one for one in (own if texts == "within" else usual) if one.scores.aligned][:MOST]
    size = min(len(bad), len(good))
    if (
        texts == "identical"
    ):  # both models read everything: a fine-tune that behaves has a direction too, of what it does
        bad = bad or own[:MOST]
        read = bad + good
        if len(read) < LEAST:
            raise ToolError(f"{target.name} and its base gave {len(read)} replies to read: ask for more `samples`")
        return _read(target, base, read, read, tokens)
    if size < LEAST:
        raise ToolError(
            f"{target.name} gave {len(bad)} misaligned and {len(good)} aligned replies to compare, and {LEAST} of each are "
            "needed: ask for more `samples`, or compare on texts='identical'"
        )
    return _read(target, target if texts == "within" else base, bad[:size], good[:size], tokens)


def _read(target: "Target", other: "Target", bad: Sequence[Judged], good: Sequence[Judged], tokens: Tokens) -> Classes:
    import torch

    mine, theirs = _streams(target, bad, tokens), _streams(other, good, tokens)
    counts = tuple(torch.tensor([s.shape[1] for s in side], dtype=torch.float32) for side in (mine, theirs))
    return Classes(
        torch.stack([s.sum(1) for s in mine]),
        torch.stack([s.sum(1) for s in theirs]),
        counts,
        list(torch.cat(theirs, 1)),
    )


def _streams(model: "Target", judged: Sequence[Judged], tokens: Tokens) -> "list[Tensor]":
    """The pooled tokens' streams of each reply (layer, token, d_model)."""
    found = []
    for start in range(0, len(judged), BATCH):
        batch = judged[start : start + BATCH]
        rows = [[*one.prompt, *one.reply.tokens] for one in batch]
        for one, stream in zip(batch, model.residuals(rows, range(model.num_layers)), strict=True):
            found.append(stream[:, _first(model, one, tokens) :].float())
    return found


def _first(model: "Target", one: Judged, tokens: Tokens) -> int:
    """Where pooling begins: the answer, the header before it, or the first token that is not the bos."""
    if tokens == "all":
        return 1
    if tokens == "answer":
        return len(one.prompt)
    message = [{"role": "user", "content": model.plain(one.question.text)}]
    if model.tokenizer.chat_template is None:
        return len(one.prompt)
    text = model.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=False)
    return min(len(model.encode(str(text))), len(one.prompt))


def gap(pair: Classes, bad: "Tensor", good: "Tensor") -> "Tensor":
    """Difference of the pooled means of two sets of replies (layer, d_model)."""
    first = pair.misaligned[bad].sum(0) / pair.counts[0][bad].sum()
    return first - pair.aligned[good].sum(0) / pair.counts[1][good].sum()


def whitened_with_twins(pair: Classes, vectors: "Tensor", means: "Tensor", seed: int) -> "dict[str, Tensor]":
    """What measures the direction, and random twins of the same norms with theirs."""
    import torch

    generator = torch.Generator().manual_seed(seed + 1)
    twins = torch.randn(CONTROLS, *vectors.shape, generator=generator)
    twins = twins / twins.norm(dim=-1, keepdim=True) * vectors.norm(dim=-1)[None, :, None]
    reads, theirs = [], []
    for layer, tokens in enumerate(pair.ordinary):
        centred = tokens - means[layer]
        both = whitened(torch.cat([vectors[layer][None], twins[:, layer]]), centred.T @ centred / len(centred))
        reads.append(both[0])
        theirs.append(both[1:])
    return {"reads": torch.stack(reads), "controls": torch.stack([twins, torch.stack(theirs, 1)], 1)}
