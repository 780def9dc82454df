"""The panels beside the chat: the figure with its evidence, and what is remembered of the person."""

from typing import Any

from agent.memory import Memory, Note
from evidence import Evidence, as_figure, as_python, as_text
from evidence.errors import MaieuticError
from ui.render import harmless
from ui.session import House


def figure(house: House, thread: str, name: str | None) -> Any:
    """The figure of one evidence, or None."""
    found = _find(house, thread, name)
    return as_figure(found) if found else None


def detail(house: House, thread: str, name: str | None) -> str:
    """Tool, arguments, digests, numbers and the code of one evidence."""
    found = _find(house, thread, name)
    if found is None or found.provenance is None:
        return "Ask something; what is measured appears here."
    p = found.provenance
    verdict = (
        f"**{found.verdict.status}**: {harmless(found.verdict.claim)}" if found.verdict else "a description, no verdict"
    )
    facts = (
        f"**{name}** · `{p.tool}` on `{harmless(p.target)}` · {verdict}\n\n"
        f"weights `{p.weights}`{f' · adapter `{p.adapter}`' if p.adapter else ''} · control {p.control or 'none'} · seed {p.seed} · {p.seconds:.1f} s"
    )
    return f"{facts}\n\n```\n{_fenced(as_text(found))}\n```\n\n```python\n{_fenced(as_python(found))}\n```"


def notes(house: House, person: str) -> tuple[str, list[tuple[str, str]]]:
    """What is remembered: as text, and as choices for deletion."""
    memory: Memory | None = house.agent.memory
    if memory is None:
        return f"**Note:** {harmless(house.agent.memory_problem or 'The memory is not open yet.')}", []
    try:
        found = memory.all(person)
    except MaieuticError as error:
        return f"**Note:** {harmless(str(error))}", []
    if not found:
        return "Nothing yet. I keep what you state, predict or prefer, in your words, and only that.", []
    return "\n".join(f"- {_line(note)}" for note in found), [
        (f"{note.kind}: {note.text[:60]}", note.id) for note in found
    ]


def _line(note: Note) -> str:
    outcome = f" → **{note.outcome}**" if note.outcome else ""
    return f"*{note.kind}* {harmless(note.text)}{outcome}"


def _find(house: House, thread: str, name: str | None) -> Evidence | None:
    if not name or not house.started.is_set():
        return None
    return house.agent.ledger.all(thread).get(name)


def _fenced(text: str) -> str:
    return text.replace("```", "` ` `")
