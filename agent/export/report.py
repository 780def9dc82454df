"""A conversation as a Markdown report: what was said, then each evidence with its numbers, origin and code."""

from collections.abc import Iterator

from agent.events import Said, Step
from agent.export.conversation import Conversation
from agent.hypotheses import board, written
from evidence import Evidence, as_python, as_text


def report(conversation: Conversation) -> str:
    """The report; citations lead to the evidence below."""
    return "\n\n".join(_parts(conversation)) + "\n"


def _parts(conversation: Conversation) -> Iterator[str]:
    yield f"# Conversation {conversation.thread}"
    for part in conversation.shown:
        yield linked(_told(part), conversation)
    if hypotheses := written(board(conversation.evidence)):
        yield "## Hypotheses"
        yield linked(hypotheses, conversation)
    yield "## Evidence"
    for name, found in conversation.evidence.items():
        yield _evidence(name, found)
    if not conversation.evidence:
        yield "Nothing was measured."


def linked(text: str, conversation: Conversation) -> str:
    """Citations as links to the evidence of the same report."""
    for name in conversation.evidence:
        text = text.replace(f"[{name}]", f"[\\[{name}\\]](#{name.lower()})")
    return text


def quoted(text: str) -> str:
    """Somebody's words as a block of their own, whatever they hold."""
    return "\n".join(f"> {line}".rstrip() for line in text.replace("<", "&lt;").splitlines())


def fenced(text: str, language: str = "") -> str:
    """Text that is shown as it is; a fence within it cannot end it."""
    return f"~~~~~~{language}\n{text.strip()}\n~~~~~~"


def _told(part: Said | Step) -> str:
    if isinstance(part, Step):
        return f"*Measured: {part.tool.replace('_', ' ')}* [{part.evidence}]"
    return f"**{'You' if part.who == 'person' else 'Maieutic'}**\n\n{quoted(part.text)}"


def _evidence(name: str, found: Evidence) -> str:
    return f"### {name}\n\n{fenced(as_text(found))}\n\nAgain:\n\n{fenced(as_python(found), 'python')}"
