"""Every surface as one function: a tool's name and arguments in, the evidence as JSON out, or `Refused`."""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from typing import Any
from unittest import mock

from mcp import Client
from starlette.testclient import TestClient

from evidence.errors import ToolError
from tools import TOOLS, __main__, _calls, http_server, mcp_server

Surface = Callable[[str, dict[str, Any]], dict[str, Any]]


class Refused(Exception):
    """The sentence a caller gets, and the kind of error where the surface tells it."""

    def __init__(self, sentence: str, kind: str | None) -> None:
        super().__init__(sentence)
        self.kind = kind


def python(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(_calls.run(tool, arguments).model_dump(mode="json"))
    except ToolError as error:
        raise Refused(str(error), type(error).__name__) from error


def langchain(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    call = {"name": tool, "args": arguments, "id": "c", "type": "tool_call"}
    try:
        return dict(TOOLS[tool].as_langchain().invoke(call).artifact.model_dump(mode="json"))
    except ToolError as error:
        raise Refused(str(error), type(error).__name__) from error


def shell(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    words = [part for name, value in arguments.items() for part in (f"--{name.replace('_', '-')}", _written(value))]
    out, err = StringIO(), StringIO()
    argv = mock.patch.object(sys, "argv", ["python -m tools", tool, *words, "--json"])
    with argv, redirect_stdout(out), redirect_stderr(err):
        try:
            __main__.main()
        except SystemExit as end:
            assert str(end.code).startswith("error: ") and "Traceback" not in err.getvalue(), (end.code, err.getvalue())
            raise Refused(str(end.code).removeprefix("error: "), None) from None
    return dict(json.loads(out.getvalue()))


def mcp(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    async def call() -> Any:
        async with Client(mcp_server.server()) as client:
            return await client.call_tool(tool, arguments)

    found = asyncio.run(call())
    if found.is_error:
        raise Refused(found.content[0].text, found.meta["maieutic/error"])
    return dict(found.structured_content)


def http(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    with TestClient(_http()) as client:
        answer = client.post(f"/tools/{tool}", json=arguments)
        assert client.get("/tools").status_code == 200, "the server is gone"
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert 400 <= answer.status_code < 500
        raise Refused(error["message"], error["type"])
    return dict(answer.json())


SURFACES: dict[str, Surface] = {"python": python, "langchain": langchain, "shell": shell, "mcp": mcp, "http": http}


@cache
def _http() -> Any:
    return http_server.application()


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
