"""What does a person want? Routing by meaning over declared examples, and typed parsing of the arguments."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agent.embedding import Embedding, embedding

_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)|`([^`]+)`")
_LAYERS = re.compile(r"\blayers?\s+(\d+)(?:\s*(?:-|to|through|–)\s*(\d+))?", re.IGNORECASE)
_WORDISH = re.compile(r"[\w@/.-]+(?:\s\d{1,3}\b)?")
_ASKED_OF = re.compile(
    r"^(?:please\s+)?(?:ask|tell|say to)\s+(?:it|him|them|the (?:target|model)|this model|[\w@-]+\d)[,:]?\s+(?:to\s+|that\s+)?(?P<text>.+)$",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"(?<!\S)(?:\.{0,2}/[\w@.+-]+(?:/[\w@.+-]+)*|(?=\S*[A-Z\d-])[A-Za-z][\w.-]*/[\w.+-]*\w)(?![\w/])"
)
"""A folder, or a hub id such as org/name."""
_STAND_INS = {"{target}": "this model", "{text}": "this text", "{layer}": "5", "{word}": "fox"}
SURE, UNSURE, MARGIN = 0.58, 0.42, 0.02
"""Similarity above which the guide acts, below which it says it cannot, and the lead one intent needs over the next."""


@dataclass(frozen=True)
class Slots:
    """The typed arguments found in an utterance."""

    target: str | None = None
    """A known target, typos mended."""
    unknown_target: str | None = None
    """Something written like a target that none is called."""
    layers: tuple[int, ...] = ()
    text: str | None = None
    """What stands in quotes, or after "ask it"."""


@dataclass(frozen=True)
class Route:
    """Which intent an utterance has, how near it is, and what came second."""

    intent: str
    score: float
    second: str
    second_score: float
    slots: Slots

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
        for intent, score in zip(self._intents, near.tolist(), strict=True):
            best[intent] = max(score, best.get(intent, -1.0))
        (first, top), (second, next_best) = sorted(best.items(), key=lambda item: -item[1])[:2]
        return Route(first, top, second, next_best, slots)


@cache
def router(embedding_name: str) -> Router:
    """The router of an embedding; its examples are embedded once."""
    return Router(embedding(embedding_name))


def parse(utterance: str, targets: Sequence[str]) -> tuple[Slots, str]:
    """The arguments in an utterance, and the utterance with stand-ins where they were."""
    plain = utterance.strip()
    quoted = _QUOTED.search(plain)
    text = next(group for group in quoted.groups() if group) if quoted else None
    if quoted:
        plain = plain.replace(quoted[0], _STAND_INS["{text}"])
    elif asked := _ASKED_OF.match(plain):
        text = asked["text"]
    layers = _LAYERS.search(plain)
    target, unknown, plain = _find_target(plain, targets)
    return Slots(target, unknown, _layer_range(layers), text), plain


def _layer_range(found: re.Match[str] | None) -> tuple[int, ...]:
    if not found:
        return ()
    first, last = sorted((int(found[1]), int(found[2] or found[1])))
    return tuple(range(first, min(last, first + 200) + 1))


def _find_target(text: str, targets: Sequence[str]) -> tuple[str | None, str | None, str]:
    """A target named in the text, with or without typos; what looks like one but is none is reported as unknown."""
    if elsewhere := _ELSEWHERE.search(text):
        return elsewhere[0], None, text.replace(elsewhere[0], _STAND_INS["{target}"], 1)
    simple = {_simple(name): name for name in targets}
    unknown = None
    for found in _WORDISH.finditer(text):
        for word in dict.fromkeys((found[0], found[0].split()[0])):
            key = _simple(word)
            if key in simple:
                return simple[key], None, text.replace(word, _STAND_INS["{target}"], 1)
            if not re.search(r"[a-z]+[-\s_]?\d+$", word.lower()) or word.lower().startswith("layer"):
                continue
            family = [name for name in simple if name.rstrip("0123456789") and name[-2:] == key[-2:]]
            close = difflib.get_close_matches(key, family, n=1, cutoff=0.75)
            if close:
                return simple[close[0]], None, text.replace(word, _STAND_INS["{target}"], 1)
            families = [name.rstrip("0123456789") for name in simple]
            if difflib.get_close_matches(key.rstrip("0123456789"), families, n=1, cutoff=0.75):
                unknown = word
    return None, unknown, text


def _simple(name: str) -> str:
    """A name without case, punctuation and leading zeros: "Taboo 3" and "taboo-03" are one."""
    letters = re.sub(r"[^a-z0-9@/]", "", name.lower())
    return re.sub(r"(?<=[a-z])0*(\d{1,2})$", lambda m: f"{int(m[1]):02d}", letters)


def _stand_in(example: str) -> str:
    for slot, words in _STAND_INS.items():
        example = example.replace(f'"{slot}"', words).replace(slot, words)
    return example


def _examples() -> dict[str, list[str]]:
    import yaml

    from tools import TOOLS

    talk: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "intents.yaml").read_text(encoding="utf-8"))
    return {name: list(tool.asked_as) for name, tool in TOOLS.items()} | talk
