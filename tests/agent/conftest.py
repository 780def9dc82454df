"""An agent whose words are scripted."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage

from agent import models
from agent.conversation import Agent, Event
from agent.models.scripted import Scripted


class Stage:
    """An agent whose words are scripted."""

    def __init__(self, agent: Agent, script: Scripted) -> None:
        self.agent, self.script = agent, script

    async def say(self, text: str, thread: str = "t", **options: Any) -> list[Event]:
        return [event async for event in self.agent.send(thread, text, person="ann", **options)]


@pytest_asyncio.fixture
async def stage(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    agents: list[Stage] = []

    async def make(*steps: AIMessage, voice: str = "scripted") -> Stage:
        script = Scripted(steps=list(steps))
        if voice == "scripted":
            monkeypatch.setattr(models, "resolve", lambda *a, **k: script)
        agents.append(Stage(await Agent(voice, folder=data_folder, embedding="lexical").start(), script))
        return agents[-1]

    yield make
    for one in agents:
        await one.agent.close()
