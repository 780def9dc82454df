"""What has come of conversations, read from the stores that keep them; and deleting one from all of them."""

import asyncio
from typing import TYPE_CHECKING, Any

from agent.events import Question, Said, Step, told
from agent.spending import NOTHING, Budget
from evidence import artifacts
from evidence.errors import NotYours

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.types import StateSnapshot

    from agent.export.conversation import Conversation
    from tools._tool import Capability


class Kept:
    """The stores of an agent, and what they hold of a conversation."""

    graph: Any
    ledger: Any
    archive: Any
    memory: Any
    budget: Budget
    checkpoints: Any

    async def admit(self, thread: str, person: str) -> "StateSnapshot":
        """Let somebody into a conversation that is theirs, or nobody's yet; where it stands.

        Raises:
            NotYours: it is somebody else's.
        """
        state: StateSnapshot = await self.graph.aget_state(config(thread))
        if state.values.get("person") not in (None, person):
            raise NotYours("this conversation is somebody else's: begin one of your own")
        return state

    async def waiting(self, thread: str) -> Question | None:
        """The question the loop is waiting on, if any."""
        state = await self.graph.aget_state(config(thread))
        return question(state.interrupts[0].value) if state.interrupts else None

    async def unfinished(self, thread: str) -> bool:
        """Whether the conversation was cut off in the middle of a turn."""
        state = await self.graph.aget_state(config(thread))
        return (
            bool(state.tasks) and not state.interrupts
        )  # `next` leaves out a step that ended but was not taken in yet

    async def target(self, thread: str) -> str | None:
        """The target a conversation is about, if it has begun."""
        state = await self.graph.aget_state(config(thread))
        return state.values.get("target")

    async def spent(self, thread: str) -> str:
        """What a conversation has cost, in a few words; empty when nothing."""
        state = await self.graph.aget_state(config(thread))
        return self.budget.told(state.values.get("spent") or NOTHING)

    async def granted(self, thread: str) -> "list[Capability]":
        """What the person has allowed in this conversation beside what is always allowed."""
        state = await self.graph.aget_state(config(thread))
        return list(state.values.get("granted") or [])

    async def conversation(self, thread: str) -> "Conversation":
        """What was said and measured, to take along."""
        from agent.export.conversation import Conversation

        values = (await self.graph.aget_state(config(thread))).values
        person = values.get("person")
        notes = await asyncio.to_thread(self.memory.all, person) if self.memory and person else []
        mine = [note for note in notes if note.thread == thread]
        return Conversation(thread, await self.story(thread), self.ledger.all(thread), mine, values.get("rounds") or [])

    async def history(self, thread: str) -> list[tuple[str, str]]:
        """What was said: ("person" | "assistant", text), oldest first."""
        return [(part.who, part.text) for part in await self.story(thread) if isinstance(part, Said)]

    async def story(self, thread: str) -> list[Said | Step]:
        """What was said and measured, oldest first."""
        return told(await self._messages(thread))

    async def _messages(self, thread: str) -> list[Any]:
        state = await self.graph.aget_state(config(thread))
        recent = list(state.values.get("messages", []))
        known = {message.id for message in recent}
        earlier = await asyncio.to_thread(self.archive.read, thread)
        return [message for message in earlier if message.id not in known] + recent

    async def threads(self) -> dict[str, str]:
        """Every conversation, and whose it is."""
        names = await self.checkpoints.threads()
        return {name: (await self.graph.aget_state(config(name))).values.get("person", "") for name in names}

    async def forget(self, thread: str) -> None:
        """Delete a conversation: what was said, where it stands, what was measured in it and what that made."""
        found = await asyncio.to_thread(self.ledger.all, thread)
        await asyncio.to_thread(artifacts.forget, [e.provenance.id for e in found.values() if e.provenance])
        await self.checkpoints.adelete_thread(thread)
        await asyncio.to_thread(self.archive.forget, thread)
        await asyncio.to_thread(self.ledger.forget, thread)


def question(value: dict[str, Any]) -> Question:
    return Question(value["kind"], value["question"], value.get("target", ""))


def config(thread: str) -> "RunnableConfig":
    return {"configurable": {"thread_id": thread}, "recursion_limit": 60}
