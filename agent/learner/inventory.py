"""The concepts that can be taught: data files which a teacher may edit, checked when they are read."""

from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evidence.errors import ArgumentError
from tools import TOOLS

FOLDER = Path(__file__).parent / "concepts"
LIKE = 4
"""Letters at the beginning of a word by which a concept is called like a tool."""
Depth = Literal["newcomer", "student", "expert"]
Grade = Literal["right", "partly", "wrong"]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Graded(_Data):
    """One answer to a question, how good it is, and the sentence that is said after it."""

    text: str = Field(min_length=1)
    grade: Grade
    because: str = Field(min_length=1)


class Check(_Data):
    """A question that tests understanding."""

    question: str = Field(min_length=1)
    answers: tuple[Graded, ...] = Field(min_length=3)

    @property
    def right(self) -> Graded:
        return next(one for one in self.answers if one.grade == "right")


class Concept(_Data):
    """One thing to be understood."""

    id: str
    name: str
    called: tuple[str, ...] = Field(min_length=1)
    """How people name it."""
    about: str
    prerequisites: tuple[str, ...] = ()
    shown_by: tuple[str, ...] = ()
    """Tools that show it."""
    try_: str = Field(default="", alias="try")
    """A message that shows it, on a target that ships."""
    explained: dict[Depth, str]
    checks: tuple[Check, ...] = Field(min_length=2)


@cache
def concepts(folder: Path = FOLDER) -> dict[str, Concept]:
    """All concepts by id, those that others build on first.

    Raises:
        ArgumentError: a file is not as it should be; the sentence names the file and the field.
    """
    import yaml

    found: dict[str, Concept] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            found[file.stem] = _checked(file, yaml.safe_load(file.read_text(encoding="utf-8")))
        except yaml.YAMLError as error:
            raise ArgumentError(f"{file} is not YAML ({' '.join(str(error).split())[:120]}): mend it") from error
    order = _ordered(found, folder)
    return {name: found[name] for name in order}


def taught_by(tool: str) -> str | None:
    """The concept a tool shows before all others: the one that is called like it, else the one that builds on most."""
    found = [one.id for one in concepts().values() if one.shown_by[:1] == (tool,)]
    alike = [name for name in found if any(word[:LIKE] in tool for word in name.split("_") if len(word) >= LIKE)]
    return next((name for name in found if name == tool), None) or next(iter([*alike[::-1], *found[::-1]]), None)


def _checked(file: Path, data: Any) -> Concept:
    if not isinstance(data, dict):
        raise ArgumentError(f"{file} holds no fields: see {FOLDER / 'logit_lens.yaml'} for how a concept is written")
    try:
        found = Concept.model_validate({**data, "id": file.stem})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ArgumentError(f"{file}: {where}: {first['msg'].lower()}") from error
    if problem := _problem(found):
        raise ArgumentError(f"{file}: {problem}")
    return found


def _problem(concept: Concept) -> str:
    if missing := {"newcomer", "student", "expert"} - set(concept.explained):
        return f"explained lacks {', '.join(sorted(missing))}"
    if unknown := [tool for tool in concept.shown_by if tool not in TOOLS]:
        return f"shown_by names {unknown[0]!r}, which is no tool"
    for check in concept.checks:
        rights = sum(answer.grade == "right" for answer in check.answers)
        if rights != 1:
            return f"the question {check.question[:60]!r} has {rights} right answers: give it one"
    return ""


def _ordered(found: dict[str, Concept], folder: Path) -> list[str]:
    for name, concept in found.items():
        if unknown := [one for one in concept.prerequisites if one not in found]:
            raise ArgumentError(f"{folder / name}.yaml: prerequisites names {unknown[0]!r}, which is no concept")
    try:
        return list(TopologicalSorter({name: one.prerequisites for name, one in found.items()}).static_order())
    except CycleError as error:
        raise ArgumentError(f"the prerequisites go round in a circle: {' -> '.join(error.args[1])}") from error
