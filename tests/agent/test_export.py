"""The command that takes a conversation along."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from agent import __main__ as command

Say = Callable[..., Any]


async def test_a_file_that_is_there_is_written_over_only_by_force(
    stage: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = await stage(AIMessage("Hello."))
    await s.say("hi")
    file = tmp_path / "mine.md"

    def export(*more: str) -> None:
        monkeypatch.setattr(sys, "argv", ["agent", "export", "t", "--out", str(file), *more])
        command.main()

    export()
    assert "Hello." in file.read_text()
    file.write_text("my notes")
    with pytest.raises(SystemExit, match=r"mine\.md is there already: .* or write over it with --force"):
        export()
    assert file.read_text() == "my notes"
    export("--force")
    assert "Hello." in file.read_text()
