"""Sixteen callers at once over MCP and HTTP on one target: no error, no crossed result."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.browser import free_port
from evals.result import Metric, share
from evidence.errors import MaieuticError

CALLERS, CALLS = 16, 8
"""How many callers there are, and how many calls each makes."""
_ROOT = Path(__file__).parent.parent
_NOUNS = (
    "fox",
    "owl",
    "boat",
    "lamp",
    "apple",
    "bear",
    "cat",
    "dog",
    "frog",
    "goat",
    "hammer",
    "drum",
    "piano",
    "carrot",
)
Result = tuple[str, dict[str, Any] | None]


def run() -> Iterator[Metric]:
    """The same calls one after the other and all together, against servers in processes of their own."""
    for name, module, options in (("HTTP", "tools.http_server", []), ("MCP", "tools.mcp_server", ["--http"])):
        with tempfile.TemporaryDirectory() as home, _serving(module, options, home) as address:
            yield from asyncio.run(_measure(name, address))


async def _measure(name: str, address: str) -> list[Metric]:
    jobs = [[_job(caller, call) for call in range(CALLS)] for caller in range(CALLERS)]
    count = CALLERS * CALLS
    connect = _by_http if name == "HTTP" else _by_mcp
    await connect(address, [_job(0, 0)])  # the first call loads the model
    started = time.monotonic()
    alone = [await connect(address, mine) for mine in jobs]
    serial = time.monotonic() - started
    started = time.monotonic()
    together = await asyncio.gather(*(connect(address, mine) for mine in jobs))
    parallel = time.monotonic() - started
    failed = sum(found is None for results in [*alone, *together] for _, found in results)
    right = sum(
        found is not None and _lasting(found) == _lasting(own)
        for mine, theirs in zip(alone, together, strict=True)
        for (_, own), (_, found) in zip(mine, theirs, strict=True)
        if own is not None
    )
    return [
        share(f"{name}: calls without an error", 2 * count - failed, 2 * count, bar=1.0),
        share(f"{name}: results equal to those of calls made alone", right, count, bar=1.0),
        Metric(f"{name}: calls a second, one after the other", round(count / serial, 1), count),
        Metric(f"{name}: calls a second, {CALLERS} callers at once", round(count / parallel, 1), count),
        Metric(f"{name}: throughput together / one after the other", round(serial / parallel, 2)),
    ]


def _job(caller: int, call: int) -> tuple[str, dict[str, Any]]:
    """Every caller asks about its own words, targets alternating, so that a crossed result would be seen."""
    noun = _NOUNS[(caller + 3 * call) % len(_NOUNS)]
    target = ("base@1", "taboo-03", "taboo-05")[(caller + call) % 3]
    if call % 2:
        return "logit_lens", {"target": target, "prompt": f"what is a {noun}?", "layers": [2, 4]}
    return "ask", {"target": target, "prompt": f"what is a {noun}?", "seed": caller}


async def _by_http(address: str, jobs: list[tuple[str, dict[str, Any]]]) -> list[Result]:
    import httpx

    async with httpx.AsyncClient(base_url=address, timeout=300) as client:
        answers = [(tool, await client.post(f"/tools/{tool}", json=given)) for tool, given in jobs]
    return [(tool, answer.json() if answer.status_code == 200 else None) for tool, answer in answers]


async def _by_mcp(address: str, jobs: list[tuple[str, dict[str, Any]]]) -> list[Result]:
    from mcp import Client

    async with Client(f"{address}/mcp") as client:
        answers = [(tool, await client.call_tool(tool, given)) for tool, given in jobs]
    return [(tool, None if answer.is_error else answer.structured_content) for tool, answer in answers]


def _lasting(evidence: dict[str, Any]) -> str:
    stamp = {k: v for k, v in evidence["provenance"].items() if k not in {"seconds", "peak_megabytes", "made_at"}}
    return json.dumps(evidence | {"provenance": stamp}, sort_keys=True)


@contextmanager
def _serving(module: str, options: list[str], home: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--port", str(port), *options],
        cwd=_ROOT,
        env=os.environ | {"MAIEUTIC_HOME": home, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if not (process.stdout and str(port) in process.stdout.readline()):
            raise MaieuticError(f"{module} did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)
