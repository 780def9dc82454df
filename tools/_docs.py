"""Pages and tables about the tools, from their declarations alone."""

import json
from pathlib import Path
from typing import Any

from tools import FAMILIES, Tool

_OURS = [tool for family in FAMILIES.values() for tool in family]
"""Without plug-ins: the pages are the same wherever they are written."""


def table() -> str:
    """The README's table: name, what it does, where it comes from."""
    rows = [f"| [`{t.name}`](docs/tools/{t.name}.md) | {t.summary} | {t.source} |" for t in _OURS]
    return "\n".join(["| tool | what it does | source |", "|---|---|---|", *rows])


def page(tool: Tool[Any, Any]) -> str:
    """The page of one tool."""
    schema = tool.schema()
    required = schema.get("required", [])
    rows = [_row(name, field, required=name in required) for name, field in schema["properties"].items()]
    asked = "\n".join(f"- {example}" for example in tool.asked_as[:6])
    return (
        f"# {tool.name}\n\n{tool.summary}\n\n{tool.description}\n\nSource: {tool.source}. Capability: {tool.capability}. "
        f"Returns: {tool.result.__name__}.\n\n"
        "| argument | type | default | meaning |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\nAsked in the chat as:\n\n{asked}\n\nFrom Python:\n\n```python\nimport target\nfrom tools import {tool.name}\n\n"
        f'evidence = {tool.name}(target.load("taboo-03"){_example(tool)})\n```\n'
    )


def write_pages(folder: Path, *, check: bool) -> list[str]:
    """Write every page, or with `check` only name those that are out of date."""
    folder.mkdir(parents=True, exist_ok=True)
    stale = [
        t.name
        for t in _OURS
        if not (folder / f"{t.name}.md").exists() or (folder / f"{t.name}.md").read_text("utf-8") != page(t)
    ]
    if not check:
        for tool in _OURS:
            (folder / f"{tool.name}.md").write_text(page(tool), encoding="utf-8")
    return stale


def _row(name: str, field: dict[str, Any], *, required: bool) -> str:
    default = "required" if required else f"`{field.get('default')!r}`"
    return f"| `{name}` | {_type(field)} | {default} | {field['description']} |"


def _type(field: dict[str, Any]) -> str:
    kinds = [one.get("type", "?") for one in field.get("anyOf", [field])]
    return " or ".join(kind for kind in kinds)


_SAMPLES: dict[str, Any] = {
    "prompt": "is a fox small?",
    "other_prompt": "is a fox huge?",
    "prompts": ["what is a fox?", "hello."],
    "questions": ["do you have a secret word?"],
    "word": "yes",
    "other_word": "no",
    "words": ["secret"],
    "layer": 2,
    "feature": 42,
    "direction": "voices",
    "directions": ["voices", "living"],
    "probe": "living",
}
"""One value for each argument name that tools share."""


def _example(tool: Tool[Any, Any]) -> str:
    return "".join(f", {name}={json.dumps(_SAMPLES[name])}" for name in tool.schema().get("required", []))
