"""A plan card: what would be measured, how long it takes, what it would show; and how a person changes it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from tools import TOOLS
from tools._tool import Capability

BUDGET_SECONDS = 120.0
"""Estimated seconds above which even one experiment is asked about first."""
USUAL_SECONDS: dict[Capability, float] = {"read": 1, "compute": 5, "intervene": 5, "train": 30, "export": 1}
"""What a tool is expected to take until one of its measurements is in the ledger."""
QUESTION = "Shall I run this? Answer `yes`, `no`, `only 1`, `without 2`, or ask for something else."

_ALL = {"yes", "y", "ok", "okay", "go", "accept", "run", "sure", "allow", "all", "do", "it", "ahead", "please", "them"}
_NONE = {"no", "n", "nope", "stop", "cancel", "nothing", "none", "skip", "thanks", "don't", "dont", "not", "now"}
_DROP = {"without", "skip", "drop", "except", "omit", "remove", "leave", "not", "no", "but"}
_NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
_FILLERS = _ALL | _DROP | {"only", "just", "keep", "step", "steps", "number", "numbers", "the", "and", "out", "last"}


def needed(calls: Sequence[dict[str, Any]], seconds: Callable[[str], float | None]) -> bool:
    """Whether a person should see the plan first: several experiments, or one over the budget."""
    return len(calls) > 1 or estimate(calls, seconds) > BUDGET_SECONDS


def estimate(calls: Sequence[dict[str, Any]], seconds: Callable[[str], float | None]) -> float:
    """Seconds that calls are expected to take, by what the same tools took before."""
    return sum(_expected(call["name"], seconds) for call in calls)


def card(calls: Sequence[dict[str, Any]], target: str, seconds: Callable[[str], float | None]) -> str:
    """The plan as numbered steps, each with its arguments, its estimate, and what it would show."""
    lines = [_step(n, call, target, seconds) for n, call in enumerate(calls, start=1)]
    total = _about(estimate(calls, seconds))
    return f"This takes {len(calls)} experiment{'s' * (len(calls) > 1)}, {total} in all:\n\n" + "\n".join(lines)


def chosen(answer: str, steps: int) -> list[int] | str | None:
    """Which steps (from 1) an answer keeps; a sentence where it names none of the plan; None when it is another request."""
    words = [word.strip(".,!?;:`\"'") for word in answer.lower().replace(",", " ").split()]
    words = [word for word in words if word]
    named = [number for word in words if (number := _number(word, steps)) is not None]
    if len(named) > 1 and words[-1] == "one":  # as in "the second one"
        named.pop()
    if not words or any(word not in _FILLERS | _NONE and _number(word, steps) is None for word in words):
        return None
    if not named:
        return list(range(1, steps + 1)) if words[0] in _ALL else [] if words[0] in _NONE else None
    if strange := [number for number in named if not 1 <= number <= steps]:
        return f"There is no step {strange[0]}: the plan has steps 1 to {steps}."
    dropped = set(words) & _DROP
    return [n for n in range(1, steps + 1) if (n in named) != bool(dropped)]


def _number(word: str, steps: int) -> int | None:
    if re.fullmatch(r"#?\d{1,3}(st|nd|rd|th)?", word):
        return int(re.sub(r"\D", "", word))
    if word == "last":
        return steps
    return next((known.index(word) + 1 for known in (_NUMBERS, _ORDINALS) if word in known), None)


def _step(number: int, call: dict[str, Any], target: str, seconds: Callable[[str], float | None]) -> str:
    arguments = {"target": target} | call["args"]
    given = ", ".join(f"{name} = {_short(value)}" for name, value in arguments.items())
    shows = f" {TOOLS[call['name']].summary}" if call["name"] in TOOLS else ""
    return f"{number}. **{call['name']}** ({given}), {_about(_expected(call['name'], seconds))}.{shows}"


def _expected(tool: str, seconds: Callable[[str], float | None]) -> float:
    known = seconds(tool)
    if known is not None:
        return known
    return USUAL_SECONDS[TOOLS[tool].capability] if tool in TOOLS else 0.0


def _about(seconds: float) -> str:
    if seconds >= 90:
        return f"about {seconds / 60:.0f} minutes"
    whole = max(1, round(seconds))
    return f"about {whole} second{'s' * (whole > 1)}"


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`".replace("[E", "[ E")
