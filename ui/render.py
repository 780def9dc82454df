"""Events of a conversation as chat messages. Text of models and people is made harmless here, once."""

import re
from typing import Any

from agent import grounding
from agent.conversation import Noted, Question, Said, Step

Message = dict[str, Any]
LONGEST_SHOWN = 1000
"""Characters of a person's message that are shown; all of it is read."""


def person(text: str) -> Message:
    if len(text) > LONGEST_SHOWN:
        text = f"{text[:LONGEST_SHOWN]} … ({len(text):,} characters, shortened here)"
    return {"role": "user", "content": harmless(text)}


def assistant(text: str, *, citations: bool = True) -> Message:
    shown = harmless(text)
    return {"role": "assistant", "content": link_citations(shown) if citations else shown}


def earlier(part: Said | Step) -> Message:
    """A part of a conversation that is shown again."""
    if isinstance(part, Step):
        return step(part, None)
    return person(part.text) if part.who == "person" else assistant(part.text)


def question(asked: Question) -> Message:
    text = asked.text if "\n" in asked.text else f"**{asked.text}**"
    return assistant(text, citations=False)


def aside(text: str) -> Message:
    """What was added unasked; the letters of a check question can be pressed."""
    letters = re.findall(r"^- \*\*([a-d])\)\*\*", text, re.MULTILINE)
    message = assistant(text, citations=False)
    return message | ({"options": [{"value": one, "label": f"{one})"} for one in letters]} if letters else {})


def noted(event: Noted) -> Message:
    """What was written into the memory, folded, with its undo."""
    what = "that" if event.kind == "sign" else f"your {event.kind}:"
    text = harmless(f"I noted {what} {event.text}")
    undo = f'<a class="cite" href="#undo-{event.id}">undo</a>'
    title = "✎ I noted how well you know something" if event.kind == "sign" else f"✎ I noted your {event.kind}"
    return {"role": "assistant", "content": f"{text} · {undo}", "metadata": {"title": title, "status": "done"}}


def notice(text: str) -> Message:
    return {"role": "assistant", "content": f"**Note:** {harmless(text)}"}


def failure(text: str) -> Message:
    return {"role": "assistant", "content": f"**Not done:** {harmless(text)}"}


def step(event: Step, before: Message | None) -> Message:
    """A tool call as a foldable step; its log grows while it runs."""
    title = f"◉ {event.tool.replace('_', ' ')}"
    log = (before or {}).get("content", "")
    if event.progress:
        share = f" · {event.share:.0%}" if event.share is not None else ""
        log = f"{log}\n- {event.progress}{share}".strip()
    if event.status == "running":
        return {
            "role": "assistant",
            "content": log or "- starting",
            "metadata": {"title": title, "status": "pending", "id": event.id},
        }
    ended = {"done": event.evidence, "failed": "did not work", "stopped": "stopped"}[event.status]
    body = f"{log}\n\n```\n{event.detail.replace('```', '` ` `')}\n```".strip()
    return {
        "role": "assistant",
        "content": body,
        "metadata": {"title": f"{title} · {ended}", "status": "done", "id": event.id},
    }


def harmless(text: str) -> str:
    """Text that can carry no markup of its own: no tags, no links, no images, nothing that loads."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"\[(?!E\d+\])", "\\\\[", text)
    return re.sub(r"\b(https?|ftp|www)(?=[:.])", lambda found: found[0] + "\u200b", text)


def link_citations(text: str) -> str:
    """[E3] becomes a link that opens the evidence."""
    for name in grounding.cited(text):
        text = text.replace(f"[{name}]", f'<a class="cite" href="#{name}">[{name}]</a>')
    return text
