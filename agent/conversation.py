"""A conversation as a stream of events: what the page, the terminal, the evals and the tests all use."""

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import models
from agent.events import (
    Answer,
    Aside,
    Event,
    Failure,
    Noted,
    Notice,
    Question,
    Said,
    Spent,
    Step,
    Words,
    unanswered,
)
from agent.kept import Kept, config, question
from agent.ledger import Ledger
from agent.message import fitting
from agent.spending import NOTHING, Budget
from agent.streaming import Heard
from evidence.errors import MaieuticError, MemoryError_
from evidence.home import data_home
from target import turn
from target.spec import DEFAULT_TARGET

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agent.nodes import Nodes
    from agent.people import People
    from agent.speaking import Voice

__all__ = [
    "Agent",
    "Answer",
    "Aside",
    "Event",
    "Failure",
    "Noted",
    "Notice",
    "Question",
    "Said",
    "Spent",
    "Step",
    "Words",
]
log = logging.getLogger(__name__)
CONVERSATIONS = "conversations.sqlite"


class Agent(Kept):
    """The loop with its stores: one per process, many conversations."""

    def __init__(
        self,
        spec: str = "guide",
        *,
        folder: Path | None = None,
        embedding: str | None = None,
        budget: Budget | None = None,
        remembers: bool = True,
    ) -> None:
        """Choose the voice, the place, and what a conversation may cost; stores open in `start`.

        Without `remembers` nothing is known of anybody, and nothing is taught unasked.
        """
        from agent.embedding import best_available

        self.spec = spec
        self.budget = budget or Budget()
        self.folder = folder or data_home()
        self.embedding = embedding or best_available()
        self.remembers = remembers
        self.memory_problem = "" if remembers else "this agent keeps no memory"
        self.memory: Any = None
        self.ledger: Any = None
        self.audit: Any = None
        self.archive: Any = None
        self.voice: Any = None
        self.checkpoints: Any = None
        self._heard = Heard()
        self._running: set[asyncio.Task[None]] = set()
        self._locks: dict[str, asyncio.Lock] = {}
        self._told: set[str] = set()

    def check(self) -> None:
        """Refuse a voice that cannot speak, before anything is opened; the guide always can.

        Raises:
            ModelError: the specification is unknown, or the provider's package or key is missing.
        """
        if self.spec != "guide":
            self._voice()

    def _model(self) -> "BaseChatModel":
        return models.resolve(self.spec, read=lambda *where: self.ledger.get(*where), embedding=self.embedding)

    def _voice(self) -> "Voice":
        from agent.speaking import Voice
        from agent.toolbox import Offer

        return Voice(self._model(), self.spec, Offer(models.is_small(self.spec), self.embedding), self.budget)

    async def start(self) -> "Agent":
        """Open the stores and build the graph. A memory that cannot be opened is said, and done without."""
        nodes = await asyncio.to_thread(self._open)  # heavy imports: the page must serve meanwhile
        from agent.graph import build

        self.graph = build(nodes, self.checkpoints)
        return self

    def _open(self) -> "Nodes":
        from agent.archive import Archive
        from agent.audit import Audit
        from agent.checkpoints import Checkpoints
        from agent.embedding import embedding
        from agent.memory import Memory
        from agent.nodes import Nodes
        from agent.permissions import Permissions

        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(self.folder / "ledger.sqlite")
        self.audit = Audit(self.folder)
        self.checkpoints = Checkpoints(self.folder / CONVERSATIONS)
        self.archive = Archive(self.folder / CONVERSATIONS)
        try:
            if self.remembers:
                server = os.environ.get("MAIEUTIC_CHROMA", "")
                self.memory = Memory(self.folder / "memory", embedding(self.embedding), server=server)
        except MemoryError_ as error:
            self.memory_problem = str(error)
            log.warning("%s", error)
        self.voice = self._voice()
        return Nodes(self.voice, self.ledger, Permissions(self.audit), self.archive, self.memory, self.embedding)

    async def close(self) -> None:
        """Close what was opened, so that another process may open it."""
        for store in (self.checkpoints, self.ledger, self.audit, self.archive, self.memory):
            if store:
                store.close()

    @property
    def people(self) -> "People | None":
        """What people may do with what is known of them; None without a memory."""
        from agent.people import People

        return People(self.memory) if self.memory else None

    async def send(
        self, thread: str, text: str, *, person: str, target: str = DEFAULT_TARGET, asked: turn.Turn | None = None
    ) -> AsyncIterator[Event]:
        """Say something; if the loop waits for an answer to its question, this is the answer."""
        from langchain_core.messages import HumanMessage
        from langgraph.types import Command

        try:
            said = fitting(text)
        except MaieuticError as error:
            yield Failure(str(error))
            return

        if self.memory_problem and self.remembers and thread not in self._told:
            self._told.add(thread)
            yield Notice(f"Nothing you say is remembered for another conversation: {self.memory_problem}.")

        async def step() -> Any:
            state = await self.admit(thread, person)
            if state.interrupts:
                return Command(resume=said)
            message = HumanMessage(said, id=f"turn-{uuid.uuid4().hex[:10]}")
            cut_off = unanswered(state.values.get("messages", []))
            return {"messages": [*cut_off, message], "thread": thread, "person": person, "target": target}

        async for event in self._run(thread, step, person, asked):
            yield event

    async def resume(self, thread: str, *, person: str, asked: turn.Turn | None = None) -> AsyncIterator[Event]:
        """Go on where a killed process stopped."""

        async def step() -> Any:
            await self.admit(thread, person)

        async for event in self._run(thread, step, person, asked):
            yield event

    def busy(self, thread: str) -> bool:
        """Whether a turn of this conversation runs, listened to or not."""
        return thread in self._locks and self._locks[thread].locked()

    async def settled(self, thread: str) -> None:
        """Wait until no turn of this conversation runs."""
        async with self._locks.setdefault(thread, asyncio.Lock()):
            return

    async def _run(
        self, thread: str, step: Callable[[], Awaitable[Any]], person: str, asked: turn.Turn | None
    ) -> AsyncIterator[Event]:
        """Run the graph in a task of its own; if the listener goes away the turn is stopped, not torn."""
        mine = asked or turn.Turn(owner=f"{person}/{thread}")
        events: asyncio.Queue[Event | None] = asyncio.Queue()

        async def pump() -> None:
            try:
                async with self._locks.setdefault(thread, asyncio.Lock()):  # a second message waits for the first
                    with turn.taking(mine):
                        async for event in self._turn(thread, step):
                            events.put_nowait(event)
            finally:
                events.put_nowait(None)

        task = asyncio.create_task(pump())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            while (event := await events.get()) is not None:
                yield event
        finally:
            if not task.done():
                mine.stop.set()

    async def _turn(self, thread: str, step: Callable[[], Awaitable[Any]]) -> AsyncIterator[Event]:
        asides: list[Aside] = []
        try:
            async for mode, chunk in self.graph.astream(
                await step(), config(thread), stream_mode=["custom", "messages"], durability="async"
            ):
                for event in self._heard.events(mode, chunk):
                    if isinstance(event, Aside):
                        asides.append(event)  # told after the answer that it follows
                    else:
                        yield event
            await self.checkpoints.keep_last(thread)
            state = await self.graph.aget_state(config(thread))
            if cost := self.budget.told(state.values.get("spent") or NOTHING):
                yield Spent(cost)
            if state.interrupts:
                yield question(state.interrupts[0].value)
            elif state.values.get("answer"):
                yield Answer(state.values["answer"], state.values["target"])
                for aside in asides:
                    yield aside
        except MaieuticError as error:
            yield Failure(str(error))
        except Exception as error:
            log.exception("a turn failed")
            yield Failure(
                f"something unexpected went wrong ({type(error).__name__}): nothing you said is lost, the log has the details"
            )
