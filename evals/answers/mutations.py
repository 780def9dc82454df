"""Ways to spoil a correct answer without the checker's help: each returns the spoiled text, or None where it cannot."""

import re
from collections.abc import Callable, Mapping
from random import Random

from evidence import AnyEvidence
from target.spec import public_names

_CITED = re.compile(r"\[(E\d+)\]")
_NUMBER = re.compile(r"(?<![\w.@-])-?\d+(?:\.\d+)?(?![\w@]|\.\d|-\d)")
_LAYER = re.compile(r"(?<=layer )\d+", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`|^>.*$|^\d+[.)]\s", re.MULTILINE)
Mutation = Callable[[str, Random, Mapping[str, AnyEvidence]], str | None]


def digit_changed(text: str, draw: Random, ledger: Mapping[str, AnyEvidence]) -> str | None:
    """One digit of one number becomes another."""
    found = _numbers(text)
    if not found:
        return None
    start, end = draw.choice(found)
    at = draw.choice([i for i in range(start, end) if text[i].isdigit()])
    return text[:at] + draw.choice([d for d in "0123456789" if d != text[at]]) + text[at + 1 :]


def numbers_swapped(text: str, draw: Random, ledger: Mapping[str, AnyEvidence]) -> str | None:
    """Two numbers of one sentence or list change places."""
    pairs = [
        (a, b)
        for paragraph in _spans(text)
        for a in paragraph
        for b in paragraph
        if a < b and float(text[slice(*a)]) != float(text[slice(*b)])
    ]
    if not pairs:
        return None
    (a, b), (c, d) = draw.choice(pairs)
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def wrong_place(text: str, draw: Random, ledger: Mapping[str, AnyEvidence]) -> str | None:
    """The number of a layer, or the name of a target, becomes that of another one."""
    layers = [(m.start(), m.end(), [str(n) for n in range(6) if str(n) != m[0]]) for m in _LAYER.finditer(text)]
    names = [n for n in public_names() if n.startswith("taboo")]
    targets = [
        (m.start(), m.end(), [n for n in names if n != m[0]])
        for name in names
        for m in re.finditer(re.escape(name) + r"(?!\d)", text)
    ]
    if not layers and not targets:
        return None
    start, end, others = draw.choice(layers + targets)
    return text[:start] + draw.choice(others) + text[end:]


def wrong_citation(text: str, draw: Random, ledger: Mapping[str, AnyEvidence]) -> str | None:
    """One citation becomes that of other evidence."""
    found = list(_CITED.finditer(text))
    if not found:
        return None
    one = draw.choice(found)
    other = draw.choice([name for name in ledger if f"[{name}]" not in text])
    return text[: one.start(1)] + other + text[one.end(1) :]


def verdict_flipped(text: str, draw: Random, ledger: Mapping[str, AnyEvidence]) -> str | None:
    """The guide's verdict becomes another one."""
    found = [(a, b) for a, b in _TURNED if a in text]
    if not found:
        return None
    old, new = found[0]
    return text.replace(old, new, 1)


def control_dropped(text: str, draw: Random, ledger: Mapping[str, AnyEvidence]) -> str | None:
    """Of the guide's answer the verdict stays, and nothing of what it rests on."""
    first, _, rest = text.partition("\n\n")
    settled = any(old in first for old, _ in _TURNED) and "inconclusive" not in first
    return first.partition(" The reason:")[0] if settled and rest else None


_TURNED = (
    ("is **not supported**", "**is supported**"),
    ("**is supported**", "is **not supported**"),
    ("stays **inconclusive**", "**is supported**"),
    ("(not supported)", "(supported)"),
    ("(supported)", "(not supported)"),
)
"""How the guide gives a verdict, and the same wrong."""

AUTOMATIC: dict[str, Mutation] = {
    "digit changed": digit_changed,
    "two numbers swapped": numbers_swapped,
    "right number, wrong target or layer": wrong_place,
    "wrong citation": wrong_citation,
}
OF_THE_GUIDE: dict[str, Mutation] = {"verdict flipped": verdict_flipped, "control dropped": control_dropped}
"""What can be done to an answer whose form is known; writers of free prose do it themselves."""


def _numbers(text: str) -> list[tuple[int, int]]:
    """Where numbers of the answer's own stand."""
    plain = _QUOTED.sub(lambda m: "\x00" * len(m[0]), _CITED.sub(lambda m: "\x00" * len(m[0]), text))
    return [m.span() for m in _NUMBER.finditer(plain)]


def _spans(text: str) -> list[list[tuple[int, int]]]:
    """The numbers of each paragraph."""
    found, start = [], 0
    for paragraph in text.split("\n\n"):
        end = start + len(paragraph)
        found.append([span for span in _numbers(text) if start <= span[0] < end])
        start = end + 2
    return found
