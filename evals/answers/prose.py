"""What people and models of many voices wrote about the ledgers, without having seen the check: right, and spoiled by the writer.

One file a writer, in the folder of the ledger it is about. `first/unseen/` is what the check is judged on: nobody who worked on
it has read those answers, and nothing was learned from them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evals.answers.ledger import HERE, NAMES, Name


@dataclass(frozen=True)
class Answer:
    """A correct answer; "" where its writer had nothing to spoil."""

    writer: str
    ledger: Name
    text: str
    flipped: str = ""
    """The same with a wrong conclusion."""
    says: str = ""
    """What the wrong one concludes, where its writer was asked."""
    which: str = ""
    """The evidence whose conclusion is wrong, where several are concluded of."""
    without_control: str = ""
    """The same with a right conclusion and nothing of what the control showed."""


def learned_from() -> Iterator[Answer]:
    """Every answer that the check may learn from, writer by writer."""
    for name in NAMES:
        for file in files(name):
            yield from _read(file, name)


def unseen() -> Iterator[Answer]:
    """The answers that it is judged on."""
    for file in sorted((HERE / "first" / "unseen").glob("*.json")):
        yield from _read(file, "first")


def files(name: Name) -> list[Path]:
    """The prose about a ledger that is learned from, a file for each writer."""
    return sorted(file for file in (HERE / name).glob("*.json") if file.name != "ledger.json")


def _read(file: Path, name: Name) -> Iterator[Answer]:
    for row in json.loads(file.read_text(encoding="utf-8")):
        yield Answer(file.stem, name, **row)
