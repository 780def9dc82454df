"""Whose turn it is: who asked, how to tell them of progress, and whether they pressed stop.

Set once where a request enters (the page, the shell, a test) and read wherever work is done, so no
function between them has to pass it on.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from evidence.errors import Cancelled

Progress = Callable[[str, float | None], None]
"""Called with what is being done and the share that is done (0..1), None when unknown."""


@dataclass
class Turn:
    """One request of one person."""

    owner: str = "nobody"
    progress: Progress = lambda what, share: None
    stop: threading.Event = field(default_factory=threading.Event)


_current: ContextVar[Turn | None] = ContextVar("turn", default=None)


@contextmanager
def taking(turn: Turn) -> Iterator[Turn]:
    """Make `turn` the current one within the block."""
    token = _current.set(turn)
    try:
        yield turn
    finally:
        _current.reset(token)


def current() -> Turn:
    """The turn this code runs in; one of nobody's outside any."""
    return _current.get() or Turn()


def report(what: str, share: float | None = None) -> None:
    """Tell the person what is being done; raises `Cancelled` when they have pressed stop."""
    check()
    current().progress(what, share)


def check() -> None:
    """Raise `Cancelled` when the person has pressed stop."""
    if current().stop.is_set():
        raise Cancelled("stopped as you asked: what was measured before is kept, ask again to go on")
