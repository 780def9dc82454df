"""Scripted sessions: they come out as written, a broken agent fails each, and what they leave can be taken along."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from langchain_core.messages import AIMessage
from nbclient import NotebookClient

from agent import models
from agent.export import FORMS, cassette, write
from agent.models.scripted import Scripted
from evals import scenes
from evidence import as_text
from evidence.errors import MaieuticError


class Broken(Scripted):
    """A voice that never measures and always knows."""

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        self.steps = [AIMessage("The hidden word is fox, with probability 0.99 [E9].")]
        return super()._generate(messages)


def test_there_are_ten_sessions_and_more() -> None:
    assert len(scenes.names()) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", scenes.names())
def test_a_broken_agent_fails_each_session(name: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "resolve", lambda *a, **k: Broken(steps=[]))
    try:
        assert scenes.play(scenes.read(name), "broken", embedding="lexical").problems
    except MaieuticError as error:
        assert "no experiment ran" in str(error)


@pytest.mark.parametrize("name", ["refuse", "plan_refuse"])
def test_a_session_without_experiments_comes_out_as_written(name: str, data_folder: Path) -> None:
    assert scenes.play(scenes.read(name), embedding="lexical").problems == []


@pytest.mark.slow
@pytest.mark.parametrize("name", scenes.names())
def test_a_session_comes_out_as_written_and_its_cassette_replays(name: str, data_folder: Path) -> None:
    played = scenes.play(scenes.read(name), embedding="lexical")
    assert played.problems == []
    assert scenes.play(scenes.read(name), embedding="lexical").heard == played.heard
    text = cassette.record(played.conversation)
    replayed = list(cassette.replay(cassette.load(text)))
    assert [one.id for one in replayed] == list(played.conversation.evidence)
    assert [one.changes for one in replayed] == [()] * len(replayed)
    if replayed:
        tape = json.loads(text)
        tape["calls"][0]["evidence"]["provenance"]["weights"] = "0" * 12
        first = next(iter(cassette.replay(cassette.load(json.dumps(tape)))))
        assert "altered" in first.changes[0] and first.changes[1].startswith("provenance.weights was '000000000000'")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["approve", "predict"])
def test_a_notebook_runs_in_a_fresh_kernel_and_shows_the_same_numbers(name: str, data_folder: Path) -> None:
    conversation = scenes.play(scenes.read(name), embedding="lexical").conversation
    file = write(conversation, "notebook", None, data_folder)
    book = nbformat.read(file, as_version=4)
    recorded = [_text(cell) for cell in book.cells if cell.cell_type == "code" and cell.outputs]
    assert len(recorded) == len(conversation.evidence) > 0
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    assert [_text(cell) for cell in book.cells if cell.cell_type == "code" and cell.outputs] == recorded
    figures = [o for cell in book.cells for o in cell.get("outputs", []) if "data" in o]
    assert all("application/vnd.plotly.v1+json" in one.data for one in figures) and len(figures) == len(recorded)


def _text(cell: Any) -> list[str]:
    """What a cell printed, without how long it took."""
    return [line for o in cell.outputs if o.output_type == "stream" and o.name == "stdout"
            for line in o.text.splitlines() if not line.startswith("measured on")]  # fmt: skip


@pytest.mark.slow
def test_every_form_holds_what_was_said_and_measured(data_folder: Path) -> None:
    conversation = scenes.play(scenes.read("approve"), embedding="lexical").conversation
    for form in FORMS:
        text = write(conversation, form, None, data_folder).read_text("utf-8")
        assert ("can be read linearly" if form == "note" else "Train a probe on voices.") in text
    report = write(conversation, "report", None, data_folder).read_text("utf-8")
    assert as_text(conversation.evidence["E2"]) in report and "](#e2)" in report
