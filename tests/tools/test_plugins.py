"""Techniques of other people: an installed package's tool is on every surface; a broken one takes nothing down."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from tools import FAMILIES, TOOLS, _plugins

ROOT = Path(__file__).parent.parent.parent

_EVERYWHERE = """
import asyncio, json
import target
from mcp import Client
from starlette.testclient import TestClient
from agent.understanding.router import router
from tools import TOOLS, http_server, mcp_server

async def by_mcp():
    async with Client(mcp_server.server()) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        return names, (await client.call_tool("surprisal", {"target": "base@1", "prompt": "a fox is an animal."})).structured_content

names, mcp = asyncio.run(by_mcp())
http = TestClient(http_server.application()).post("/tools/surprisal", json={"target": "base@1", "prompt": "a fox is an animal."}).json()
own = TOOLS["surprisal"](target.load("base@1"), prompt="a fox is an animal.").model_dump(mode="json")
strip = lambda e: {k: v for k, v in e.items() if k != "provenance"}
print(json.dumps({
    "listed": "surprisal" in names, "same": strip(own) == strip(mcp) == strip(http), "verdict": own["verdict"]["status"],
    "routed": router("lexical").route('how surprising is "a fox is an animal." to base@1?', ["base@1"]).intent,
    "langchain": TOOLS["surprisal"].as_langchain().name,
}))
"""


@pytest.mark.slow
def test_an_installed_package_is_on_every_surface(tmp_path: Path) -> None:
    """Into a fresh environment that sees this one's packages; offline, and without dependencies."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    site = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    (site / "parent.pth").write_text("\n".join([*(entry for entry in sys.path if "site-packages" in entry), str(ROOT)]))
    python = tmp_path / "venv" / "bin" / "python"
    source = tmp_path / "plugin"  # setuptools builds beside the sources
    subprocess.run(["cp", "-r", str(ROOT / "examples" / "plugin"), str(source)], check=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--prefix", str(tmp_path / "venv"), str(source)], check=True)

    done = run(python, "-c", _EVERYWHERE, folder=tmp_path)
    assert json.loads(done.splitlines()[-1]) == {
        "listed": True,
        "same": True,
        "verdict": "supported",
        "routed": "surprisal",
        "langchain": "surprisal",
    }
    words = run(
        python, "-m", "tools", "surprisal", "--target", "base@1", "--prompt", "a fox is an animal.", folder=tmp_path
    )
    assert "verdict: supported" in words


def test_what_cannot_be_used_is_left_out_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [
        EntryPoint("missing", "no_such_module:tool", _plugins.GROUP),
        EntryPoint("no_tool", "json:dumps", _plugins.GROUP),
        EntryPoint("taken", "tools.ask:ask", _plugins.GROUP),
    ]
    monkeypatch.setattr(_plugins, "entry_points", lambda group: entries)
    assert _plugins.plugins(TOOLS) == ()
    said = " ".join(caplog.messages)
    assert "cannot be imported: No module named 'no_such_module'" in said
    assert "names no function made a tool by @tool" in said and "a tool named 'ask' exists already" in said


def test_our_own_pages_do_not_change_with_what_is_installed() -> None:
    from tools import _docs

    assert len(_docs._OURS) == sum(map(len, FAMILIES.values()))


def run(python: Path, *words: str, folder: Path) -> str:
    environment: dict[str, Any] = {"MAIEUTIC_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [str(python), *words], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
