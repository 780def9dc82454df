"""The inventory of concepts: sound as it ships, and a teacher's mistake is one sentence that names the file."""

import shutil
from pathlib import Path

import pytest
import yaml

from agent.learner.inventory import FOLDER, concepts
from evidence.errors import ArgumentError


def test_what_ships_is_whole() -> None:
    found = concepts()
    assert len(found) >= 25 and all(len(one.checks) >= 2 for one in found.values())
    names = [name.lower() for one in found.values() for name in one.called]
    assert len(names) == len(set(names)), "one way of naming a thing names two"
    order = list(found)
    assert all(order.index(below) < order.index(name) for name, one in found.items() for below in one.prerequisites)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"prerequisites": ["magic"]}, "prerequisites names 'magic', which is no concept"),
        ({"shown_by": ["magic"]}, "shown_by names 'magic', which is no tool"),
        ({"explained": {"newcomer": "x"}}, "explained lacks expert, student"),
        ({"checks": []}, "checks: tuple should have at least 2 items"),
        ({"colour": "red"}, "colour: extra inputs are not permitted"),
        ({"prerequisites": ["logit_lens"]}, "the prerequisites go round in a circle"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    folder = tmp_path / "concepts"
    shutil.copytree(FOLDER, folder)
    file = folder / "token.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | change))
    with pytest.raises(ArgumentError, match=problem):
        concepts(folder)


def test_two_right_answers_are_a_mistake(tmp_path: Path) -> None:
    folder = tmp_path / "concepts"
    shutil.copytree(FOLDER, folder)
    file = folder / "token.yaml"
    data = yaml.safe_load(file.read_text())
    for answer in data["checks"][0]["answers"]:
        answer["grade"] = "right"
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(ArgumentError, match="right answers: give it one"):
        concepts(folder)
