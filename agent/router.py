"""What does a person want? Routing by meaning over declared examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agent.embedding import Embedding, embedding
from agent.slots import STAND_INS, Slots, parse

NAMED = 0.15
"""What calling a technique by its name adds to its similarity."""
FITS = 0.25
"""What it adds that the person gave exactly what a technique needs."""
SURE, UNSURE, MARGIN = 0.58, 0.42, 0.02
"""Similarity above which the guide acts, below which it says it cannot, and the lead one intent needs over the next."""


@dataclass(frozen=True)
class Route:
    """Which intent an utterance has, how near it is, and what came second."""

    intent: str
    score: float
    second: str
    second_score: float
    slots: Slots
    named: bool = False
    """Whether the technique is called by its name."""

    @property
    def sure(self) -> bool:
        return self.score >= SURE and self.score - self.second_score >= MARGIN

    @property
    def hopeless(self) -> bool:
        return self.score < UNSURE


class Router:
    """Nearest declared example wins."""

    def __init__(self, embed: Embedding) -> None:
        self._embed = embed
        self._intents, texts = [], []
        for intent, examples in _examples().items():
            for example in examples:
                self._intents.append(intent)
                texts.append(_stand_in(example))
        self._vectors = embed(texts)  # example dimension

    def route(self, utterance: str, targets: Sequence[str]) -> Route:
        """The best intent of an utterance, and the arguments in it."""
        slots, plain = parse(utterance, targets)
        near = self._vectors @ self._embed([plain])[0]  # example
        best: dict[str, float] = {}
        named = {intent for intent in self._intents if _names(plain, intent)}
        for intent, score in zip(self._intents, near.tolist(), strict=True):
            best[intent] = max(score + NAMED * (intent in named), best.get(intent, -1.0))
        for intent in fitting(slots, utterance):
            best[intent] += FITS
        (first, top), (second, next_best) = sorted(best.items(), key=lambda item: -item[1])[:2]
        return Route(first, top, second, next_best, slots, first in named)


@cache
def router(embedding_name: str) -> Router:
    """The router of an embedding; its examples are embedded once."""
    return Router(embedding(embedding_name))


def fitting(slots: Slots, said: str) -> tuple[str, ...]:
    """The techniques that what was given is made for: a feature's number, two prompts with their answers, a text for a probe."""
    if slots.feature is not None:
        return ("sae_lookup", "sae_steer", "sae_ablate")
    if len(slots.texts) >= 4:
        return ("patch_activations", "attribute")
    if slots.evidence and not slots.texts and "probe" not in said.lower():
        return ("compare_directions",) if len(slots.evidence) > 1 else ("steer", "ablate_direction")
    if "probe" in said.lower():
        return ("apply_probe",) if len(slots.texts) == 1 or slots.evidence else ("probe",)
    if slots.texts and slots.words:
        return ("direct_logit_attribution", "ablate_component", "logit_lens")
    return ()


def _names(utterance: str, intent: str) -> bool:
    """Whether the technique is called by its name, in any form of its words."""
    said = utterance.lower()
    return ("_" in intent and all(word[:6] in said for word in intent.split("_"))) or (
        intent in _ONE_WORD and intent in said
    )


_ONE_WORD = ("patchscope", "probe", "steer")
"""Names of one word that mean nothing else in a conversation of this kind."""


def _stand_in(example: str) -> str:
    for slot, words in STAND_INS.items():
        example = example.replace(f'"{slot}"', words).replace(slot, words)
    return example


def _examples() -> dict[str, list[str]]:
    import yaml

    from tools import TOOLS

    talk: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "intents.yaml").read_text(encoding="utf-8"))
    tools = {
        name: [*tool.asked_as, name.replace("_", " "), tool.summary, tool.question] for name, tool in TOOLS.items()
    }
    return tools | talk
