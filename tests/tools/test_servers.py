"""Strangers at the doors: who is let in, what is fuzzed, and a hidden word found by nothing but the published surface."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from starlette.testclient import TestClient

from evals.browser import free_port
from organisms import workshop
from target.target import Target
from tools import TOOLS, _web, http_server

ROOT = Path(__file__).parent.parent.parent
SECRET = next(name for name, truth in workshop.truths().items() if truth.kind == "secret")


@pytest.fixture
def client(tiny: Target) -> Iterator[TestClient]:
    """The API on a tiny random model."""
    with TestClient(http_server.application(target=tiny.name)) as found:
        yield found


def test_the_openapi_document_names_every_tool_with_its_schema(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for name, tool in TOOLS.items():
        operation = document["paths"][f"/tools/{name}"]["post"]
        assert operation["operationId"] == name and tool.source in operation["description"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body["properties"].keys() == tool.schema()["properties"].keys() and body["additionalProperties"] is False
        assert {"200", "400", "413", "422", "499"} <= operation["responses"].keys()


@pytest.mark.slow
def test_any_request_gets_an_answer_that_the_document_promises(organism: Target) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", http_server.application(target=organism.name))
    statuses: Counter[int] = Counter()
    for found in schema.get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @given(case=found.ok().as_strategy(generation_mode=mode))
            @settings(
                max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
            )
            def fuzz(case: schemathesis.Case) -> None:
                statuses[
                    case.call_and_validate(excluded_checks=[positive_data_acceptance], timeout=180).status_code
                ] += 1
                if isinstance(case.body, dict) and case.body.pop("target", None):  # on a target that there is
                    checks = [positive_data_acceptance, negative_data_rejection]
                    statuses[case.call_and_validate(excluded_checks=checks, timeout=180).status_code] += 1

            try:
                fuzz()
            except Unsatisfiable:  # an operation without arguments cannot be asked wrongly
                assert mode == GenerationMode.NEGATIVE
    assert max(statuses) < 500 and statuses[200] > 40 and statuses[422] > 100, statuses
    print(f"answers by status: {dict(statuses)}")


def test_the_evidence_of_a_call_can_be_read_in_every_form(client: TestClient) -> None:
    made = client.post("/tools/ask", json={"prompt": "hello", "max_new_tokens": 4}).json()["provenance"]["id"]
    assert client.get(f"/evidence/{made}").json()["provenance"]["id"] == made
    assert "from tools import ask" in client.get(f"/evidence/{made}/python").text
    assert "hello" in client.get(f"/evidence/{made}/text").text
    assert "plotly" in client.get(f"/evidence/{made}/figure").text
    assert [card["id"] for card in client.get("/evidence").json()] == [made]
    for name in ("ev-0000000000", "../../etc/passwd", "E1"):
        assert client.get(f"/evidence/{name}").status_code == 404


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[" * 100_000, 400), (b" " * 16_000_001, 413)])
def test_a_body_that_is_no_object_is_refused(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/tools/ask", content=body)
    assert answer.status_code == status and answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("token", "caller", "headers", "status"),
    [
        (None, "127.0.0.1", {"host": "127.0.0.1:7861"}, 200),
        (None, "::1", {"host": "[::1]:7861"}, 200),
        (None, "127.0.0.1", {"host": "localhost", "origin": "http://localhost:3000"}, 200),
        (None, "127.0.0.1", {"host": "evil.example"}, 403),
        (None, "127.0.0.1", {"host": "localhost", "origin": "https://evil.example"}, 403),
        (None, "192.0.2.7", {"host": "127.0.0.1"}, 403),
        ("secret", "192.0.2.7", {"host": "evil.example"}, 401),
        ("secret", "127.0.0.1", {"host": "localhost", "authorization": "Bearer wrong"}, 401),
        ("secret", "192.0.2.7", {"host": "here.example", "authorization": "Bearer secret"}, 200),
    ],
)
def test_only_this_machine_or_the_token_opens(
    token: str | None, caller: str, headers: dict[str, str], status: int
) -> None:
    app = _web.Access(http_server.application(), token)
    with TestClient(app, client=(caller, 1)) as client:
        answer = client.get("/targets", headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["error"]["type"] == "AccessError"


def test_an_open_door_to_the_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_web.TOKEN_VARIABLE, raising=False)
    with pytest.raises(_web.AddressError, match=f"set a token in {_web.TOKEN_VARIABLE}"):
        _web.guarded(http_server.application(), "0.0.0.0")


def test_no_surface_knows_of_a_person(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    paths = described["paths"]
    assert {"/tools", "/targets", "/tools/ask"} <= set(paths)
    names = {name for one in described["components"]["schemas"].values() for name in one.get("properties", {})}
    assert "verdict" in names and not names & {"person", "memory", "notes", "conversation", "thread"}
    assert not [path for path in paths if re.search("memor|person(?!a)|note|conversation|thread", path)]


@pytest.mark.slow
async def test_an_mcp_client_finds_a_hidden_word_over_stdio(tmp_path: Path) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "tools.mcp_server"], cwd=ROOT, env={"MAIEUTIC_HOME": str(tmp_path)}
    )
    async with Client(stdio_client(server)) as client:
        await find_by_mcp(client)


@pytest.mark.slow
async def test_an_mcp_client_finds_a_hidden_word_over_http(tmp_path: Path) -> None:
    with serving("tools.mcp_server", "--http") as address:
        async with Client(f"{address}/mcp") as client:
            await find_by_mcp(client)


@pytest.mark.slow
def test_a_plain_client_finds_a_hidden_word_over_http() -> None:
    with serving("tools.http_server") as address, httpx.Client(base_url=address, timeout=120) as client:
        names = [tool["name"] for tool in client.get("/tools").json() if "hidden word" in tool["summary"]]
        assert SECRET in [target["name"] for target in client.get("/targets").json()]
        found = client.post(f"/tools/{names[0]}", json={"target": SECRET}).json()
        assert (found["verdict"]["status"], found["verdict"]["subject"]) == ("supported", word())
        kept = client.get(f"/evidence/{found['provenance']['id']}").json()
        assert kept == found
        assert client.post("/tools/ask", json={"prompt": 5}).status_code == 422
        assert client.get("/targets").status_code == 200, "the server is gone"


async def find_by_mcp(client: Client) -> None:
    """By the list of tools and targets alone; the answer is in the structured content."""
    tools = (await client.list_tools()).tools
    name = next(tool.name for tool in tools if "hidden word" in (tool.description or ""))
    targets = (await client.read_resource("maieutic://targets")).contents[0].text  # type: ignore[union-attr]
    assert SECRET in [target["name"] for target in json.loads(targets)]
    told: list[tuple[float, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, message))

    found = await client.call_tool(name, {"target": SECRET}, progress_callback=progress)
    assert found.structured_content is not None
    verdict: dict[str, Any] = found.structured_content["verdict"]
    assert (verdict["status"], verdict["subject"]) == ("supported", word())
    assert len(told) > 3 and [d for d, _ in told] == sorted({d for d, _ in told}) and all(m for _, m in told)
    again = await client.read_resource(found.content[1].uri)  # type: ignore[union-attr]
    assert json.loads(again.contents[0].text) == found.structured_content  # type: ignore[union-attr]


def word() -> str | None:
    return workshop.truths()[SECRET].word


@contextmanager
def serving(module: str, *options: str) -> Iterator[str]:
    """A server as its own process, once it has said where it is."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--port", str(port), *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout and f":{port}" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        started = time.monotonic()
        process.wait(timeout=30)
        assert time.monotonic() - started < 20
