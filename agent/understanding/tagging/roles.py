"""What a part of a message can be to a tool: the arguments of all tools under few names."""

import re
from collections.abc import Collection, Mapping
from typing import Any

OUTSIDE = "O"
_COUNTS = (
    "head",
    "feature",
    "strength",
    "temperature",
    "samples",
    "k",
    "max_new_tokens",
    "draws",
    "seed",
    "position",
    "into_layer",
)
ROLES = (
    OUTSIDE,
    "text",
    "text2",
    "word",
    "other_word",
    "layers",
    "dir",
    "probe",
    "candidates",
    "questions",
    "system",
    "prefill",
    "inspection",
    "name",
    "target",
    "other",
    "dictionary",
    *_COUNTS,
)
NUMBER = {role: number for number, role in enumerate(ROLES)}
_OF = {
    "prompt": "text",
    "prompts": "text",
    "other_prompt": "text2",
    "other_prompts": "text2",
    "words": "word",
    "layer": "layers",
    "direction": "dir",
    "directions": "dir",
}
LISTS = frozenset({"prompts", "other_prompts", "words", "directions", "candidates", "questions", "layers"})
"""Arguments that take more than one value."""
CHOICES = frozenset({"chat", "method", "site", "components", "tokens", "centred", "untrained_control", "texts"})
"""Arguments with a closed set of values: how they are said is the rules' to know."""
NUMBERS = frozenset({"layers", *_COUNTS})
TEXTS = frozenset({"text", "text2", "questions"})
"""Roles of whole sentences."""
SINGLE = frozenset({"word", "other_word", "dir", "probe", "name", "candidates"})
"""Roles of single words."""
LONG = TEXTS | {"prefill", "system", "inspection", "layers", "dictionary", "target", "other"}
"""Roles that hold several words."""
QUOTED = re.compile(
    r"\"([^\"]+)\"|[“”„]([^“”„]+)[“”]|«([^»]+)»|(?<!\w)'([^']+)'(?!\w)|(?<!\w)‘([^’]+)’(?!\w)|`([^`]+)`"
)
"""A quotation, in more styles than the rules know."""
OPENING, CLOSING = tuple("\"'“‘`«„"), tuple("\"'”’`»“")


def role_of(argument: str) -> str:
    """The role of an argument; one that is not in `ROLES` is never tagged."""
    return _OF.get(argument, argument)


def allowed(arguments: Collection[str]) -> list[bool]:
    """Whether each role can be part of a tool with these arguments (role)."""
    there = {OUTSIDE, *map(role_of, arguments)}
    return [role in there for role in ROLES]


def tagged(arguments: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Arguments and their single values, as far as such values are written in a message."""
    return [
        (name, one)
        for name, value in arguments.items()
        if name not in CHOICES
        for one in (value if isinstance(value, list | tuple) else [value])
        if not isinstance(one, bool)
    ]
