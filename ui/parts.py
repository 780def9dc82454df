"""The components of the page, and where they stand."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from agent.export import FORMS
from ui import learner, look, panels, records
from ui.session import House, target_names

TITLE = "<h1>Maieutic</h1><p>Ask what goes on inside a language model. Every number has its measurement.</p>"
EMPTY = "<p>The figure of the newest evidence appears here.</p>"


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
    third: gr.Button
    fourth: gr.Button
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
    replay: gr.Button
    copy: gr.Button
    replayed: gr.Markdown
    code: gr.Textbox
    board: gr.Markdown
    forms: list[gr.Button]
    file: gr.File
    no_file: gr.Markdown
    allowed: gr.Markdown
    withdraw: gr.Button
    map: gr.HTML
    known: gr.Markdown
    concept: gr.Dropdown
    knew: gr.Button
    unknown: gr.Button
    notes: gr.Markdown
    note: gr.Dropdown
    reworded: gr.Textbox
    change: gr.Button
    delete: gr.Button
    pause: gr.Checkbox
    export: gr.Button
    import_: gr.UploadButton
    forget: gr.Button
    exported: gr.File
    learner_said: gr.Markdown
    clicked: gr.Textbox

    def of(self, names: tuple[str, ...]) -> list[Any]:
        """Some of them, in the order in which a handler returns them."""
        return [getattr(self, name) for name in names]


def top(house: House) -> dict[str, Any]:
    """The title, the state, target, and a new conversation."""
    with gr.Row(elem_id="top"):
        gr.HTML(TITLE, elem_id="brand")
        state = gr.HTML(panels.state(house, {}), elem_id="state")
        target = gr.Dropdown(
            target_names(), value=house.target, label="Target", allow_custom_value=True, elem_id="target", scale=0
        )
        again = gr.Button("New conversation", size="sm", elem_id="again", scale=0)
    return {"target": target, "state": state, "again": again}


def conversation() -> dict[str, Any]:
    """What was said, a question of the loop, and the box."""
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
        first, second, third, fourth = (gr.Button(size="sm") for _ in panels.BUTTONS)
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
            container=False,
            interactive=False,  # until it is known who types: a message sent before that could not be taken
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
        "third": third,
        "fourth": fourth,
        "cut_off": cut_off,
        "resume": resume,
        "box": box,
        "ask": ask,
        "stop": stop,
        "hint": hint,
        "examples": examples,
    }


def evidence() -> dict[str, Any]:
    """The figure and where it comes from."""
    chosen = gr.Dropdown([], label="Evidence", elem_id="evidence", interactive=True, visible=False)
    empty = gr.HTML(EMPTY, elem_id="no-figure")
    figure = gr.Plot(show_label=False, elem_id="figure", visible=False)
    with gr.Accordion("Where this comes from", open=False, elem_id="origin"):
        with gr.Row():
            replay = gr.Button("Replay", size="sm", elem_id="replay")
            copy = gr.Button("Copy as Python", size="sm", elem_id="copy-python")
        replayed = gr.Markdown(elem_id="replayed")
        detail = gr.Markdown(panels.NOTHING_YET, elem_id="evidence-detail")
    code = gr.Textbox(visible=False)
    return {
        "chosen": chosen,
        "empty": empty,
        "figure": figure,
        "detail": detail,
        "replay": replay,
        "copy": copy,
        "replayed": replayed,
        "code": code,
    }


def as_a_whole() -> dict[str, Any]:
    """What stands so far, what is allowed, and files to take along."""
    with gr.Accordion("Hypotheses", open=False, elem_id="hypotheses"):
        board = gr.Markdown(records.NO_HYPOTHESES, elem_id="board")
    with gr.Accordion("Take it along", open=False, elem_id="take-along"):
        gr.Markdown("The conversation as a report to read, a notebook that runs, or a cassette that replays.")
        with gr.Row():
            forms = [gr.Button(form.capitalize(), size="sm", elem_id=f"take-{form}") for form in FORMS]
        no_file = gr.Markdown()
        file = gr.File(show_label=False, visible=False, interactive=False, elem_id="taken")
    with gr.Accordion("What I may do", open=False, elem_id="permissions"):
        allowed = gr.Markdown(records.ASKED_FIRST, elem_id="allowed")
        withdraw = gr.Button("I take back my permission", size="sm", visible=False, elem_id="withdraw")
    return {
        "board": board,
        "forms": forms,
        "no_file": no_file,
        "file": file,
        "allowed": allowed,
        "withdraw": withdraw,
    }


def memory() -> dict[str, Any]:
    """What is known of the person, and what they may do with it."""
    with gr.Accordion("What I believe you know, and remember about you", open=False, elem_id="memory"):
        map_ = gr.HTML(elem_id="concept-map")
        known = gr.Markdown(elem_id="known")
        with gr.Row():
            concept = gr.Dropdown(learner.names(), value=None, label="Concept", elem_id="concept")
            knew = gr.Button("I knew that", size="sm", elem_id="knew")
            unknown = gr.Button("I do not know that yet", size="sm", elem_id="unknown")
        notes = gr.Markdown(elem_id="notes")
        note = gr.Dropdown([], label="Choose a note", elem_id="note")
        reworded = gr.Textbox(label="What it should say", elem_id="reworded", max_lines=3)
        with gr.Row():
            change = gr.Button("Change it", size="sm", elem_id="change-note")
            delete = gr.Button("Delete it", size="sm", elem_id="delete-note")
        pause = gr.Checkbox(label="Pause: note nothing", elem_id="pause")
        with gr.Row():
            export = gr.Button("Export", size="sm", elem_id="export-notes")
            import_ = gr.UploadButton("Import", size="sm", file_types=[".json"], elem_id="import-notes")
            forget = gr.Button("Forget everything", size="sm", variant="stop", elem_id="forget")
        exported = gr.File(show_label=False, visible=False, interactive=False, elem_id="exported-notes")
        said = gr.Markdown(elem_id="learner-said")
    return {
        "map": map_,
        "known": known,
        "concept": concept,
        "knew": knew,
        "unknown": unknown,
        "notes": notes,
        "note": note,
        "reworded": reworded,
        "change": change,
        "delete": delete,
        "pause": pause,
        "export": export,
        "import_": import_,
        "forget": forget,
        "exported": exported,
        "learner_said": said,
    }
