"""A conversation as a Jupyter notebook: tool calls as code with what they showed, figures inline."""

import json
from collections.abc import Iterator
from typing import Any

import nbformat
from nbformat import v4

from agent.events import Said
from agent.export.conversation import Conversation
from agent.export.report import quoted
from evidence import Evidence, as_figure, as_text
from evidence.code import as_call, references

SHOWN = "print(as_text({name}))\nas_figure({name})"


def notebook(conversation: Conversation) -> str:
    """The notebook as JSON; it runs from top to bottom wherever this package is installed."""
    made = v4.new_notebook(cells=list(_cells(conversation)))
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"  # the same conversation gives the same file
    nbformat.validate(made)
    return nbformat.writes(made) + "\n"


def _cells(conversation: Conversation) -> Iterator[Any]:
    yield v4.new_markdown_cell(f"# Conversation {conversation.thread}")
    tools = sorted({e.provenance.tool for e in conversation.evidence.values() if e.provenance})
    imports = ["import target", "from evidence import as_figure, as_text"]
    yield v4.new_code_cell("\n".join([*imports, *([f"from tools import {', '.join(tools)}"] if tools else [])]))
    made: dict[str, str] = {}  # what the cells so far made, by digest and by evidence id: the variable that holds it
    for part in conversation.shown:
        if isinstance(part, Said):
            who = "You" if part.who == "person" else "Maieutic"
            yield v4.new_markdown_cell(f"**{who}**\n\n{quoted(part.text)}")
        else:
            name = str(part.evidence)
            found = conversation.evidence[name]
            yield _measured(name, found, made)
            made |= dict.fromkeys(references(found), name)


def _measured(name: str, found: Evidence, made: dict[str, str]) -> Any:
    """One call with its output: the text, and the figure."""
    code = f"{name} = {as_call(found, made)}\n{SHOWN.format(name=name)}"
    figure = json.loads(as_figure(found).to_json())
    return v4.new_code_cell(
        code,
        outputs=[
            v4.new_output("stream", name="stdout", text=as_text(found) + "\n"),
            v4.new_output("display_data", data={"application/vnd.plotly.v1+json": figure, "text/plain": found.title}),
        ],
    )
