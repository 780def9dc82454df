"""What an answer says of a claim, and whether it speaks of a control: natural-language inference by a small adapter.

Every writer concludes in words that no list has. The sentence encoder that ships reads the claim and the answer as one text;
a LoRA of its upper layers and a linear head say what the answer concludes. They were learned from answers by many writers and
the same answers with the conclusion turned or the control left out (`evals/answers/inferring.py`), and ship as
`inference.safetensors`. Without the encoder that they were learned with, and of very short answers, the words of `words.yaml` decide.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from agent.embedding import MINILM_SHA256, Encoder, best_available, embedding, through
from agent.grounding.conclusions import Outcome

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Linear, Module

FILE = Path(__file__).with_name("inference.safetensors")
OUTCOMES: tuple[Outcome, ...] = ("supported", "not supported", "inconclusive")
"""What the head's first outputs stand for; after them comes "concludes nothing", then "speaks of a control"."""
BELOW, RANK, SCALE = 3, 8, 2.0
"""Layers that stay as they are; rank and scale of the LoRA in those above."""
ADAPTED = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


@dataclass(frozen=True)
class Reading:
    """Probabilities that an answer concludes this or that of a claim, and that it speaks of a control."""

    outcomes: Mapping[Outcome, float]
    control: float

    @property
    def concludes(self) -> float:
        return sum(self.outcomes.values())


class Reader:
    """The encoder with what was learned put into its upper layers."""

    def __init__(self, encoder: Encoder, learned: Sequence[Mapping[str, "Tensor"]]) -> None:
        self._encoder = encoder
        self._learned = [(adapted(encoder, tensors), head(tensors)) for tensors in learned]

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        """Pairs of a hypothesis and a premise (`agent/grounding/premise.py`), read."""
        import torch

        if not pairs:
            return []
        hidden, there = self._encoder.beneath(pairs, BELOW)
        with torch.no_grad():
            made = [scores(layers, top, hidden, there) for layers, top in self._learned]
            said = torch.stack([one[:, :-1].softmax(dim=-1) for one in made]).mean(dim=0)
            control = torch.stack([one[:, -1].sigmoid() for one in made]).mean(dim=0)
        return [
            Reading(dict(zip(OUTCOMES, row, strict=False)), beside)
            for row, beside in zip(said.tolist(), control.tolist(), strict=True)
        ]


def scores(layers: "Module", top: "Module", hidden: "Tensor", there: "Tensor") -> "Tensor":
    """Of every pair the three outcomes, nothing, and a control (pair, 5), before they become probabilities."""
    import torch

    for layer in layers:
        hidden = through(layer, hidden, there)
    weight = there[..., None].to(hidden.dtype)
    mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1)
    found: Tensor = top(torch.cat([hidden[:, 0], mean], dim=-1))
    return found


def adapted(encoder: Encoder, tensors: Mapping[str, "Tensor"]) -> "Module":
    """The upper layers with W + scale * B A in place of W."""
    import torch

    layers = encoder.above(BELOW)
    with torch.no_grad():
        for number, layer in enumerate(layers):
            for name in ADAPTED:
                linear = layer.get_submodule(name)
                linear.weight += SCALE * tensors[f"{number}.{name}.b"].float() @ tensors[f"{number}.{name}.a"].float()
    return layers.eval()


def head(tensors: Mapping[str, "Tensor"]) -> "Linear":
    """The linear map on the first position and the mean of all."""
    import torch

    weight = tensors["head.weight"].float()
    made = torch.nn.Linear(weight.shape[1], weight.shape[0])
    made.load_state_dict({"weight": weight, "bias": tensors["head.bias"].float()})
    return made


@cache
def reader() -> Reader | None:
    """The one that ships, or None where the encoder is not here or what it reads is prepared otherwise than when it was learned."""
    from safetensors import safe_open

    if best_available() != "minilm" or not FILE.exists():
        return None
    with safe_open(FILE, framework="pt") as stored:
        if stored.metadata().get("reads") != reads():
            return None
        found: dict[str, dict[str, Tensor]] = {}
        for key in stored.keys():  # noqa: SIM118 - no mapping
            member, _, name = key.partition(":")
            found.setdefault(member, {})[name] = stored.get_tensor(key)
    encoder = embedding("minilm")
    assert isinstance(encoder, Encoder)
    return Reader(encoder, list(found.values()))


def reads() -> str:
    """A digest of what it reads with: the encoder, and how texts are prepared."""
    prepared = Path(__file__).with_name("premise.py").read_bytes()
    return hashlib.sha256(MINILM_SHA256.encode() + prepared).hexdigest()
