"""Training of the tagger on labelled messages."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.understanding import examples
from agent.understanding.tagging.spans import located
from agent.understanding.tagging.varying import Labelled, Varying

if TYPE_CHECKING:
    import numpy as np

    from agent.understanding.tagging.network import Asked, Tagger

SEED = 0
EPOCHS, BATCH, RATE, HEAD_RATE, DECAY, WARM, LONGEST_STEP = 8, 24, 1.5e-3, 2e-3, 0.01, 0.1, 1.0
UNHINTED = 0.3
"""Share of messages that are learned without the rules' reading."""
_VALUED = set("0123456789\"'“‘`«")
"""What a declared example has that gives an argument."""
SILENT = 80
"""Examples that give no argument in every pass over people's messages: most of those give some."""

Rules = Callable[[str, str], dict[str, Any]]
"""A tool's arguments in a message by the rules."""


def labelled(file: Path, properties: Mapping[str, Sequence[str]]) -> list[Labelled]:
    """The messages of a file whose values all stand in them, layers apart; `properties` are the arguments of each tool."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["tool"] not in properties:
            continue
        spans, missing = located(row["say"], _known(row["arguments"], properties[row["tool"]]))
        if not set(missing) - {"layers"}:
            found.append(Labelled(row["tool"], row["say"], tuple(spans)))
    return found


@dataclass(frozen=True)
class Ruled:
    """Declared examples of tools, labelled by the rules."""

    valued: list[Labelled]
    """With values in quotes or digits."""
    silent: list[Labelled]
    """With none, and no other argument that the rules see."""


def ruled(
    declared: Mapping[str, Sequence[str]], said: Sequence[str], properties: Mapping[str, Sequence[str]], rules: Rules
) -> Ruled:
    """The declared examples, without the messages that are labelled already."""
    known = {_plain(one) for one in said}
    found = Ruled([], [])
    for tool, many in declared.items():
        for text in many if tool in properties else []:
            if _plain(text) in known:
                continue
            if _VALUED & set(text):
                found.valued.append(_by_rules(tool, text, properties, rules))
            elif not rules(tool, text):
                found.silent.append(Labelled(tool, text, ()))
    return found


def _by_rules(tool: str, said: str, properties: Mapping[str, Sequence[str]], rules: Rules) -> Labelled:
    return Labelled(tool, said, tuple(located(said, _known(rules(tool, said), properties[tool]))[0]))


def _known(arguments: Mapping[str, Any], properties: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name in properties}


def _some(messages: Sequence[Labelled], random: "np.random.Generator") -> list[Labelled]:
    return [messages[int(number)] for number in random.permutation(len(messages))[:SILENT]]


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def learn(
    people: Sequence[Labelled],
    properties: Mapping[str, Sequence[str]],
    rules: Rules,
    *,
    declared: Mapping[str, Sequence[str]] | None = None,
    epochs: int = EPOCHS,
    seed: int = SEED,
) -> "Tagger":
    """Train a tagger, the same every time on one thread: once over everything, then over what people labelled.

    Args:
        people: messages labelled by people.
        properties: the arguments of each tool.
        rules: reads a message without the tagger.
        declared: examples of what each tool is asked with; None for all that there are.
        epochs: passes over the messages labelled by people.
        seed: of every draw.

    Raises:
        ModelError: the encoder is not here.
    """
    import numpy as np
    import torch

    from agent.understanding.tagging.network import Asked
    from agent.understanding.tagging.training import Schedule, trained

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    ours = ruled(declared or examples.declared(), [one.said for one in people], properties, rules)
    passes = [[*ours.valued, *ours.silent, *people]]
    passes += [[*people, *_some(ours.silent, random)] for _ in range(epochs)]
    varying = Varying(people, random)

    def asked(messages: Sequence[Labelled]) -> "Iterator[tuple[Asked, Labelled]]":
        for message in map(varying, messages):
            hints = _by_rules(message.tool, message.said, properties, rules).spans
            kept = () if random.random() < UNHINTED else hints
            yield Asked(message.tool, message.said, properties[message.tool], kept), message

    return trained(passes, asked, Schedule(BATCH, RATE, HEAD_RATE, DECAY, WARM, LONGEST_STEP), random)
