"""The sentence encoder with a small adapter, and a head that gives every token a role.

Source: Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models (https://arxiv.org/abs/2106.09685).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from agent.understanding.tagging.roles import NUMBER, ROLES, allowed
from agent.understanding.tagging.spans import Span, quotations

RANK, SCALE, DROPPED = 8, 2.0, 0.05
MIDDLE = 3
"""The layer that is read beside the last one."""
HINT, QUOTE, HIDDEN = 32, 8, 256
"""Dimensions of the rules' reading, of "in quotes", and of the head."""
LONGEST = 256
"""Tokens of a tool's name and a message that are read."""
_NEVER = -1e4


class LowRank(nn.Module):
    """A linear map that stays as it is, and what is learned beside it."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self.base, self.drop = base, nn.Dropout(DROPPED)
        self.down = nn.Parameter(torch.randn(RANK, base.in_features) / base.in_features**0.5)  # rank input
        self.up = nn.Parameter(torch.zeros(base.out_features, RANK))  # output rank

    def forward(self, x: Any) -> Any:
        """Both, added (..., output)."""
        return self.base(x) + SCALE * functional.linear(functional.linear(self.drop(x), self.down), self.up)

    def folded(self) -> Any:
        """One linear map that does the same, for reading."""
        with torch.no_grad():
            self.base.weight += SCALE * self.up @ self.down
        return self.base


@dataclass(frozen=True)
class Tokens:
    """Tools and messages in tokens, all (message, token) where not said otherwise."""

    ids: Any
    mask: Any
    types: Any
    """1 where the message stands, 0 for the tool's name."""
    hints: Any
    """Roles by the rules."""
    quoted: Any
    """1 in quotations."""
    allowed: Any
    """Whether the tool has the role (message, role)."""
    offsets: list[list[tuple[int, int]]]
    """Where each token of the message begins and ends, (0, 0) for all others."""


class Tagger(nn.Module):
    """Gives every token of a message the chances of its roles."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel

        super().__init__()
        self.encoder = AutoModel.from_pretrained(str(folder), use_safetensors=True)
        self.encoder.pooler = None
        self.encoder.requires_grad_(False)
        for parent, name, linear in _linear(self.encoder.encoder):
            setattr(parent, name, LowRank(linear))
        width = 2 * self.encoder.config.hidden_size + HINT + QUOTE
        self.hint, self.quote = nn.Embedding(len(ROLES), HINT), nn.Embedding(2, QUOTE)
        self.head = nn.Sequential(
            nn.Dropout(0.1), nn.Linear(width, HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, len(ROLES))
        )

    def forward(self, tokens: Tokens) -> Any:
        """Scores (message, token, role)."""
        out = self.encoder(
            input_ids=tokens.ids,
            attention_mask=tokens.mask,
            token_type_ids=tokens.types,
            output_hidden_states=True,
        ).hidden_states
        seen = [out[-1].float(), out[MIDDLE].float(), self.hint(tokens.hints), self.quote(tokens.quoted)]
        return self.head(torch.cat(seen, -1)).float().masked_fill(~tokens.allowed[:, None], _NEVER)

    def learned_parameters(self) -> list[tuple[str, Any]]:
        """What is not the encoder's own, by name."""
        return [(name, value) for name, value in self.named_parameters() if value.requires_grad]

    def folded(self) -> "Tagger":
        """The same, with the adapter within the encoder's own weights: nothing beside them to compute, no longer to be trained."""
        for parent, name, one in _adapted(self.encoder):
            setattr(parent, name, one.folded())
        return self.eval()


def _linear(model: Any) -> Iterator[tuple[Any, str, Any]]:
    """Each linear map of a model: the module that holds it, its name there, itself."""
    yield from _held(model, nn.Linear)


def _adapted(model: Any) -> Iterator[tuple[Any, str, LowRank]]:
    yield from _held(model, LowRank)


def _held(model: Any, kind: type) -> list[tuple[Any, str, Any]]:
    found = [(name, one) for name, one in model.named_modules() if isinstance(one, kind)]
    return [(model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], one) for name, one in found]


@dataclass(frozen=True)
class Asked:
    """A message that asks for a tool."""

    tool: str
    said: str
    arguments: Sequence[str]
    """The arguments that the tool has."""
    hints: Sequence[Span] = ()
    """What the rules read."""


def tokens(tokenizer: Any, asked: Sequence[Asked]) -> Tokens:
    """Messages as the tagger sees them."""
    found = tokenizer(
        [one.tool.replace("_", " ") for one in asked],
        [one.said for one in asked],
        padding=True,
        truncation="only_second",
        max_length=LONGEST,
        return_tensors="pt",
        return_offsets_mapping=True,
    )
    types = found["token_type_ids"]
    offsets = [_offsets(row, own) for row, own in zip(found["offset_mapping"].tolist(), types.tolist(), strict=True)]
    hints = [roles_at(row, one.hints) for row, one in zip(offsets, asked, strict=True)]
    quoted = [_in_quotes(row, one.said) for row, one in zip(offsets, asked, strict=True)]
    return Tokens(
        ids=found["input_ids"],
        mask=found["attention_mask"],
        types=types,
        hints=torch.tensor(hints),
        quoted=torch.tensor(quoted),
        allowed=torch.tensor([allowed(one.arguments) for one in asked]),
        offsets=offsets,
    )


def roles_at(offsets: list[tuple[int, int]], spans: Sequence[Span]) -> list[int]:
    """The number of each token's role, that of no role where it has none (token)."""
    return [
        next((NUMBER.get(span.role, 0) for span in spans if end > start and span.within(start, end)), 0)
        for start, end in offsets
    ]


def _offsets(row: list[list[int]], types: list[int]) -> list[tuple[int, int]]:
    return [(start, end) if own else (0, 0) for (start, end), own in zip(row, types, strict=True)]


def _in_quotes(offsets: list[tuple[int, int]], said: str) -> list[int]:
    inside = list(quotations(said))
    return [int(end > start and any(a <= start and end <= z for a, z in inside)) for start, end in offsets]
