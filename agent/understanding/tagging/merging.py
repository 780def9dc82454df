"""Two readings of one message as the arguments of a tool: the tagger's for texts and words, the rules' for numbers and models."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.understanding import counts, models_named
from agent.understanding.tagging.roles import (
    CHOICES,
    LISTS,
    NUMBER,
    NUMBERS,
    SINGLE,
    TEXTS,
    role_of,
)
from agent.understanding.tagging.spans import Span, located

LIKELY, FILLS = 0.6, 0.8
"""Probability from which a tagged text stands for what the rules read, and from which a tag fills what they left out."""
_BEFORE = frozenset({"prefill", "system", "inspection"})
_RULED = NUMBERS | _BEFORE | {"dictionary", "target", "other", "name"}
"""Roles that the rules read well: tags only fill them."""
_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "and",
        "or",
        "of",
        "to",
        "in",
        "on",
        "it",
        "its",
        "this",
        "that",
        "is",
        "are",
        "with",
        "for",
        "by",
        "at",
        "as",
        "what",
        "which",
    ]
)
_DIGITS = re.compile(r"-?\d+(?:\.\d+)?|-?\.\d+")
_SPELT = re.compile("|".join(sorted(counts.SPELT, key=len, reverse=True)))


def merged(
    said: str, spans: Sequence[Span], rules: Mapping[str, Any], properties: Mapping[str, Any], targets: Sequence[str]
) -> dict[str, Any]:
    """The arguments of a tool with these properties.

    Args:
        said: the message.
        spans: what its parts are by the tags.
        rules: the arguments by the rules.
        properties: the arguments the tool has.
        targets: names of targets.
    """
    before = {str(rules[name]).strip().lower() for name in _BEFORE if rules.get(name)}
    numbers = [span for span in located(said, rules)[0] if span.role in NUMBERS]
    kept = [
        span
        for span in spans
        if _sound(said, span)
        and not (_is_text(span) and _of(said, span).lower() in before)
        and not (span.role in NUMBERS and any(_other(span, one) for one in numbers))
    ]
    found = {name: _chosen(name, rules.get(name), said, kept, targets) for name in properties}
    return {name: value for name, value in found.items() if value not in (None, [], "", ())}


def _chosen(name: str, by_rules: Any, said: str, spans: Sequence[Span], targets: Sequence[str]) -> Any:
    role = role_of(name)
    if name in CHOICES or role not in NUMBER:
        return by_rules
    own = [span for span in spans if span.role == role]
    by_tags = value(name, [_of(said, span) for span in own], targets)
    share = min((span.share for span in own), default=1.0)
    if role in _RULED:
        return by_rules if by_rules is not None else by_tags if share >= FILLS else None
    if by_tags is None:
        return by_rules if role in {"dir", "probe"} else None
    return by_tags if share >= LIKELY or by_rules is None else by_rules


def value(name: str, texts: Sequence[str], targets: Sequence[str]) -> Any:
    """An argument from the parts of a message that are it; None where they hold no such value."""
    role, texts = role_of(name), [text.strip() for text in texts]
    if not texts:
        return None
    if role == "layers":
        numbers = [n for text in texts for n in counts.expanded(re.sub(r"[lL](?=\d)", "", text.replace("..", "-")))]
        return list(dict.fromkeys(numbers)) if name == "layers" else next(iter(numbers), None)
    if role in NUMBERS:
        return _number(texts[0])
    if role in {"target", "other"}:
        return models_named.named(texts[0], targets, ";")[0]
    return list(dict.fromkeys(texts)) if name in LISTS else texts[0]


def _number(text: str) -> int | float | None:
    if digits := _DIGITS.search(text):
        number = float(digits[0])
        return int(number) if number.is_integer() else number
    spelt = _SPELT.search(text.lower())
    return counts.SPELT[spelt[0]] if spelt else None


def _of(said: str, span: Span) -> str:
    return said[span.start : span.end].strip()


def _other(span: Span, ruled: Span) -> bool:
    """Whether a number is something else by the rules: one number is one argument."""
    return span.role != ruled.role and ruled.start < span.end and span.start < ruled.end


def _is_text(span: Span) -> bool:
    return span.role in TEXTS


def _sound(said: str, span: Span) -> bool:
    """Whether a part can be what it is tagged as: sentences have two words, single words are no articles."""
    text = said[span.start : span.end].strip(" ,;:")
    if not re.search(r"\w", text):
        return False
    if span.quoted:
        return True
    if _is_text(span):
        return len(text.split()) > 1
    return span.role not in SINGLE or bool(text.lower() not in _STOP and re.match(r"[A-Za-z]", text))
