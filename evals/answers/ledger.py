"""The ledgers that the prose was written about: `python -m evals.answers.ledger` measures them again."""

import json
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from evidence import AnyEvidence, from_json

HERE = Path(__file__).parent
Name = Literal["first", "second", "third"]
NAMES: tuple[Name, ...] = ("first", "second", "third")
"""Prose about all three is learned from; the guide's answers about the first are not, and the unseen prose is about the first."""


@cache
def ledger(name: Name = "first") -> dict[str, AnyEvidence]:
    """The evidence of a ledger by id, E1, E2, ..."""
    rows = json.loads(file(name).read_text(encoding="utf-8"))
    return {f"E{number}": from_json(row) for number, row in enumerate(rows, start=1)}


def file(name: Name) -> Path:
    """Where a ledger is kept."""
    return HERE / name / "ledger.json"


def calls(name: Name) -> list[tuple[str, str, dict[str, Any]]]:
    """Target, tool and arguments of every evidence of a ledger."""
    listed = yaml.safe_load((HERE / "calls.yaml").read_text(encoding="utf-8"))[name]
    return [(target, tool, arguments) for target, tool, arguments in listed]


def measured(name: Name) -> Iterator[AnyEvidence]:
    """Every call of a ledger, run now."""
    from tools import _calls

    for spec, tool, arguments in calls(name):
        yield _calls.run(tool, arguments, current=spec, granted=_calls.EVERYTHING)


def main() -> None:
    """Measure all of them again."""
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MAIEUTIC_HOME"] = folder
            rows = [json.loads(one.model_dump_json()) for one in measured(name)]
        file(name).write_text(json.dumps(rows, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{len(rows)} measurements in {name}/{file(name).name}, {file(name).stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
