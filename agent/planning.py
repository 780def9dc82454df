"""A plan card: what would be measured, how long it takes, what it would show; and how a person changes it."""

from collections.abc import Callable, Sequence
from typing import Any

from agent.consent import chosen as chosen
from tools import TOOLS
from tools._tool import Capability

BUDGET_SECONDS = 120.0
"""Estimated seconds above which even one experiment is asked about first."""
USUAL_SECONDS: dict[Capability, float] = {"read": 1, "compute": 5, "intervene": 5, "train": 30, "export": 1}
"""What a tool is expected to take until one of its measurements is in the ledger."""
QUESTION = "Shall I run this? Answer `yes`, `no`, `only 1`, `without 2`, or ask for something else."


def needed(calls: Sequence[dict[str, Any]], seconds: Callable[[str], float | None]) -> bool:
    """Whether a person should see the plan first: several experiments, or one over the budget."""
    return len(calls) > 1 or estimate(calls, seconds) > BUDGET_SECONDS


def estimate(calls: Sequence[dict[str, Any]], seconds: Callable[[str], float | None]) -> float:
    """Seconds that calls are expected to take, by what the same tools took before."""
    return sum(_expected(call["name"], seconds) for call in calls)


def card(calls: Sequence[dict[str, Any]], target: str, seconds: Callable[[str], float | None]) -> str:
    """The plan as numbered steps, each with its arguments, its estimate, and what it would show."""
    lines = [step(n, call, target, seconds) for n, call in enumerate(calls, start=1)]
    total = _about(estimate(calls, seconds))
    return f"This takes {len(calls)} experiment{'s' * (len(calls) > 1)}, {total} in all:\n\n" + "\n".join(lines)


def step(number: int, call: dict[str, Any], target: str, seconds: Callable[[str], float | None]) -> str:
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
    """A value in a line; a list without its brackets, which would read like a citation."""
    text = ", ".join(map(repr, value)) if isinstance(value, list) else repr(value)
    text = " ".join(text.split())
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`".replace("[E", "[ E")
