"""What one browser tab holds, and the one agent all of them share."""

import asyncio
import logging
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from agent.conversation import Agent
from evidence.errors import MaieuticError
from target import turn
from target.spec import catalogue

log = logging.getLogger(__name__)
HEAD_START_SECONDS = 1.0
"""How long loading waits after the page begins to serve, so that the first visitor does not compete with it."""


@dataclass
class House:
    """The shared parts of a running page: the agent, and how far its loading is."""

    agent: Agent
    target: str
    status: str = "starting"
    ready: bool = False
    failed: bool = False
    """Whether the stores could not be opened: then no question can be answered."""
    started: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the stores are open, or have failed."""
    running: dict[str, turn.Turn] = field(default_factory=dict)
    """The turn in progress of each conversation, so that stop can find it."""
    handed_back: dict[str, str] = field(default_factory=dict)
    """The message of each conversation that came while a turn ran."""

    @property
    def settled(self) -> bool:
        return self.ready or self.failed

    async def warm_up(self) -> None:
        """Open the stores, then load what the first question needs, saying what is being done."""
        self.status = f"loading the memory ({self.agent.embedding})"
        await asyncio.sleep(HEAD_START_SECONDS)
        try:
            await self.agent.start()
        except Exception as error:
            log.exception("the page could not open its stores")
            self.status, self.failed = f"the page cannot answer: {error}", True
            return
        finally:
            self.started.set()
        self.status = f"loading {self.target}"
        try:
            await asyncio.to_thread(self._load)
            self.status = "ready"
        except MaieuticError as error:
            self.status = f"{error} (other targets may be asked about)"
        self.ready = True

    def _load(self) -> None:
        import target
        from agent.understanding.router import router

        router(self.agent.embedding)
        found = target.load(self.target)
        found.reply([[{"role": "user", "content": "hello."}]], max_new_tokens=2)  # the first trace compiles its block

    def browser_secret(self) -> str:
        """What browsers' stored names are sealed with; kept, so that they are known again after a restart."""
        file = self.agent.folder / "page.secret"
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
            return file.read_text(encoding="utf-8")


def new_person() -> dict[str, Any]:
    """A browser without a name gets one that only it knows."""
    return {"person": f"p-{uuid.uuid4().hex}", "thread": new_thread()}


def new_thread() -> str:
    return f"t-{uuid.uuid4().hex[:16]}"


def target_names() -> list[str]:
    return list(dict.fromkeys(entry.name for entry in catalogue().values()))
