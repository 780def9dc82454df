"""No network beyond this machine, a data folder of its own, and one hosted base for the whole run."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "2")

import pytest
import pytest_asyncio

from agent import home

home.be_quiet()

import target
from agent.conversation import Agent
from target.target import Target
from tests.models import save_tiny

_connect = socket.socket.connect


@pytest.fixture(autouse=True, scope="session")
def _this_machine_only() -> Iterator[None]:
    """Any connection that leaves the machine fails the test that makes it."""

    def connect(self: socket.socket, address: Any) -> Any:
        host = address[0] if isinstance(address, tuple) else ""
        if host and host not in {"127.0.0.1", "::1", "localhost"}:
            raise AssertionError(f"a test tried to reach {host!r}")
        return _connect(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own data folder."""
    monkeypatch.setenv("MAIEUTIC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """A random three-layer model."""
    return target.load(str(save_tiny("llama", tmp_path_factory.mktemp("tiny"))))


@pytest.fixture(scope="session")
def organism() -> Target:
    """One shipped fine-tune; which one hides what is not this fixture's to know."""
    return target.load("taboo-03")


@pytest_asyncio.fixture
async def agent(data_folder: Path) -> AsyncIterator[Agent]:
    """The guide with its stores in the test's folder."""
    found = await Agent(folder=data_folder).start()
    yield found
    await found.close()
