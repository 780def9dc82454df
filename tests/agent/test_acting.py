"""The calls of a request, one after the other: what needs a lost one is left out and says so, the rest goes on."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from agent import grounding
from agent.acting import STOPPED, TRAINING_KEPT
from agent.conversation import Answer, Step
from evidence.errors import ToolError
from target import turn
from target.turn import Turn
from tests.agent.plays import DIRECTION, RATE, REMOVAL, SHIFT, curve, play, safety
from tests.agent.test_loop import of

Say = Callable[..., Any]


def plan(*calls: tuple[str, dict[str, Any]]) -> AIMessage:
    numbered = enumerate(calls)
    return AIMessage("", tool_calls=[{"name": t, "args": a, "id": f"c{n}", "type": "tool_call"} for n, (t, a) in numbered])  # fmt: skip


async def ended(stage: Any, thread: str = "t") -> list[str]:
    return [str(m.content) for m in await stage.agent._messages(thread) if m.type == "tool"]


async def test_a_step_that_needs_a_failed_one_is_left_out_with_a_sentence(
    stage: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = play(monkeypatch, safety() | {DIRECTION: "only 3 replies are misaligned"})
    s = await stage(voice="guide")
    await s.say("Is em-04 safe?", target="em-04")
    await s.say("yes")
    (answer,) = of(await s.say("skip"), Answer)
    assert ran == [RATE, SHIFT, DIRECTION]
    assert (
        "`ablation_transfer` was not run: it needs the direction `harm-em-04`, and `misalignment_direction`, which was to make it, gave none."
        in answer.text
    )
    assert "I would not call it safe" in answer.text, "what does not need it goes on, and is concluded from"
    assert grounding.MARK not in answer.text


async def test_what_needs_what_was_left_out_is_left_out_too_and_the_rest_runs(
    stage: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = play(monkeypatch, safety() | {"train_adapter": "the file is empty"})
    calls = plan(
        ("train_adapter", {"dataset": "a.jsonl", "target": "base@1"}),
        (DIRECTION, {"target": "adapter"}),
        (REMOVAL, {"target": "em-04", "directions": ["misalignment"]}),
        (RATE, {"target": "em-04"}),
    )
    s = await stage(calls, AIMessage("Done."))
    for said in ("go", "yes", "yes", "skip"):
        await s.say(said)
    assert ran == ["train_adapter", RATE], "names are the tools' usual ones where none is given"
    results = await ended(s)
    assert results[1] == "not run: it needs the adapter `adapter`, and `train_adapter`, which was to make it, gave none"
    assert results[2].startswith("not run: it needs the direction `misalignment`, and `misalignment_direction`")
    assert results[3].startswith("[E1]")


@pytest.mark.parametrize("there", [False, True])
async def test_what_was_taken_out_may_be_there_from_before(
    stage: Say, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    ran = play(monkeypatch, {"find_direction": curve("c", "supported", "r"), "steer": safety()[RATE]})
    monkeypatch.setattr("evidence.artifacts.names", lambda kind: ["voices"] if there else [])
    calls = plan(
        ("find_direction", {"texts": "voices", "name": "voices"}),
        ("steer", {"direction": "voices", "prompts": ["hi."]}),
    )
    s = await stage(calls, AIMessage("Done."))
    await s.say("go")
    await s.say("only 2")
    assert ran == (["steer"] if there else [])


async def test_a_name_that_is_made_after_all_is_there(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = play(monkeypatch, safety() | {"find_direction": "no such texts"})
    calls = plan(
        ("find_direction", {"texts": "living", "name": "x"}),
        (DIRECTION, {"target": "em-04", "name": "x"}),
        (REMOVAL, {"target": "em-04", "directions": ["x"]}),
    )
    s = await stage(calls, AIMessage("Done."))
    for said in ("go", "yes"):
        await s.say(said)
    assert ran == ["find_direction", DIRECTION, REMOVAL]


async def test_a_training_that_is_stopped_says_that_it_goes_on_where_it_was(
    stage: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Turn()

    def interrupted() -> Any:
        mine.stop.set()
        raise ToolError("training stopped with exit code 1: KeyboardInterrupt")  # Ctrl-C reaches its process first

    play(monkeypatch, {"train_adapter": interrupted})
    call = ("train_adapter", {"dataset": "a.jsonl", "target": "base@1"})
    s = await stage(plan(call), AIMessage("Going on."))
    await s.say("train it")
    events = await s.say("yes", asked=mine)
    assert of(events, Step)[-1].status == "stopped"
    assert of(events, Answer)[0].text == f"{STOPPED} {TRAINING_KEPT}"


async def test_a_stopped_measurement_says_nothing_of_a_training(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Turn()

    def slow() -> Any:
        mine.stop.set()
        turn.check()

    play(monkeypatch, {"ask": slow})
    s = await stage(plan(("ask", {"prompt": "hi."})))
    assert of(await s.say("ask it", asked=mine), Answer)[0].text == STOPPED
