"""Tool calls of a server: each on a thread of its own, followed and stopped by an id."""

import re
import secrets
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread

from evidence import Evidence, store
from evidence.errors import ArgumentError
from target import turn
from tools import _calls
from tools._tool import Capability

MOST_AT_ONCE = 64
"""Calls that run or wait for a model; further ones wait for their thread."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass
class Running:
    """One call under way."""

    id: str
    tool: str
    turn: turn.Turn
    started: float = field(default_factory=time.monotonic)
    doing: str = "starting"
    share: float | None = None

    def state(self) -> dict[str, Any]:
        """What a caller may know of it."""
        seconds = round(time.monotonic() - self.started, 1)
        return {"id": self.id, "tool": self.tool, "doing": self.doing, "share": self.share, "seconds": seconds}


class Calls:
    """The calls of one server."""

    def __init__(self, current: str, granted: Collection[Capability] = _calls.DEFAULT_GRANT) -> None:
        self.current = current
        self.granted = granted
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(
        self, name: str, arguments: Any, *, call: str | None = None, progress: turn.Progress | None = None
    ) -> Evidence:
        """Run a tool and keep its evidence; when the caller goes away, it stops.

        Raises:
            ToolError: the tool cannot do what was asked, was stopped, or the call's id is in use.
        """
        running = self._begin(name, call, progress)
        self._limiter = self._limiter or anyio.CapacityLimiter(MOST_AT_ONCE)

        def work() -> Evidence:
            found = _calls.run(name, arguments, current=self.current, granted=self.granted)
            store.keep(found)
            return found

        try:
            with turn.taking(running.turn):
                return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._limiter)
        finally:
            running.turn.stop.set()
            del self._running[running.id]

    def stop(self, call: str) -> None:
        """Stop a call; it ends with `Cancelled` at its next step.

        Raises:
            ArgumentError: no call of this id is under way.
        """
        self._one(call).turn.stop.set()

    def state(self, call: str) -> dict[str, Any]:
        """What a call is doing.

        Raises:
            ArgumentError: no call of this id is under way.
        """
        return self._one(call).state()

    def states(self) -> list[dict[str, Any]]:
        """All calls under way, oldest first."""
        return [running.state() for running in list(self._running.values())]

    def _one(self, call: str) -> Running:
        if call not in self._running:
            raise ArgumentError(f"no call {call[:80]!r} is under way: it has ended, or never began")
        return self._running[call]

    def _begin(self, name: str, call: str | None, progress: turn.Progress | None) -> Running:
        known = call if call is not None else secrets.token_urlsafe(12)
        if not _ID.fullmatch(known):
            raise ArgumentError(f"call={known[:80]!r} is not allowed: use up to 64 letters, digits, '-' and '_'")
        running = Running(known, name, turn.Turn(owner=f"call {known}"))

        def follow(what: str, share: float | None) -> None:
            running.doing, running.share = what, share
            if progress:
                progress(what, share)

        running.turn.progress = follow
        with self._lock:
            if known in self._running:
                raise ArgumentError(f"a call {known!r} is under way already: choose another id")
            self._running[known] = running
        return running
