"""What should be done about a message, and whether a plan does it."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.dry_run import Plan, Planned
from target.spec import DEFAULT_TARGET
from tools import TOOLS

FOLDER = Path(__file__).parent / "language"
RERUNS = {"check", "memory"}
"""Intents that may run something again, or nothing."""


@dataclass(frozen=True)
class Wanted:
    """What a message should lead to."""

    intent: str
    calls: tuple[Planned, ...] = ()
    ask: bool = False
    """Whether something indispensable is missing, so that a question is the right answer."""

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Wanted":
        calls = tuple(Planned.model_validate(call) for call in row["calls"])
        return cls(row["intent"], calls, bool(row.get("ask")))


@dataclass(frozen=True)
class Judged:
    """A plan held against what was wanted."""

    wanted: Wanted
    plan: Plan
    target: str
    """The conversation's target before the message."""

    @property
    def asks(self) -> bool:
        """Whether the guide asks back or says that it cannot, rather than acts."""
        return bool(self.plan.decision.ask or self.plan.decision.cannot) and not self.plan.decision.calls

    @property
    def tools_right(self) -> bool:
        return [call.tool for call in self.plan.decision.calls] == [call.tool for call in self.wanted.calls]

    @property
    def arguments_right(self) -> bool:
        """Everything the person stated is there as they stated it, and nothing they did not state is made up."""
        if not self.tools_right:
            return False
        pairs = zip(self.wanted.calls, self.plan.decision.calls, strict=True)
        return all(same(w.tool, w.arguments, p.arguments, self.target) for w, p in pairs)

    @property
    def intent_right(self) -> bool:
        if self.wanted.ask:
            return self.asks and self.plan.intent != "out_of_scope"
        if self.wanted.calls:
            return self.tools_right
        if self.wanted.intent not in RERUNS and self.plan.decision.calls:
            return False
        return self.plan.intent == self.wanted.intent and (not self.asks or self.wanted.intent == "out_of_scope")

    @property
    def as_wanted(self) -> list[Planned]:
        """What should have been run, with what the guide added where it was right."""
        if not self.tools_right:
            return list(self.wanted.calls)
        pairs = zip(self.wanted.calls, self.plan.calls, strict=True)
        return [Planned(tool=w.tool, arguments=p.arguments | w.arguments) for w, p in pairs]

    @property
    def right(self) -> bool:
        return self.arguments_right if self.wanted.calls else self.intent_right

    @property
    def wrong_but_confident(self) -> bool:
        """It acts, or answers in words, as if it had understood, and has not."""
        return not self.intent_right and not self.asks


def same(tool: str, wanted: dict[str, Any], planned: dict[str, Any], current: str) -> bool:
    """Whether planned arguments are the wanted ones, with nothing made up; `current` is the target that goes without saying."""
    known = TOOLS[tool].schema()
    free = {*known.get("required", []), "name"}
    """A value for these has to be found somewhere, also where the person gave none."""
    here = {k: _plain(v) for k, v in planned.items() if not (k == "target" and v == current)}
    there = {k: _plain(v) for k, v in wanted.items() if not (k == "target" and v == current)}
    made_up = {
        k
        for k in here.keys() - there.keys()
        if k not in free and here[k] != _plain(known["properties"][k].get("default"))
    }
    return all(here.get(k) == v for k, v in there.items()) and not made_up


def _plain(value: Any) -> Any:
    """A value as it is compared: case and a full stop at the end of a text do not matter, nor 3 or 3.0."""
    if isinstance(value, str):
        return value.strip().strip(".").casefold()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a test set."""
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def exists(name: str) -> bool:
    """Whether there is a test set of this name."""
    return (FOLDER / f"{name}.jsonl").exists()


def target_after(wanted: Wanted, target: str) -> str:
    """The conversation's target once the wanted calls have run."""
    return next((str(c.arguments["target"]) for c in reversed(wanted.calls) if "target" in c.arguments), target)


START = DEFAULT_TARGET


@contextmanager
def nobodys_home() -> Iterator[None]:
    """An empty data folder: what somebody made and named here before is not known."""
    before = os.environ.get("MAIEUTIC_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAIEUTIC_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("MAIEUTIC_HOME") if before is None else os.environ.update(MAIEUTIC_HOME=before)
