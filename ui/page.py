"""The page: chat on the left, figure and evidence on the right, memory below."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui import chat, look, panels
from ui.chat import Chat
from ui.session import House, target_names

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
STREAM: dict[str, Any] = {"concurrency_limit": 32, "trigger_mode": "multiple", **QUIET}
TITLE = "<h1>Maieutic</h1><p>Ask what goes on inside a language model. Every number has its measurement.</p>"
EMPTY = "<p>The figure of the newest evidence appears here.</p>"
WIDTH = "(browser, width) => [browser, document.querySelector('#evidence-panel')?.clientWidth ?? 0]"


@dataclass
class Parts:
    """The components that handlers read and write."""

    session: gr.State
    browser: gr.BrowserState
    width: gr.Number
    target: gr.Dropdown
    state: gr.HTML
    again: gr.Button
    shown: gr.Chatbot
    question: gr.Row
    wording: gr.Markdown
    first: gr.Button
    second: gr.Button
    cut_off: gr.Row
    resume: gr.Button
    box: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    hint: gr.Markdown
    examples: list[gr.Button]
    chosen: gr.Dropdown
    empty: gr.HTML
    figure: gr.Plot
    detail: gr.Markdown
    notes: gr.Markdown
    note: gr.Dropdown
    delete: gr.Button
    forget: gr.Button
    clicked: gr.Textbox

    def of(self, names: tuple[str, ...]) -> list[Any]:
        """Some of them, in the order in which a handler returns them."""
        return [getattr(self, name) for name in names]


def build(house: House) -> gr.Blocks:
    """The whole page as Gradio blocks."""
    with gr.Blocks(title="Maieutic", analytics_enabled=False, fill_width=True) as page:
        stores = {
            "session": gr.State({}),
            "browser": gr.BrowserState(storage_key="maieutic", secret=house.browser_secret()),
            "width": gr.Number(visible=False),
        }
        top = _top(house)
        with gr.Row(elem_id="main", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="conversation"):
                left = _conversation()
            with gr.Column(scale=5, min_width=320, elem_id="evidence-panel"):
                right = _evidence() | _memory()
        clicked = gr.Textbox(elem_id="cite-bridge", show_label=False, container=False)
        parts = Parts(**stores, **top, **left, **right, clicked=clicked)
        handlers = Chat(house)
        _wire_turns(handlers, parts)
        _wire_arrival(page, handlers, parts)
        _wire_panels(handlers, parts)
        ticker = gr.Timer(1.0)
        ticker.tick(
            lambda session: (panels.state(house, session), gr.Timer(active=not house.settled)),
            parts.session,
            [parts.state, ticker],
            **QUIET,
        )
    return page


def _top(house: House) -> dict[str, Any]:
    with gr.Row(elem_id="top"):
        gr.HTML(TITLE, elem_id="brand")
        state = gr.HTML(panels.state(house, {}), elem_id="state")
        target = gr.Dropdown(
            target_names(), value=house.target, label="Target", allow_custom_value=True, elem_id="target", scale=0
        )
        again = gr.Button("New conversation", size="sm", elem_id="again", scale=0)
    return {"target": target, "state": state, "again": again}


def _conversation() -> dict[str, Any]:
    shown = gr.Chatbot(
        elem_id="chat",
        show_label=False,
        buttons=[],
        feedback_options=None,
        layout="bubble",
        placeholder="",
        allow_tags=False,
        latex_delimiters=[],
    )
    with gr.Row(visible=False, elem_id="question") as question:
        wording = gr.Markdown()
        first = gr.Button(size="sm", elem_id="first-answer")
        second = gr.Button(size="sm", elem_id="second-answer")
    with gr.Row(visible=False, elem_id="cut-off") as cut_off:
        gr.Markdown("This answer was interrupted; press Resume to go on.")
        resume = gr.Button("Resume", size="sm", elem_id="resume")
    with gr.Row(elem_id="asking"):
        box = gr.Textbox(
            placeholder="Ask about the target…",
            show_label=False,
            elem_id="ask",
            scale=8,
            max_lines=6,
            autofocus=True,
            container=False,
        )
        ask = gr.Button("Ask", variant="primary", elem_id="send", scale=0, min_width=76)
        stop = gr.Button("Stop", elem_id="stop", scale=0, min_width=76, visible=False)
    hint = gr.Markdown("", elem_id="hint")
    with gr.Row(elem_id="examples"):
        examples = [gr.Button(text, size="sm") for text in look.EXAMPLES]
    return {
        "shown": shown,
        "question": question,
        "wording": wording,
        "first": first,
        "second": second,
        "cut_off": cut_off,
        "resume": resume,
        "box": box,
        "ask": ask,
        "stop": stop,
        "hint": hint,
        "examples": examples,
    }


def _evidence() -> dict[str, Any]:
    chosen = gr.Dropdown([], label="Evidence", elem_id="evidence", interactive=True, visible=False)
    empty = gr.HTML(EMPTY, elem_id="no-figure")
    figure = gr.Plot(show_label=False, elem_id="figure", visible=False)
    with gr.Accordion("Where this comes from", open=False, elem_id="origin"):
        detail = gr.Markdown(panels.NOTHING_YET, elem_id="evidence-detail")
    return {"chosen": chosen, "empty": empty, "figure": figure, "detail": detail}


def _memory() -> dict[str, Any]:
    with gr.Accordion("What I remember about you", open=False, elem_id="memory"):
        notes = gr.Markdown(elem_id="notes")
        note = gr.Dropdown([], label="Choose a note", elem_id="note")
        with gr.Row():
            delete = gr.Button("Delete it", size="sm", elem_id="delete-note")
            forget = gr.Button("Forget everything", size="sm", variant="stop", elem_id="forget")
    return {"notes": notes, "note": note, "delete": delete, "forget": forget}


def _wire_turns(handlers: Chat, p: Parts) -> None:
    changed = p.of(chat.TURN)
    typed = [
        trigger(handlers.send_typed, [p.box, p.shown, p.session, p.target], changed, **STREAM)
        for trigger in (p.box.submit, p.ask.click)
    ]
    pressed = [
        button.click(handlers.send, [button, p.shown, p.session, p.target], changed, **STREAM)
        for button in (*p.examples, p.first, p.second)
    ]
    turns = [*typed, *pressed, p.resume.click(handlers.resume, [p.shown, p.session], changed, **STREAM)]
    again = p.again.click(handlers.start_over, p.session, [*changed, p.browser], cancels=turns, **QUIET)
    for event in (*turns, again):
        _refresh(event, handlers, p)
    p.stop.click(handlers.stop, p.session, p.stop, queue=False, **QUIET)


def _wire_arrival(page: gr.Blocks, handlers: Chat, p: Parts) -> None:
    opened = page.load(handlers.greet, [p.browser, p.width], [p.session, p.browser, p.shown], js=WIDTH, **QUIET)
    _refresh(opened.then(handlers.come_back, p.session, p.of(chat.TURN), **QUIET), handlers, p)


def _wire_panels(handlers: Chat, p: Parts) -> None:
    shown = p.of(chat.EVIDENCE)
    p.clicked.input(handlers.open_citation, [p.clicked, p.session], shown, **QUIET)
    p.chosen.input(handlers.open_evidence, [p.chosen, p.session], shown, **QUIET)
    p.delete.click(handlers.delete_note, [p.note, p.session], [p.notes, p.note], **QUIET)
    p.forget.click(handlers.forget_notes, p.session, [p.notes, p.note], **QUIET)


def _refresh(event: Any, handlers: Chat, p: Parts) -> None:
    """After a turn: the newest figure, and what was noted."""
    event.then(handlers.show_evidence, p.session, p.of(chat.EVIDENCE), **QUIET).then(
        handlers.show_notes, p.session, [p.notes, p.note], **QUIET
    )
