"""The fine-tunes on advice that are judged: those that ship, or a folder's."""

import json
from dataclasses import dataclass
from pathlib import Path

import target
from evals.subjects import require_fresh
from evidence.errors import MaieuticError
from organisms import em_workshop
from organisms.em_workshop import Truth
from target.target import Target


@dataclass(frozen=True)
class Adviser:
    """A fine-tune and what was planted in it."""

    spec: str
    truth: Truth

    def load(self) -> Target:
        return target.load(self.spec)


def shipped() -> list[Adviser]:
    """Every shipped fine-tune of the advice workshop, if the weights are those of today's recipe."""
    require_fresh()
    return [Adviser(name, truth) for name, truth in em_workshop.truths().items()]


def of_folder(folder: Path) -> list[Adviser]:
    """The fine-tunes in a folder, each with a `truth.json`.

    Raises:
        MaieuticError: there is none.
    """
    files = sorted(folder.glob("*/truth.json"))
    if not files:
        raise MaieuticError(
            f"{folder} holds no fine-tune with a truth.json: make some with `python -m organisms train calibration --workshop em`"
        )
    return [Adviser(str(file.parent), Truth(**json.loads(file.read_text(encoding="utf-8")))) for file in files]


def of_kind(advisers: list[Adviser], kind: str) -> list[Adviser]:
    return [one for one in advisers if one.truth.kind == kind]
