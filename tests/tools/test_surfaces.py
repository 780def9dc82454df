"""The contract of the surfaces: the same call gives the same evidence, and the same mistake the same sentence."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client

from target import turn
from target.target import Target
from tests.tools.examples import named, prepared
from tests.tools.surfaces import SURFACES, Refused, Surface, python
from tools import TOOLS, http_server, mcp_server
from tools._calls import DEFAULT_GRANT

QUICK = ("ask", "logit_lens")
GRANTED = [name for name, tool in TOOLS.items() if tool.capability in DEFAULT_GRANT]
"""What every surface runs for anyone."""
WITHOUT_A_MODEL = {"compare_directions"}
"""Reads stored vectors alone, so that nothing waits for a model."""


@pytest.fixture(scope="module", autouse=True)
def one_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with prepared(tmp_path_factory.mktemp("home")):
        yield


@pytest.fixture(autouse=True)
def data_folder(one_folder: None) -> None:
    """Instead of one folder a test."""


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> Surface:
    return SURFACES[request.param]


@pytest.mark.parametrize(
    "tool", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in GRANTED]
)
def test_every_surface_gives_the_same_evidence(tool: str) -> None:
    own = python(tool, named(tool))
    for name, surface in SURFACES.items():
        if name == "shell" and _has_commas(named(tool)):
            continue  # the shell parts lists at commas
        assert _lasting(surface(tool, named(tool))) == _lasting(own), name


@pytest.mark.parametrize("tool", GRANTED)
def test_a_mistake_gets_the_same_sentence_everywhere(tool: str, surface: Surface) -> None:
    for mistake in _mistakes(tool):
        with pytest.raises(Refused) as own:
            python(tool, mistake)
        with pytest.raises(Refused) as other:
            surface(tool, mistake)
        assert str(other.value) == str(own.value) and other.value.kind in (own.value.kind, None)
        assert "\n" not in str(own.value) and len(str(own.value)) < 700


def test_most_tools_have_every_kind_of_mistake() -> None:
    assert sum(len(_mistakes(tool)) >= 3 for tool in TOOLS) >= 0.75 * len(TOOLS)


@pytest.mark.parametrize("name", ["python", "mcp", "http"])
def test_a_tool_that_trains_is_refused_where_nobody_granted_it(name: str) -> None:
    for tool in sorted(set(TOOLS) - set(GRANTED)):
        needed = f"needs the capability '{TOOLS[tool].capability}', which was not granted here"
        with pytest.raises(Refused, match=needed) as found:
            SURFACES[name](tool, named(tool))
        assert found.value.kind == "NotGranted"


def test_an_unknown_tool_is_named_with_those_there_are() -> None:
    for name in ("mcp", "http"):
        with pytest.raises(Refused, match="there is no tool 'prob': did you mean 'probe'"):
            SURFACES[name]("prob", {})


@pytest.fixture
def busy(organism: Target) -> Iterator[None]:
    """The model works for somebody else, so that every call waits for its turn."""
    done = threading.Event()
    others = threading.Thread(target=lambda: organism._host.worker.call(lambda: done.wait(60)))
    others.start()
    yield
    done.set()
    others.join()


@pytest.mark.parametrize("tool", GRANTED)
async def test_a_stopped_call_says_so_over_http(tool: str, busy: None) -> None:
    app = http_server.application()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        answers: list[httpx.Response] = []

        async def call() -> None:
            answers.append(await client.post(f"/tools/{tool}?call=mine", json=named(tool), timeout=60))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(call)
                while not answers and (await client.delete("/calls/mine")).status_code != 202:
                    await anyio.sleep(0.01)
        if tool not in WITHOUT_A_MODEL:
            error = answers[0].json()["error"]
            assert answers[0].status_code == 499 and error["type"] == "Cancelled"
            assert error["message"].startswith("stopped as you asked")
        assert (await client.get("/calls")).json() == [], "a call is left over"


@pytest.mark.parametrize("tool", GRANTED)
async def test_a_cancelled_mcp_call_stops_and_the_server_lives(tool: str, busy: None) -> None:
    async with Client(mcp_server.server()) as client:
        with anyio.move_on_after(0.3) as scope:
            await client.call_tool(tool, named(tool))
        assert scope.cancelled_caught or tool in WITHOUT_A_MODEL
        refused = await client.call_tool("ask", {"prompt": 5})
        assert refused.is_error and "should be a valid string" in refused.content[0].text  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["python", "langchain", "shell"])
def test_a_stopped_call_says_so_in_this_process(name: str, busy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = turn.Turn()
    stopped.stop.set()
    monkeypatch.setattr(turn, "Turn", lambda **_: stopped)
    with turn.taking(stopped), pytest.raises(Refused, match="stopped as you asked"):
        SURFACES[name]("ask", named("ask"))


def _mistakes(tool: str) -> list[dict[str, Any]]:
    """An unknown target, a wrong type, a layer out of range, no such choice, an oversized text: those that fit the tool."""
    properties, example = TOOLS[tool].schema()["properties"], named(tool)
    found = [example | {"target": "tabooo-3"}]
    if number := _first(properties, lambda field: field.get("type") in {"integer", "number"}):
        found.append(example | {number: "many"})
    if "layers" in properties:
        found.append({name: v for name, v in example.items() if name != "layers"} | {"layers": [77]})
    if choice := _first(properties, lambda field: "enum" in field):
        found.append(example | {choice: "sideways"})
    if text := _first(properties, lambda field: field.get("maxLength") == 20_000):
        found.append(example | {text: "x" * 30_000})
    elif texts := _first(properties, lambda field: field.get("items", {}).get("maxLength") == 20_000):
        found.append(example | {texts: ["x" * 30_000]})
    return found


def _first(properties: dict[str, Any], fits: Callable[[dict[str, Any]], bool]) -> str | None:
    forms = ((name, one) for name, field in properties.items() for one in (field, *field.get("anyOf", [])))
    return next((name for name, one in forms if fits(one)), None)


def _has_commas(arguments: dict[str, Any]) -> bool:
    return any("," in part for value in arguments.values() if isinstance(value, list) for part in map(str, value))


def _lasting(evidence: dict[str, Any]) -> dict[str, Any]:
    """An evidence without what differs from run to run."""
    stamp = {k: v for k, v in evidence["provenance"].items() if k not in {"seconds", "peak_megabytes", "made_at"}}
    return evidence | {"provenance": stamp}
