"""`python -m tools TOOL ...`: every technique from the shell.

python -m tools elicit_secret --target taboo-03
python -m tools logit_lens --target taboo-03 --prompt "give me a hint." --figure lens.png
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from evidence.errors import ArgumentError, MaieuticError
from target import turn
from tools import TOOLS, Tool, _calls
from tools._docs import write_pages


def main() -> None:
    """Parse the command line from the tools' own declarations and run one."""
    args = _parser().parse_args()
    try:
        args.run(args)
    except MaieuticError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(130)  # threads of libraries that are computing cannot be joined, and abort an orderly end


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools", description="Interpretability techniques, one command each."
    )
    commands = parser.add_subparsers(required=True, metavar="TOOL")
    for tool in TOOLS.values():
        _add(commands.add_parser(tool.name, help=tool.summary, description=f"{tool.summary} {tool.description}"), tool)
    docs = commands.add_parser("docs", help="write docs/tools/*.md from the declarations")
    docs.add_argument("--check", action="store_true", help="only say whether they are up to date")
    docs.set_defaults(run=_docs)
    return parser


def _add(parser: argparse.ArgumentParser, tool: Tool[Any, Any]) -> None:
    schema = tool.schema()
    for name, field in schema["properties"].items():
        required = name in schema.get("required", [])
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            help=f"{field['description']} {_form(field)}{_default(field)}".replace("%", "%%"),
            required=required,
            metavar=name.upper(),
        )
    parser.add_argument("--json", action="store_true", help="print the evidence as JSON instead of text")
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="also draw it: a page of its own (.html) or a picture (.png, .svg, .pdf)",
    )
    parser.set_defaults(run=lambda args: _run(tool, args))


def _form(field: dict[str, Any]) -> str:
    return "One, or several between commas, or a JSON list where a part has a comma. " if _is_list(field) else ""


def _default(field: dict[str, Any]) -> str:
    return f"(default: {json.dumps(field['default'])})" if field.get("default") is not None else ""


def _run(tool: Tool[Any, Any], args: argparse.Namespace) -> None:
    from evidence import as_text, store
    from tools import _figures

    types = tool.schema()["properties"]
    if args.figure:
        _figures.check(args.figure)
    named = [name for name in types if getattr(args, name) is not None]
    given = {name: _value(getattr(args, name), types[name]) for name in named}
    with _progress():
        evidence = _calls.run(tool.name, given, granted=_calls.EVERYTHING)
    store.keep(evidence)
    print(evidence.model_dump_json(indent=1) if args.json else as_text(evidence))
    if args.figure:
        _figures.write(evidence, args.figure)
        print(f"figure: {args.figure}", file=sys.stderr)


@contextmanager
def _progress() -> Iterator[None]:
    """Say on standard error what is being done."""
    mine = turn.Turn(owner="shell")
    with Console(stderr=True).status("starting") as line:

        def follow(what: str, share: float | None) -> None:
            line.update(what if share is None else f"{what} ({share:.0%})")

        mine.progress = follow
        with turn.taking(mine):
            yield


def _value(text: str, field: dict[str, Any]) -> Any:
    """A string stays as it was typed; a list is JSON, or its parts between commas; the rest is for the schema to read."""
    if not _is_list(field):
        return text
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        return json.loads(text)
    except ValueError as error:
        raise ArgumentError(
            f'{text!r:.80} is no JSON list ({error}): give for example \'["one, with a comma", "two"]\''
        ) from None


def _is_list(field: dict[str, Any]) -> bool:
    return "array" in {one.get("type") for one in field.get("anyOf", [field])}


def _docs(args: argparse.Namespace) -> None:
    stale = write_pages(Path(__file__).parent.parent / "docs" / "tools", check=args.check)
    if args.check and stale:
        sys.exit(f"docs/tools is out of date ({', '.join(stale)}): run `make docs`")


if __name__ == "__main__":
    main()
