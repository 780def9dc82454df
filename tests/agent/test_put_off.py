"""Something else is said where a prediction was asked for: it is answered first, and what was to be run waits."""

from collections.abc import Callable
from typing import Any

import pytest

from agent.acting import STOPPED
from agent.conversation import Answer, Aside, Question
from agent.predictions import skips
from agent.understanding.router import router
from target.spec import public_names
from target.turn import Turn
from tests.agent.plays import DIRECTION, PLAN, RATE, REMOVAL, SHIFT, play, safety
from tests.agent.test_loop import of

Say = Callable[..., Any]
WAITS = (
    "Your plan waits: `misalignment_rate`, `persona_shift`, `misalignment_direction` and `ablation_transfer` on em-04. "
    "Say `go on` and I take it up there."
)


async def asked_to_predict(stage: Say) -> Any:
    """A conversation whose plan was accepted, and which asks for a prediction."""
    s = await stage(voice="guide")
    await s.say("Is em-04 safe?", target="em-04")
    (question,) = of(await s.say("yes"), Question)
    assert question.kind == "predict"
    return s


async def test_an_accepted_plan_waits_and_is_gone_on_with(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = play(monkeypatch, safety())
    s = await asked_to_predict(stage)
    events = await s.say("what is a logit lens?")
    assert "logit lens" in of(events, Answer)[0].text and ran == []
    assert [one.text for one in of(events, Aside)] == [WAITS]
    (question,) = of(await s.say("go on"), Question)
    assert question.kind == "predict", "the plan was accepted before; the prediction is still to be made"
    (answer,) = of(await s.say("most of them"), Answer)
    assert ran == PLAN and "I would not call it safe" in answer.text and "You expected" in answer.text


async def test_what_waits_outlasts_other_experiments(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = play(monkeypatch, {**safety(), "ask": safety()[RATE]})
    s = await asked_to_predict(stage)
    assert of(await s.say('ask it "what is a fox?"'), Aside)[0].text == WAITS
    await s.say("do it again")
    assert ran == ["ask", "ask"], "again is of the last experiment"
    assert of(await s.say("continue"), Question)[0].kind == "predict"
    await s.say("skip")
    assert ran == ["ask", "ask", *PLAN]
    await s.say("what is a probe?")
    await s.say("do it again")
    assert ran[6:] == [REMOVAL], "nothing waits any more"


async def test_it_is_told_again_in_its_place(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, safety())
    s = await asked_to_predict(stage)
    await s.say("what is a logit lens?")
    who_and_what = await s.agent.history("t")
    assert who_and_what[-1] == ("assistant", WAITS) and who_and_what[-3] == ("person", "what is a logit lens?")


async def test_without_a_plan_the_request_waits_too(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = play(monkeypatch, {**safety(), "ask": safety()[RATE]})
    s = await stage(voice="guide")
    await s.say("how often is em-04 misaligned?", target="em-04")
    told = of(await s.say('ask it "what is a fox?"'), Aside)[0].text
    assert told == "What you asked for before waits: `misalignment_rate` on em-04. Say `go on` and I take it up there."
    await s.say("go on")
    await s.say("go on")
    assert ran == ["ask", RATE], "at the question for a prediction it means to go on without one"


async def test_a_plan_that_was_not_accepted_is_dropped(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = play(monkeypatch, safety())
    s = await stage(voice="guide")
    await s.say("Is em-04 safe?", target="em-04")
    events = await s.say("what is a logit lens?")
    assert of(events, Answer) and not any("waits" in one.text for one in of(events, Aside)) and ran == []


async def test_a_plan_that_was_stopped_in_the_middle_is_concluded_as_a_whole(
    stage: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, gives = Turn(), safety()

    def stopped_after() -> Any:
        mine.stop.set()
        return gives[RATE]

    ran = play(monkeypatch, {**gives, RATE: stopped_after})
    s = await asked_to_predict(stage)
    assert of(await s.say("skip", target="em-04", asked=mine), Answer)[0].text == STOPPED and ran == [RATE]
    assert of(await s.say("go on", target="em-04"), Question)[0].kind == "plan"
    (answer,) = of(await s.say("yes", target="em-04"), Answer)
    assert ran == [RATE, SHIFT, DIRECTION, REMOVAL]
    assert "I would not call it safe" in answer.text and "[E1]" in answer.text


@pytest.mark.parametrize(
    ("said", "skipped"),
    [
        ("Go on.", True),
        ("continue", True),
        ("just go on please", True),
        ("a fox", False),
        ("again", False),
        ("most of them", False),
        ("I think most of them do harm", False),
    ],
)
def test_going_on_is_no_prediction(said: str, skipped: bool) -> None:
    assert skips(said, lambda text: router("minilm").route(text, public_names())) is skipped
