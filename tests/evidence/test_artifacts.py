"""What is made again under another name keeps its first name and the ids of all evidence that made it."""

import pytest
import torch

from evidence import artifacts
from evidence.errors import ArgumentError


def test_an_artefact_keeps_every_name_and_every_evidence(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("MAIEUTIC_HOME", str(tmp_path))
    first = artifacts.keep("direction", "careless", {"v": torch.ones(2)}, {"layer": 1})
    artifacts.made_by("ev-0000000001", (first,))
    again = artifacts.keep("direction", "copy", {"v": torch.ones(2)}, {"layer": 1})
    artifacts.made_by("ev-0000000002", (again,))
    assert first.digest == again.digest
    for reference in ("careless", "copy", "ev-0000000001", "ev-0000000002", first.digest):
        assert artifacts.find("direction", reference).digest == first.digest
    assert artifacts.find("direction", "careless").name == "careless"


def test_the_later_one_of_a_name_comes_first_and_another_kind_is_named(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("MAIEUTIC_HOME", str(tmp_path))
    old = artifacts.keep("direction", "d", {"v": torch.ones(2)}, {})
    new = artifacts.keep("direction", "d", {"v": torch.zeros(2)}, {})
    artifacts.keep("direction", "other", {"v": torch.ones(2)}, {})  # the old one again: "d" stays the new one
    assert artifacts.find("direction", "d").digest == new.digest != old.digest
    with pytest.raises(ArgumentError, match="no probe is called 'd', it is a direction; there is no probe yet"):
        artifacts.find("probe", "d")
