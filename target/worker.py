"""One thread per hosted model, behind a fair queue.

nnsight is not thread-safe: two threads on one model give errors and, rarely, silently wrong tensors.
So every forward runs here. Owners take turns: one person's forty requests do not delay another's one.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from evidence.errors import Cancelled
from target import turn

T = TypeVar("T")
PATIENCE_SECONDS = 300.0
_POLL_SECONDS = 0.25


class Worker:
    """Runs functions one at a time on its own thread, owner by owner in turn."""

    def __init__(self, name: str, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._waiting: OrderedDict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = OrderedDict()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"target {name}", daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` on the worker's thread and wait for its result.

        Raises:
            Cancelled: the person pressed stop while waiting, or waited longer than the patience.
        """
        if threading.current_thread() is self._thread:
            return function()
        asked = turn.current()
        context = copy_context()
        future: Future[T] = Future()
        with self._changed:
            self._waiting.setdefault(asked.owner, deque()).append((future, lambda: context.run(function)))
            self._changed.notify()
        return self._wait(future, asked)

    def position(self, owner: str) -> int:
        """How many other owners are served before this one; 0 = next or running."""
        with self._changed:
            return list(self._waiting).index(owner) if owner in self._waiting else 0

    def _wait(self, future: "Future[T]", asked: turn.Turn) -> T:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return future.result(timeout=_POLL_SECONDS)
            except TimeoutError:
                if future.done():
                    return future.result()
            if asked.stop.is_set() and future.cancel():
                raise Cancelled("stopped as you asked, before the model's turn came: nothing was run")
            if not future.running() and (ahead := self.position(asked.owner)):
                asked.progress(f"waiting for the model: {ahead} ahead of you", None)
            if time.monotonic() > deadline and future.cancel():
                raise Cancelled(f"the model was busy for {self._patience:.0f} s: try again in a moment")

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                owner, jobs = self._waiting.popitem(last=False)
                future, job = jobs.popleft()
                if jobs:
                    self._waiting[owner] = jobs  # to the back of the line
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - not caught: handed to the thread that asked
                future.set_exception(error)
