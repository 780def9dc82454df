"""Learning the reader of conclusions: a LoRA of the sentence encoder's upper layers and a linear head."""

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agent.embedding import Encoder
from agent.grounding.inference import ADAPTED, BELOW, RANK, SCALE, scores
from evals.answers.labelled import NOTHING, Labelled

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

EPOCHS, RATE, BATCH, DROPOUT, BLANK = 4, 1e-3, 16, 0.1, 0.3
"""`BLANK` is the share of claims that are hidden, so that the answer has to be read."""
HIDDEN = "the claim"


def fit(rows: Sequence[Labelled], encoder: Encoder, seed: int) -> dict[str, "Tensor"]:
    """What is learned from rows, in half precision: `a` and `b` of every adapted layer, and the head.

    Args:
        rows: what to learn from.
        encoder: the encoder whose upper layers are adapted; it stays as it is.
        seed: of first values, order and dropout.
    """
    import torch

    torch.manual_seed(seed)
    draw = random.Random(seed)
    layers, top = _trainable(encoder)
    weights = [w for part in (layers, top) for w in part.parameters() if w.requires_grad]
    seen, blank = (_beneath(rows, encoder, hide=hide) for hide in (False, True))
    steps = EPOCHS * -(-len(rows) // BATCH)
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    layers.train()
    for epoch in range(EPOCHS):
        for batch in _batches(rows, draw):
            hidden, there = _padded([(blank if draw.random() < BLANK else seen)[k] for k in batch])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                made = scores(layers, top, hidden, there)
            loss = _loss(made.float(), [rows[k] for k in batch])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            schedule.step()
        print(f"seed {seed}, {epoch + 1} of {EPOCHS} rounds", flush=True)
    return _learned(layers, top)


def _trainable(encoder: Encoder) -> tuple["Module", "Module"]:
    import torch

    layers = encoder.above(BELOW).requires_grad_(False)
    for layer in layers:
        for name in ADAPTED:
            parent, _, leaf = name.rpartition(".")
            setattr(layer.get_submodule(parent), leaf, _lora(layer.get_submodule(name)))
    width = layers[0].get_submodule("output.LayerNorm").weight.shape[0]
    top = torch.nn.Sequential(torch.nn.Dropout(DROPOUT), torch.nn.Linear(2 * width, NOTHING + 2))
    return layers, top


def _lora(linear: "Module") -> "Module":
    import torch

    class Lora(torch.nn.Module):
        def __init__(self, frozen: "Module") -> None:
            super().__init__()
            self.frozen = frozen
            out, into = frozen.weight.shape
            self.a = torch.nn.Parameter(torch.randn(RANK, into) / into**0.5)
            self.b = torch.nn.Parameter(torch.zeros(out, RANK))

        def forward(self, x: "Tensor") -> "Tensor":
            dropped = torch.nn.functional.dropout(x, DROPOUT, self.training)
            made: Tensor = self.frozen(x) + SCALE * (dropped @ self.a.T) @ self.b.T
            return made

    return Lora(linear)


def _learned(layers: "Module", top: "Module") -> dict[str, "Tensor"]:
    found = {
        f"{number}.{name}.{part}": getattr(layer.get_submodule(name), part).detach()
        for number, layer in enumerate(layers)
        for name in ADAPTED
        for part in ("a", "b")
    }
    linear = top[1]
    found |= {"head.weight": linear.weight.detach(), "head.bias": linear.bias.detach()}
    return {name: tensor.half() for name, tensor in found.items()}


def _beneath(rows: Sequence[Labelled], encoder: Encoder, *, hide: bool) -> list["Tensor"]:
    """What the lower layers, which do not change, make of every row (position, dimension), in half precision."""
    found = []
    for start in range(0, len(rows), BATCH):
        pairs = [(HIDDEN if hide else row.hypothesis, row.premise) for row in rows[start : start + BATCH]]
        hidden, there = encoder.beneath(pairs, BELOW)
        found += [one[: int(ends.sum())].half() for one, ends in zip(hidden, there, strict=True)]
    return found


def _padded(rows: Sequence["Tensor"]) -> tuple["Tensor", "Tensor"]:
    import torch

    hidden = torch.nn.utils.rnn.pad_sequence([row.float() for row in rows], batch_first=True)
    there = torch.nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True)
    return hidden, there


def _batches(rows: Sequence[Labelled], draw: random.Random) -> Iterator[list[int]]:
    """Rows of about the same length together, in another order each time."""
    order = sorted(range(len(rows)), key=lambda k: len(rows[k].premise) + 60 * draw.random())
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    draw.shuffle(batches)
    yield from batches


def _loss(made: "Tensor", rows: Sequence[Labelled]) -> "Tensor":
    """Cross-entropy of what a row may say, and of whether it speaks of a control where that is known."""
    import torch

    allowed = torch.tensor([row.says for row in rows])
    said = made[:, :-1].log_softmax(dim=-1).masked_fill(~allowed, -torch.inf).logsumexp(dim=-1)
    known = torch.tensor([row.control is not None for row in rows])
    control = torch.tensor([float(row.control or False) for row in rows])
    beside = torch.nn.functional.binary_cross_entropy_with_logits(made[known, -1], control[known], reduction="sum")
    loss: Tensor = -said.mean() + beside / max(int(known.sum()), 1)
    return loss
