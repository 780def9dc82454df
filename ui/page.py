"""The page: chat on the left, figure and evidence on the right, memory below."""

import html
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui import look
from ui.chat import Chat
from ui.session import House, target_names

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
STREAM: dict[str, Any] = {"concurrency_limit": 32, **QUIET}
TITLE = "<h1>Maieutic</h1><p>Ask what goes on inside a language model. Every number has its measurement.</p>"
WELCOME = "### What would you like to see inside?\nTry one of the questions below, or ask in your own words."


@dataclass
class Parts:
    """The components that handlers read and write."""

    session: gr.State
    browser: gr.BrowserState
    target: gr.Dropdown
    state: gr.HTML
    shown: gr.Chatbot
    question: gr.Row
    nothing: gr.Button
    skip: gr.Button
    box: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    resume: gr.Button
    again: gr.Button
    examples: list[gr.Button]
    chosen: gr.Dropdown
    figure: gr.Plot
    detail: gr.Markdown
    notes: gr.Markdown
    note: gr.Dropdown
    delete: gr.Button
    forget: gr.Button
    clicked: gr.Textbox


def build(house: House) -> gr.Blocks:
    """The whole page as Gradio blocks."""
    with gr.Blocks(title="Maieutic", analytics_enabled=False, fill_width=True) as page:
        stores = {
            "session": gr.State({}),
            "browser": gr.BrowserState(storage_key="maieutic", secret=house.browser_secret()),
        }
        top = _top(house)
        with gr.Row(elem_id="main", equal_height=False):
            with gr.Column(scale=5, min_width=320):
                left = _conversation()
            with gr.Column(scale=5, min_width=320):
                right = _evidence() | _memory()
        clicked = gr.Textbox(elem_id="cite-bridge", show_label=False, container=False)
        parts = Parts(**stores, **top, **left, **right, clicked=clicked)
        chat = Chat(house)
        _wire_conversation(page, chat, parts)
        _wire_panels(chat, parts)
        ticker = gr.Timer(1.0)
        ticker.tick(lambda: _tick(house), None, [parts.state, ticker], **QUIET)
    return page


def _top(house: House) -> dict[str, Any]:
    with gr.Row(elem_id="top"):
        gr.HTML(TITLE, elem_id="brand")
        target = gr.Dropdown(
            target_names(), value=house.target, label="Target", allow_custom_value=True, elem_id="target", scale=0
        )
        state = gr.HTML(_state(house), elem_id="state")
    return {"target": target, "state": state}


def _conversation() -> dict[str, Any]:
    shown = gr.Chatbot(
        elem_id="chat",
        show_label=False,
        height="60vh",
        buttons=[],
        feedback_options=None,
        layout="bubble",
        placeholder=WELCOME,
        allow_tags=False,
        latex_delimiters=[],
    )
    with gr.Row(visible=False, elem_id="question") as question:
        gr.Markdown("Type your guess below, or:")
        nothing = gr.Button("It hides nothing", size="sm")
        skip = gr.Button("Skip", size="sm")
    with gr.Row():
        box = gr.Textbox(
            placeholder="Ask about the target…",
            show_label=False,
            elem_id="ask",
            scale=8,
            max_lines=6,
            autofocus=True,
            container=False,
        )
        ask = gr.Button("Ask", variant="primary", elem_id="send", scale=1, min_width=70)
        stop = gr.Button("Stop", elem_id="stop", scale=1, min_width=70)
    with gr.Row(elem_id="examples"):
        examples = [gr.Button(text, size="sm") for text in look.EXAMPLES]
        again = gr.Button("↺ New conversation", size="sm", elem_id="again")
    resume = gr.Button("Go on where I was cut off", visible=False, variant="primary", size="sm")
    return {
        "shown": shown,
        "question": question,
        "nothing": nothing,
        "skip": skip,
        "box": box,
        "ask": ask,
        "stop": stop,
        "examples": examples,
        "again": again,
        "resume": resume,
    }


def _evidence() -> dict[str, Any]:
    chosen = gr.Dropdown([], label="Evidence", elem_id="evidence", interactive=True)
    figure = gr.Plot(show_label=False, elem_id="figure")
    with gr.Accordion("Where this comes from", open=False, elem_id="origin"):
        detail = gr.Markdown("Ask something; what is measured appears here.", elem_id="evidence-detail")
    return {"chosen": chosen, "figure": figure, "detail": detail}


def _memory() -> dict[str, Any]:
    with gr.Accordion("What I remember about you", open=False, elem_id="memory"):
        notes = gr.Markdown(elem_id="notes")
        note = gr.Dropdown([], label="Choose a note", elem_id="note")
        with gr.Row():
            delete = gr.Button("Delete it", size="sm", elem_id="delete-note")
            forget = gr.Button("Forget everything", size="sm", variant="stop", elem_id="forget")
    return {"notes": notes, "note": note, "delete": delete, "forget": forget}


def _wire_conversation(page: gr.Blocks, chat: Chat, p: Parts) -> None:
    streams = [p.shown, p.box, p.session, p.question, p.target]

    said = []
    sources = [(p.ask, p.box), *((one, one) for one in [*p.examples, p.nothing, p.skip])]
    for trigger, source in [(p.box.submit, p.box), *((button.click, source) for button, source in sources)]:
        said.append(trigger(chat.send, [source, p.shown, p.session, p.target], streams, **STREAM))
        _refresh(said[-1], chat, p)
    going_on = p.resume.click(chat.resume, [p.shown, p.session], streams, **STREAM)
    _refresh(going_on, chat, p)
    p.resume.click(lambda: gr.update(visible=False), None, p.resume, **QUIET)
    p.stop.click(chat.stop, p.session, None, queue=False, **PRIVATE)
    fresh = [p.shown, p.session, p.browser, p.question, p.resume]
    _refresh(p.again.click(chat.start_over, p.session, fresh, cancels=[*said, going_on], **QUIET), chat, p)
    opened = page.load(chat.greet, p.browser, [p.session, p.browser], **QUIET)
    restored = [p.shown, p.session, p.question, p.resume, p.target]
    _refresh(opened.then(chat.come_back, p.session, restored, **QUIET), chat, p)


def _wire_panels(chat: Chat, p: Parts) -> None:
    p.clicked.input(chat.open_citation, [p.clicked, p.session], [p.figure, p.detail, p.chosen], **QUIET)
    p.chosen.input(chat.open_evidence, [p.chosen, p.session], [p.figure, p.detail], **QUIET)
    p.delete.click(chat.delete_note, [p.note, p.session], [p.notes, p.note], **QUIET)
    p.forget.click(chat.forget_notes, p.session, [p.notes, p.note], **QUIET)


def _refresh(event: Any, chat: Chat, p: Parts) -> None:
    """After a turn: the newest figure, and what was noted."""
    event.then(chat.show_evidence, p.session, [p.figure, p.detail, p.chosen], **QUIET).then(
        chat.show_notes, p.session, [p.notes, p.note], **QUIET
    )


def _tick(house: House) -> tuple[str, gr.Timer]:
    return _state(house), gr.Timer(active=not house.settled)


def _state(house: House) -> str:
    kind = "failed" if house.failed else "ready" if house.ready else "busy"
    voice = f"agent: {house.agent.spec} · embedding: {house.agent.embedding}"
    return f'<span class="{kind}"><span class="dot"></span>{html.escape(house.status)}</span><br><small>{voice}</small>'
