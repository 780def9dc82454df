"""When a message is taken, and what the page says of itself meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import gradio as gr

from agent.conversation import Answer, Event, Question, Said, Step
from target import turn
from ui import chat, panels
from ui.chat import Chat
from ui.session import House

SESSION = {"person": "p", "thread": "t", "target": "taboo-03", "restored": True}


class Slow:
    """An agent whose answer waits to be let go."""

    spec, embedding = "guide", "hash"

    def __init__(self) -> None:
        self.go = asyncio.Event()

        self.ledger = SimpleNamespace(names=lambda thread: [])

    def busy(self, thread: str) -> bool:
        return False

    async def story(self, thread: str) -> list[Any]:
        return [Said("person", "one")]

    async def send(self, thread: str, text: str, **other: Any) -> AsyncIterator[Event]:
        yield Step("c", "ask")
        await self.go.wait()
        yield Answer(f"to {text}", "taboo-07")


def house() -> House:
    found = House(Slow(), "taboo-03", status="ready", ready=True)  # type: ignore[arg-type]
    found.started.set()
    return found


def named(update: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(chat.TURN, update, strict=True))


async def test_a_second_message_waits_in_the_box_with_a_hint() -> None:
    place = house()
    handlers = Chat(place)
    first = handlers.send_typed("one", [], SESSION, "taboo-03")
    begun = named(await anext(first))
    assert begun["box"] == "" and begun["stop"]["visible"] and not begun["ask"]["visible"]
    assert "working" in begun["state"]
    await anext(first)
    second = [named(update) async for update in handlers.send_typed("two", [], SESSION, "taboo-03")]
    assert [update["hint"] for update in second] == [chat.STILL_ANSWERING]
    assert second[0]["box"] == gr.skip() and second[0]["shown"] == gr.skip()
    place.agent.go.set()  # type: ignore[attr-defined]
    rest = [named(update) async for update in first]
    assert rest[0]["shown"][-1]["content"] == "to one" and rest[0]["target"] == "taboo-07"
    assert rest[-1]["ask"]["visible"] and not rest[-1]["stop"]["visible"] and "ready" in rest[-1]["state"]


async def test_a_message_right_at_the_end_of_an_answer_is_taken() -> None:
    place = house()
    place.agent.go.set()  # type: ignore[attr-defined]
    place.running["t"] = turn.Turn()
    asyncio.get_running_loop().call_later(0.2, place.running.clear)
    updates = [named(update) async for update in Chat(place).send("two", [], SESSION, "taboo-03")]
    assert updates[-2]["shown"][-1]["content"] == "to two"


async def test_nothing_is_taken_before_the_conversation_is_restored() -> None:
    updates = [named(u) async for u in Chat(house()).send_typed("hello", [], SESSION | {"restored": False}, "x")]
    assert [update["hint"] for update in updates] == [chat.STILL_OPENING]


async def test_the_same_message_sent_twice_takes_the_place_of_the_turn_that_runs() -> None:
    place = house()
    handlers = Chat(place)
    first = handlers.send_typed("one", [], SESSION, "taboo-03")
    await anext(first)
    handed_back = [named(update) async for update in handlers.send_typed("two", [], SESSION, "taboo-03")]
    assert handed_back[0]["hint"] == chat.STILL_ANSWERING
    running, second = place.running["t"], handlers.send_typed("two", [], SESSION, "taboo-03")
    begun = asyncio.create_task(anext(second))
    while not running.stop.is_set():
        await asyncio.sleep(0.01)
    place.agent.go.set()  # type: ignore[attr-defined]
    assert [update async for update in first]
    shown = named(await begun)["shown"]
    assert [one["content"] for one in shown] == ["one", "two"], "what the first turn left is not shown"
    assert [named(update) async for update in second][-1]["ask"]["visible"]


async def test_an_empty_message_is_no_turn() -> None:
    updates = [named(update) async for update in Chat(house()).send_typed("  ", [], SESSION, "x")]
    assert [update["hint"] for update in updates] == [chat.NOTHING_TYPED]


def test_only_a_browser_that_was_here_before_waits_for_its_conversation() -> None:
    known, _, shown, box = Chat(house()).greet({"person": "p", "thread": "t"}, 370)
    assert box["interactive"]
    assert shown["placeholder"] == chat.RESTORING and not known["restored"] and known["width"] == 370
    fresh, browser, shown, _ = Chat(house()).greet(None, None)
    assert shown["placeholder"] == chat.WELCOME and fresh["restored"] and fresh["person"] == browser["person"]


def test_the_state_is_working_only_in_the_conversation_that_works() -> None:
    place = house()
    place.running["t"] = turn.Turn()
    assert "working" in panels.state(place, SESSION) and 'class="busy"' in panels.state(place, SESSION)
    assert 'class="ready"' in panels.state(place, SESSION | {"thread": "other"})


def test_without_evidence_there_is_a_sentence_and_no_figure() -> None:
    place = House(SimpleNamespace(), "taboo-03")  # type: ignore[arg-type]
    found = panels.evidence(place, SESSION, None)
    assert found["empty"]["visible"] and not found["figure"]["visible"] and found["detail"] == panels.NOTHING_YET


async def test_a_question_is_hidden_only_where_it_was_shown_and_shown_again_at_the_end() -> None:
    class Asking(Slow):
        async def send(self, thread: str, text: str, **other: Any) -> AsyncIterator[Event]:
            yield Question("predict", "which word?", "taboo-03")

    place = house()
    place.agent = Asking()  # type: ignore[assignment]
    updates = [named(update) async for update in Chat(place).send("one", [], SESSION, "taboo-03")]
    assert [update["question"].get("visible") for update in updates] == [None, True, True]
    asked = updates[-2]["session"]
    begun = named(await anext(Chat(place).send("skip", [], asked, "taboo-03")))
    assert begun["question"]["visible"] is False and "asked" not in begun["session"]
