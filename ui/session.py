"""What one browser tab holds, and the one agent all of them share."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

from agent.conversation import Agent
from target import turn
from target.spec import catalogue


@dataclass
class House:
    """The shared parts of a running page: the agent, and how far its loading is."""

    agent: Agent
    target: str
    status: str = "starting"
    failed: bool = False
    ready: bool = False
    started: asyncio.Event = field(default_factory=asyncio.Event)
    running: dict[str, turn.Turn] = field(default_factory=dict)
    """The turn in progress of each conversation, so that stop can find it."""

    async def warm_up(self) -> None:
        """Open the stores, then load what the first question needs, saying what is being done."""
        from evidence.errors import MaieuticError

        try:
            self.status = f"loading the memory ({self.agent.embedding})"
            await self.agent.start()
            self.started.set()
            self.status = f"loading {self.target}"
            await asyncio.to_thread(self._load)
            self.status, self.ready = "ready", True
        except MaieuticError as error:
            self.status, self.failed = str(error), True
            self.started.set()

    def _load(self) -> None:
        import target
        from agent.router import router

        router(self.agent.embedding)
        found = target.load(self.target)
        found.reply([[{"role": "user", "content": "hello."}]], max_new_tokens=2)  # the first trace compiles its block


def new_person() -> dict[str, Any]:
    """A browser without a name gets one that only it knows."""
    return {"person": f"p-{uuid.uuid4().hex}", "thread": new_thread()}


def new_thread() -> str:
    return f"t-{uuid.uuid4().hex[:16]}"


def target_names() -> list[str]:
    return list(dict.fromkeys(entry.name for entry in catalogue().values()))
