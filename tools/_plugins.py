"""Techniques of other people: packages that name their tools in the entry-point group `maieutic.tools`."""

import logging
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tools._tool import Tool

GROUP = "maieutic.tools"
log = logging.getLogger(__name__)


def plugins(taken: Collection[str]) -> tuple[Tool[Any, Any], ...]:
    """The tools of installed packages, by name; one that cannot be used is left out, and the log says why."""
    found: dict[str, Tool[Any, Any]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        tool = _loaded(entry)
        if tool is None:
            continue
        if tool.name in taken or tool.name in found:
            log.warning("the plug-in %s is left out: a tool named %r exists already", _where(entry), tool.name)
            continue
        found[tool.name] = tool
    return tuple(found.values())


def _loaded(entry: EntryPoint) -> Tool[Any, Any] | None:
    """What an entry point names, if it is a tool."""
    try:
        named = entry.load()
    except Exception as error:  # noqa: BLE001 - somebody else's code: it must not take our tools down with it
        log.warning("the plug-in %s is left out, it cannot be imported: %s", _where(entry), error)
        return None
    if not isinstance(named, Tool):
        log.warning("the plug-in %s is left out: it names no function made a tool by @tool", _where(entry))
        return None
    return named


def _where(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist else "an unknown package"
    return f"{entry.name!r} of {package} ({entry.value})"
