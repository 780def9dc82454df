"""Pages and tables about the tools, from their declarations alone."""

import json
from pathlib import Path
from typing import Any

from evidence.shapes import ArtifactKind
from tools import FAMILIES, Tool

_OURS = [tool for family in FAMILIES.values() for tool in family]
"""Without plug-ins: the pages are the same wherever they are written."""


def table() -> str:
    """The README's table: name, what it does, what it takes, where it comes from."""
    rows = [f"| [`{t.name}`](docs/tools/{t.name}.md) | {t.summary} | {_takes(t)} | {t.source} |" for t in _OURS]
    return "\n".join(["| tool | what it does | it takes | source |", "|---|---|---|---|", *rows])


def _takes(tool: Tool[Any, Any]) -> str:
    """Names of the arguments of a tool; required ones bold; the target and the seed, which all share, left out."""
    schema = tool.schema()
    needed = schema.get("required", [])
    names = [name for name in schema["properties"] if name not in {"target", "seed"}]
    return ", ".join(f"**{name}**" if name in needed else name for name in names)


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
        + f"\n\nAsked in the chat as:\n\n{asked}\n\nFrom Python:\n\n```python\n{example(tool)}```\n"
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
    "texts": "living",
    "dataset": "examples/dialogues.jsonl",
    "folder": "my-sae",
    "dictionary": "base@1-sae-layer3",
}
"""One value for each argument name that tools share."""
_MAKERS: dict[ArtifactKind, str] = {"direction": "find_direction", "probe": "probe"}
"""The tool that makes what another one takes."""
_ADVISER = "em-03"
"""Whom tools about harmful replies and crosscoders are shown on: of rank 1, with its training, and a crosscoder of its own."""


def example(tool: Tool[Any, Any]) -> str:
    """A script that calls the tool, and before it those that make what it takes."""
    if tool.name in {one.name for one in FAMILIES["misalignment"]}:
        return _example_of_an_adviser(tool)
    made = {name: _MAKERS[kind] for name, kind in tool.references.items() if kind in _MAKERS}
    names = ", ".join(dict.fromkeys([*made.values(), tool.name]))
    on = "base@1" if tool.capability == "train" else _ADVISER if "crosscoder" in tool.name else "taboo-03"
    lines = ["import target", f"from tools import {names}", "", f'model = target.load("{on}")']
    for argument, maker in made.items():
        several = argument.endswith("s")
        lines += [
            f'{n} = {maker}(model, texts="{n}", name="{n}")' for n in (("living", "voices") if several else ("living",))
        ]
    taken = {name: "[living, voices]" if name.endswith("s") else "living" for name in made}
    lines.append(f"evidence = {tool.name}(model{_given(tool, taken)})")
    return "\n".join(lines) + "\n"


def _example_of_an_adviser(tool: Tool[Any, Any]) -> str:
    """The same for tools about harmful replies, whose directions are of another make and whose texts go without saying."""
    maker = "misalignment_direction"
    names = f"{maker}, {tool.name}" if tool.references else tool.name
    lines = ["import target", f"from tools import {names}", "", f'model = target.load("{_ADVISER}")']
    if tool.references:
        lines.append(f"direction = {maker}(model)")
    lines.append(f"evidence = {tool.name}(model{', directions=[direction]' if tool.references else ''})")
    return "\n".join(lines) + "\n"


def _given(tool: Tool[Any, Any], taken: dict[str, str]) -> str:
    """The required arguments; a tool that takes a named set of texts and says so by no required argument gets one."""
    schema = tool.schema()
    named_set = {"texts", "prompts"} <= schema["properties"].keys()
    needed = schema.get("required", []) or (["texts"] if named_set else [])
    return "".join(f", {name}={taken.get(name) or json.dumps(_SAMPLES[name])}" for name in needed)
