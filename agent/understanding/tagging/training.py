"""The loop that trains the tagger."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from agent.embedding import minilm_folder
from agent.understanding.tagging.network import Asked, Tagger, roles_at, tokens
from agent.understanding.tagging.varying import Labelled
from evidence.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

    Random = np.random.Generator

_NOT_COUNTED = -100
_CHARACTERS = 4
"""Characters of a token, about: messages of a like length are trained on together."""


@dataclass(frozen=True)
class Schedule:
    """How much is learned at a step: messages of a batch, step sizes of adapter and head, and how they rise and fall."""

    batch: int
    rate: float
    head_rate: float
    decay: float
    warm: float
    longest_step: float


Ask = Callable[[Sequence[Labelled]], Iterator[tuple[Asked, Labelled]]]
"""Messages as they are asked and as they should be read, each time in other forms."""


def trained(passes: Sequence[Sequence[Labelled]], ask: Ask, plan: Schedule, random: "Random") -> Tagger:
    """A tagger after passes over labelled messages.

    Raises:
        ModelError: the encoder is not here.
    """
    from transformers import AutoTokenizer

    folder = minilm_folder()
    if folder is None:
        raise ModelError("the minilm embedding is not installed: run `make setup`")
    tokenizer, tagger = AutoTokenizer.from_pretrained(str(folder)), Tagger(folder).train()
    steps = _Steps(tagger, plan, sum(-(-len(one) // plan.batch) for one in passes))
    for messages in passes:
        made = list(ask(messages))
        for batch in _batches([len(one.said) // _CHARACTERS for one, _ in made], plan.batch, random):
            steps.take(_loss(tagger, tokenizer, [made[number] for number in batch]))
    return tagger.eval()


class _Steps:
    """Optimiser and schedule of one training."""

    def __init__(self, tagger: Tagger, plan: Schedule, total: int) -> None:
        adapter = [value for name, value in tagger.learned_parameters() if name.startswith("encoder")]
        head = [value for name, value in tagger.learned_parameters() if not name.startswith("encoder")]
        self._all, self._longest = [*adapter, *head], plan.longest_step
        groups = [{"params": adapter, "lr": plan.rate}, {"params": head, "lr": plan.head_rate}]
        self._optimiser = torch.optim.AdamW(groups, weight_decay=plan.decay)
        self._rates = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, [plan.rate, plan.head_rate], total_steps=total, pct_start=plan.warm
        )

    def take(self, loss: Any) -> None:
        """One step down a loss."""
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._all, self._longest)
        self._optimiser.step()
        self._rates.step()


def _loss(tagger: Tagger, tokenizer: Any, batch: Sequence[tuple[Asked, Labelled]]) -> Any:
    """The mean surprise at the roles of the messages' tokens, in nats."""
    seen = tokens(tokenizer, [one for one, _ in batch])
    right = torch.tensor([roles_at(row, wanted.spans) for row, (_, wanted) in zip(seen.offsets, batch, strict=True)])
    counted = torch.tensor([[end > start for start, end in row] for row in seen.offsets])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = tagger(seen)  # message token role
    wanted = right.masked_fill(~counted, _NOT_COUNTED)
    return functional.cross_entropy(scores.float().flatten(0, 1), wanted.flatten(), ignore_index=_NOT_COUNTED)


def _batches(lengths: Sequence[int], size: int, random: "Random") -> list[list[int]]:
    """Numbers of messages of like lengths, in random order."""
    jittered = [length + random.random() * _CHARACTERS for length in lengths]
    order = sorted(range(len(lengths)), key=lambda number: jittered[number])
    parts = [order[at : at + size] for at in range(0, len(order), size)]
    return [parts[number] for number in random.permutation(len(parts))]
