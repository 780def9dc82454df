"""A call from outside: a tool by its name, with arguments that nobody has checked yet. Every surface calls here."""

import difflib
from collections.abc import Collection
from typing import Any, get_args

from evidence import Evidence
from evidence.errors import ArgumentError, NotGranted
from tools._tool import Capability, Tool

DEFAULT_GRANT: frozenset[Capability] = frozenset({"read", "compute", "intervene"})
"""What anyone may do who may call tools at all; `train` and `export` are granted by name."""
EVERYTHING: frozenset[Capability] = frozenset(get_args(Capability))
"""For a person at their own machine, and where approval was asked for before."""


def find(name: str) -> Tool[Any, Any]:
    """A tool by its name.

    Raises:
        ArgumentError: there is none; close names are suggested.
    """
    from tools import TOOLS

    if name in TOOLS:
        return TOOLS[name]
    close = difflib.get_close_matches(name, TOOLS, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ArgumentError(f"there is no tool {name[:80]!r}: {hint}there are {', '.join(TOOLS)}")


def run(
    name: str, arguments: Any, *, current: str | None = None, granted: Collection[Capability] = DEFAULT_GRANT
) -> Evidence:
    """Run a tool; the target is among the arguments, else `current`, else the default one.

    Raises:
        NotGranted: the tool does more than the caller may.
        ToolError: there is no such tool, or it cannot do what was asked.
    """
    from target.spec import DEFAULT_TARGET

    tool = find(name)
    if not isinstance(arguments, dict):
        raise ArgumentError(f"{arguments!r:.60} came: the arguments of {name} are one object of names and values")
    given = dict(arguments)
    target = given.pop("target", None)
    tool.check(given)
    if tool.capability not in granted:
        raise NotGranted(
            f"{name} needs the capability {tool.capability!r}, which was not granted here: "
            f"granted are {', '.join(sorted(granted))}"
        )
    found: Evidence = tool.call(target if target is not None else current or DEFAULT_TARGET, given)
    return found
