"""What is judged: the shipped organisms, or a folder of somebody's own."""

import json
from dataclasses import dataclass
from pathlib import Path

from evidence.errors import MaieuticError
from organisms import workshop
from organisms.workshop import Truth


@dataclass(frozen=True)
class Subject:
    """A fine-tune and what is known to be planted in it."""

    spec: str
    truth: Truth


def shipped() -> list[Subject]:
    """Every shipped fine-tune of the Taboo workshop, if the weights are those of today's recipe."""
    require_fresh()
    return [Subject(name, truth) for name, truth in workshop.truths().items()]


def of_folder(folder: Path) -> list[Subject]:
    """The fine-tune in a folder, or those in its subfolders; each has a `truth.json`.

    Raises:
        MaieuticError: there is none.
    """
    files = sorted([*folder.glob("truth.json"), *folder.glob("*/truth.json")])
    if not files:
        raise MaieuticError(
            f"{folder} holds no fine-tune with a truth.json: make one with `python -m organisms train taboo`"
        )
    return [Subject(str(file.parent), Truth(**json.loads(file.read_text(encoding="utf-8")))) for file in files]


def require_fresh() -> None:
    """Refuse to measure weights that today's recipes did not make.

    Raises:
        MaieuticError: something is stale or missing.
    """
    if not workshop.MANIFEST.exists():
        raise MaieuticError("no organisms are here: run `make organisms`")
    if stale := workshop.stale():
        raise MaieuticError(f"{', '.join(stale[:5])} were not made by today's recipe: run `make organisms`")
