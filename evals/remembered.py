"""Measurements that are made once: pupils of one suite ask the same of the same targets again and again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tools import TOOLS, Tool


@contextmanager
def remembered() -> Iterator[None]:
    """Within the block a tool called with the same target and arguments gives the evidence it gave before.

    Every tool is deterministic given its seed, so nothing that is judged changes. Those that take what others made are
    run each time: a name may mean another artefact by then.
    """
    before = dict(TOOLS)
    alone = {name: tool for name, tool in before.items() if not tool.references and tool.capability != "train"}
    TOOLS.update({name: tool.doing(_once(tool)) for name, tool in alone.items()})
    try:
        yield
    finally:
        TOOLS.update(before)


def _once(tool: Tool[Any, Any]) -> Callable[..., Any]:
    kept: dict[str, Any] = {}
    lock = threading.Lock()

    def function(target: Any, **given: Any) -> Any:
        named = {name: getattr(value, "name", value) for name, value in given.items()}
        key = f"{target.name} {sorted(named.items())!r}"
        with lock:
            if key in kept:
                return kept[key]
        found = tool.function(target, **given)
        with lock:
            kept[key] = found
        return found

    return function
