"""The page: chat on the left, figure and evidence on the right, memory below."""

from typing import Any

import gradio as gr

from ui import chat, learner, look, panels, parts, records
from ui.chat import Chat
from ui.learner import Learner
from ui.parts import Parts
from ui.records import Records
from ui.session import House

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
STREAM: dict[str, Any] = {"concurrency_limit": 32, "trigger_mode": "multiple", **QUIET}
WIDTH = "(browser, width) => [browser, document.querySelector('#evidence-panel')?.clientWidth ?? 0]"


def build(house: House) -> gr.Blocks:
    """The whole page as Gradio blocks."""
    with gr.Blocks(title="Maieutic", analytics_enabled=False, fill_width=True) as page:
        stores = {
            "session": gr.State({}),
            "browser": gr.BrowserState(storage_key="maieutic", secret=house.browser_secret()),
            "width": gr.Number(visible=False),
        }
        top = parts.top(house)
        with gr.Row(elem_id="main", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="conversation"):
                left = parts.conversation()
            with gr.Column(scale=5, min_width=320, elem_id="evidence-panel"):
                right = parts.evidence() | parts.as_a_whole() | parts.memory()
        clicked = gr.Textbox(elem_id="cite-bridge", show_label=False, container=False)
        p = Parts(**stores, **top, **left, **right, clicked=clicked)
        handlers = Chat(house)
        kept, known = Records(house), Learner(house)
        _wire_turns(handlers, kept, known, p)
        _wire_arrival(page, handlers, kept, known, p)
        _wire_panels(handlers, known, p)
        _wire_learner(known, p)
        _wire_records(kept, p)
        ticker = gr.Timer(1.0)
        ticker.tick(
            lambda session: (panels.state(house, session), gr.Timer(active=not house.settled)),
            p.session,
            [p.state, ticker],
            **QUIET,
        )
    return page


def _wire_turns(handlers: Chat, kept: Records, known: Learner, p: Parts) -> None:
    changed = p.of(chat.TURN)
    typed = [
        trigger(handlers.send_typed, [p.box, p.shown, p.session, p.target], changed, **STREAM)
        for trigger in (p.box.submit, p.ask.click)
    ]
    pressed = [
        button.click(handlers.send, [button, p.shown, p.session, p.target], changed, **STREAM)
        for button in (*p.examples, p.first, p.second, p.third, p.fourth, p.withdraw)
    ]
    pressed.append(p.shown.option_select(handlers.choose, [p.shown, p.session, p.target], changed, **STREAM))
    turns = [*typed, *pressed, p.resume.click(handlers.resume, [p.shown, p.session], changed, **STREAM)]
    again = p.again.click(handlers.start_over, p.session, [*changed, p.browser], cancels=turns, **QUIET)
    for event in (*turns, again):
        _refresh(event, handlers, kept, known, p)
    p.stop.click(handlers.stop, p.session, p.stop, queue=False, **QUIET)


def _wire_arrival(page: gr.Blocks, handlers: Chat, kept: Records, known: Learner, p: Parts) -> None:
    opened = page.load(handlers.greet, [p.browser, p.width], [p.session, p.browser, p.shown, p.box], js=WIDTH, **QUIET)
    _refresh(opened.then(handlers.come_back, p.session, p.of(chat.TURN), **QUIET), handlers, kept, known, p)


def _wire_learner(known: Learner, p: Parts) -> None:
    panel = p.of(learner.PANEL)
    p.delete.click(known.delete, [p.note, p.session], panel, **QUIET)
    p.change.click(known.reword, [p.note, p.reworded, p.session], panel, **QUIET)
    p.knew.click(known.knew, [p.concept, p.session], panel, **QUIET)
    p.unknown.click(known.does_not_know, [p.concept, p.session], panel, **QUIET)
    p.pause.input(known.pause, [p.pause, p.session], panel, **QUIET)
    p.export.click(known.export, p.session, p.exported, **QUIET)
    p.import_.upload(known.take_in, [p.import_, p.session], panel, **QUIET)
    p.forget.click(known.forget, p.session, panel, **QUIET)


def _wire_panels(handlers: Chat, known: Learner, p: Parts) -> None:
    shown = p.of(chat.EVIDENCE)
    p.clicked.input(handlers.open_citation, [p.clicked, p.session], shown, **QUIET).then(
        known.show, p.session, p.of(learner.PANEL), **QUIET
    )
    p.chosen.input(handlers.open_evidence, [p.chosen, p.session], shown, **QUIET)


def _wire_records(kept: Records, p: Parts) -> None:
    where = [p.chosen, p.session]
    p.replay.click(lambda: records.REPLAYING, None, p.replayed, **QUIET).then(
        kept.replay, where, p.replayed, concurrency_limit=4, **QUIET
    )
    p.copy.click(kept.code, where, p.code, **QUIET).then(None, p.code, None, js=look.COPY).then(
        lambda: records.COPIED, None, p.replayed, **QUIET
    )
    for button in p.forms:
        button.click(kept.take_along, [button, p.session], [p.file, p.no_file], **QUIET)


def _refresh(event: Any, handlers: Chat, kept: Records, known: Learner, p: Parts) -> None:
    """After a turn: the newest figure, what was noted, and what stands."""
    event.then(handlers.show_evidence, p.session, p.of(chat.EVIDENCE), **QUIET).then(
        known.show, p.session, p.of(learner.PANEL), **QUIET
    ).then(kept.standing, p.session, [p.board, p.allowed, p.withdraw], **QUIET)
