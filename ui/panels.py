"""The panels beside the chat: the state, the figure with its evidence, and what is remembered of the person."""

import html
import json
from typing import Any

import gradio as gr
from gradio.components.plot import PlotData

from evidence import Evidence, as_figure, as_python, as_text
from evidence.errors import GroundingError
from tools import TOOLS
from ui.render import harmless
from ui.session import House

NOTHING_YET = "Ask something; what is measured appears here."
NARROWEST, WIDEST = 320, 640
"""Pixels for which a figure is drawn; on a wider page it is stretched."""


def state(house: House, session: dict[str, Any]) -> str:
    """One dot and one sentence: loading, ready, working or failed; and who answers."""
    kind = "failed" if house.failed else "ready" if house.ready else "busy"
    status = house.status
    if kind == "ready" and session.get("thread") in house.running:
        kind, status = "busy", "working"
    spent = f" · {session['spent']}" if session.get("spent") else ""
    voice = html.escape(f"agent: {house.agent.spec}{spent} · embedding: {house.agent.embedding}")
    return f'<span class="{kind}"><span class="dot"></span>{html.escape(status)}</span><small>{voice}</small>'


BUTTONS = ("first", "second", "third", "fourth")
ANSWERS = {
    "predict": ("Type a guess, or say how likely you find it:", "Sure", "Likely", "Unlikely", "Skip"),
    "plan": ("Run it? Type a change, such as `only 1`, or:", "Yes", "No"),
    "approve": ("Allow it?", "Yes", "No"),
}
"""What stands under a question of each kind: a hint, and the answers that need no typing."""


def question(kind: str | None) -> dict[str, Any]:
    """The row under a question of the loop; nothing while it asks none."""
    if kind is None:
        return {"question": gr.update(visible=False)}
    hint, *answers = ANSWERS.get(kind, ANSWERS["predict"])
    buttons = {
        name: gr.update(value=answers[n] if n < len(answers) else "", visible=n < len(answers))
        for n, name in enumerate(BUTTONS)
    }
    return {"question": gr.update(visible=True), "wording": hint} | buttons


def choices(house: House, session: dict[str, Any]) -> list[tuple[str, str]]:
    """The evidence of a conversation, to choose from."""
    if not house.started.is_set() or house.failed:
        return []
    return [(f"{name} · {_origin(found)}", name) for name, found in house.agent.ledger.all(session["thread"]).items()]


def evidence(house: House, session: dict[str, Any], name: str | None) -> dict[str, Any]:
    """The figure of one evidence and where it comes from, or a sentence in its place."""
    found = _find(house, session["thread"], name)
    drawn = gr.update(value=figure(found, session.get("width") or WIDEST) if found else None, visible=found is not None)
    return {"empty": gr.update(visible=found is None), "figure": drawn, "detail": detail(name, found)}


def figure(found: Evidence, width: int) -> PlotData:
    """The figure without Plotly's tool bar, which would cover the title."""
    drawn = json.loads(as_figure(found, width=min(max(width, NARROWEST), WIDEST)).to_json())
    return PlotData(type="plotly", plot=json.dumps(drawn | {"config": {"displayModeBar": False}}))


def detail(name: str | None, found: Evidence | None) -> str:
    """Tool, arguments, digests, numbers and the code of one evidence."""
    if found is None or found.provenance is None:
        return NOTHING_YET
    p = found.provenance
    verdict = (
        f"**{found.verdict.status}**: {harmless(found.verdict.claim)}" if found.verdict else "a description, no verdict"
    )
    facts = (
        f"**{name}** · `{p.tool}` on `{harmless(p.target)}` · {verdict}\n\n"
        f"weights `{p.weights}`{f' · adapter `{p.adapter}`' if p.adapter else ''} · control {p.control or 'none'} · seed {p.seed} · {p.seconds:.1f} s"
    )
    facts += f"\n\n{arguments(found)}"
    if p.used:
        facts += "\n\ntook " + ", ".join(f"the {a.kind} `{harmless(a.name)}` ({a.digest})" for a in p.used)
    return f"{facts}\n\n```\n{_fenced(as_text(found))}\n```\n\n```python\n{_fenced(as_python(found))}\n```"


def arguments(found: Evidence) -> str:
    """What the tool was called with, and what it took by default."""
    p = found.provenance
    if p is None or p.tool not in TOOLS:
        return ""
    usual = {
        name: field.get("default") for name, field in TOOLS[p.tool].schema()["properties"].items() if name != "target"
    }
    given = ", ".join(f"{name} = {_value(value)}" for name, value in p.arguments.items())
    rest = ", ".join(f"{name} = {_value(value)}" for name, value in usual.items() if name not in p.arguments)
    return f"with {given or 'nothing of its own'}" + (f"; by default {rest}" if rest else "")


def _value(value: Any) -> str:
    text = " ".join((", ".join(map(repr, value)) if isinstance(value, list) else repr(value)).split())
    return f"`{(text if len(text) <= 80 else text[:77] + '...').replace('`', '')}`"


def _find(house: House, thread: str, name: str | None) -> Evidence | None:
    if not name or not house.started.is_set() or house.failed:
        return None
    try:
        found: Evidence = house.agent.ledger.get(thread, name)
    except GroundingError:
        return None
    return found


def _origin(found: Evidence) -> str:
    if found.provenance is None:
        return found.title
    return f"{found.provenance.tool.replace('_', ' ')} on {found.provenance.target}"


def _fenced(text: str) -> str:
    return text.replace("```", "` ` `")
