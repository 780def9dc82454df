"""A chat model behind a real server that speaks the OpenAI protocol, and misbehaves: what a person sees, and what stays."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.conversation import Agent, Answer, Event, Failure, Question, Spent, Step, Words
from agent.spending import Budget
from evals.browser import free_port
from evidence.errors import ModelError
from tests.agent.test_loop import of

ROOT = Path(__file__).parent.parent.parent
Speak = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.openai_server", str(port)], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/v1/models", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest_asyncio.fixture
async def speak(server: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Speak]:
    """An agent that speaks through a model of the server."""
    agents: list[Agent] = []
    monkeypatch.setenv("MAIEUTIC_MODEL_TIMEOUT", "1")

    async def make(model: str, budget: Budget | None = None, address: str = server) -> Agent:
        spec = f"openai-compatible:{address}/v1#{model}"
        agents.append(await Agent(spec, folder=data_folder, embedding="lexical", budget=budget).start())
        return agents[-1]

    yield make
    for one in agents:
        await one.close()


async def say(agent: Agent, text: str, thread: str = "t") -> list[Event]:
    return [event async for event in agent.send(thread, text, person="ann")]


def seen(server: str, model: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server}/seen/{model}", timeout=5) as answer:
        return dict(json.load(answer))


async def test_words_stream_and_tokens_are_counted_as_the_server_reports_them(server: str, speak: Speak) -> None:
    agent = await speak("plain")
    events = await say(agent, "hello")
    assert "".join(one.text for one in of(events, Words)) == "Hello from a server."
    assert len(of(events, Words)) == 4 and of(events, Answer)[0].text == "Hello from a server."
    assert of(events, Spent)[0].text == "100 tokens read, 10 written"


async def test_a_tool_call_that_comes_in_pieces_is_run_and_answered(speak: Speak) -> None:
    agent = await speak("tool")
    events = await say(agent, "ask it hello")
    assert of(events, Step)[-1].evidence == "E1" and of(events, Answer)[0].text.startswith("It answered [E1].")
    assert of(events, Spent)[0].text == "200 tokens read, 20 written"


async def test_parallel_calls_are_shown_as_a_plan_and_then_all_run(speak: Speak) -> None:
    agent = await speak("parallel")
    assert of(await say(agent, "ask it two things"), Question)[0].kind == "plan"
    events = await say(agent, "yes")
    assert [one.evidence for one in of(events, Step) if one.evidence] == ["E1", "E2"]
    assert "The results were 2." in of(events, Answer)[0].text


async def test_a_server_that_is_busy_for_a_moment_is_asked_again(server: str, speak: Speak) -> None:
    agent = await speak("busy-twice")
    assert of(await say(agent, "hello"), Answer) and seen(server, "busy-twice")["asked"] == 3


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("busy", "too many requests (429)"),
        ("broken", "had an error of its own"),
        ("no-key", "refused the key"),
        ("unknown-model", "knows no such model"),
        ("slow", "did not answer in time"),
        ("cut", "broke off twice"),
        ("always-overflow", "too long for"),
        ("empty", "answered with nothing"),
        ("malformed-always", "arguments that are no JSON"),
    ],
)
async def test_what_goes_wrong_is_said_in_one_sentence_and_the_conversation_goes_on(
    speak: Speak, model: str, sentence: str
) -> None:
    agent = await speak(model)
    failed = of(await say(agent, "hello"), Failure)
    assert sentence in failed[0].text and "\n" not in failed[0].text
    assert "verysecret" not in failed[0].text
    agent.voice.model = (await speak("plain")).voice.model  # the same conversation, once the server is well
    assert of(await say(agent, "and now?"), Answer)[0].text == "Hello from a server."
    assert [text for who, text in await agent.history("t") if who == "person"] == ["hello", "and now?"]


async def test_a_stream_that_breaks_off_once_is_asked_for_again(server: str, speak: Speak) -> None:
    agent = await speak("cut-once")
    assert of(await say(agent, "hello"), Answer)[0].text == "Hello from a server."
    assert seen(server, "cut-once")["asked"] == 2


async def test_arguments_that_are_no_json_go_back_to_the_model(server: str, speak: Speak) -> None:
    agent = await speak("malformed")
    events = await say(agent, "ask it hello")
    assert of(events, Step)[-1].evidence == "E1" and of(events, Answer)
    assert [m for m in await agent._messages("t") if "no JSON" in str(m.content)] == [], "kept out of the conversation"
    half = await speak("half-malformed")
    assert of(await say(half, "ask it hello", "u"), Step)[-1].evidence == "E1"


async def test_an_unknown_tool_and_wrong_arguments_go_back_as_a_sentence(server: str, speak: Speak) -> None:
    agent = await speak("unknown-tool")
    events = await say(agent, "fly")
    assert "there is no tool 'fly_to_the_moon'" in of(events, Step)[-1].detail and of(events, Answer)
    result = next(m for m in seen(server, "unknown-tool")["last"]["messages"] if m["role"] == "tool")
    assert "there are ask" in result["content"]
    events = await say(await speak("wrong-arguments"), "layer 99", "u")
    assert "layer 99 does not exist" in of(events, Step)[-1].detail and of(events, Answer)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("refusal", "declined to answer: I cannot help with that."),
        ("filtered", "declined to answer: it gave no reason"),
        ("long", "cut at the length the model allows"),
    ],
)
async def test_a_refusal_and_an_early_end_are_told(speak: Speak, model: str, words: str) -> None:
    assert words in of(await say(await speak(model), "hello"), Answer)[0].text


async def test_a_conversation_too_long_for_the_model_is_shortened(server: str, speak: Speak) -> None:
    agent = await speak("overflow")
    for number in range(3):
        assert of(await say(agent, f"message {number} " + "of some length " * 5), Answer), number
    sent = seen(server, "overflow")["last"]["messages"]
    assert [m["role"] for m in sent] == ["system", "user"] and len(await agent.history("t")) == 6


async def test_a_dead_server_is_told_and_nothing_is_lost(speak: Speak) -> None:
    agent = await speak("plain", address=f"http://127.0.0.1:{free_port()}")
    assert "no model server answers" in of(await say(agent, "hello"), Failure)[0].text
    agent.voice.model = (await speak("plain")).voice.model
    assert of(await say(agent, "again"), Answer)


async def test_a_budget_stops_a_runaway_loop(server: str, speak: Speak) -> None:
    agent = await speak("runaway", Budget(tokens=300))
    events = await say(agent, "go")
    assert "330 tokens of the 300 it may use" in of(events, Answer)[0].text
    assert seen(server, "runaway")["asked"] == 3 and len(agent.ledger.names("t")) == 3
    again = await say(agent, "go on")
    assert "I stopped before the next step" in of(again, Answer)[0].text and seen(server, "runaway")["asked"] == 3


async def test_money_is_counted_where_prices_are_known(speak: Speak) -> None:
    budget = Budget(dollars=0.0003, price_read=1.0, price_written=10.0)
    agent = await speak("runaway-money", budget)
    events = await say(agent, "go")
    assert "cost $0.0004 of the $0.00" in of(events, Answer)[0].text
    assert of(events, Spent)[0].text == "200 tokens read, 20 written, $0.0004"


async def test_the_only_model_of_a_server_is_found_and_a_wrong_address_is_said(server: str, speak: Speak) -> None:
    agent = Agent(f"openai-compatible:{server}/v1", embedding="lexical")
    agent.check()
    for spec, sentence in (
        ("openai-compatible:nonsense", "is no address"),
        (f"openai-compatible:http://127.0.0.1:{free_port()}/v1", "start the server, or name one"),
        ("anthropic:claude", "pip install langchain-anthropic"),
        ("nobody:x", "no agent is called"),
    ):
        with pytest.raises(ModelError, match=sentence):
            Agent(spec, embedding="lexical").check()
