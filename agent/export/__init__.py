"""A conversation to take along: as a report, as a meeting note, as a notebook that runs, as a cassette that replays."""

from collections.abc import Callable
from pathlib import Path

from agent.export.cassette import record
from agent.export.conversation import Conversation
from agent.export.note import note
from agent.export.report import report


def _notebook(conversation: Conversation) -> str:
    from agent.export.notebook import notebook  # nbformat takes a moment to load

    return notebook(conversation)


FORMS: dict[str, tuple[str, Callable[[Conversation], str]]] = {
    "report": (".md", report),
    "note": (".note.md", note),
    "notebook": (".ipynb", _notebook),
    "cassette": (".cassette.json", record),
}
"""What a conversation may be taken along as: the ending of the file, and what writes it."""


def write(conversation: Conversation, form: str, file: Path | None, folder: Path) -> Path:
    """Write a conversation into a file, by default among the exports of the data folder; returns where it is."""
    ending, writer = FORMS[form]
    place = file or folder / "exports" / f"{conversation.thread}{ending}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(writer(conversation), encoding="utf-8")
    return place
