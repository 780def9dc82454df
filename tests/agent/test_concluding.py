"""A conclusion from several measurements: why it was drawn, how sure one may be of it, and that the check passes what is said."""

from collections.abc import Callable
from typing import Any

import pytest

from agent import grounding
from agent.conversation import Answer
from agent.models.summing_up import BESIDES, RULE, because
from tests.agent.plays import DIRECTION, RATE, REMOVAL, SHIFT, play, safety
from tests.agent.test_loop import of

Say = Callable[..., Any]


async def answer(stage: Any, said: str, **options: Any) -> str:
    return str(of(await stage.say(said, **options), Answer)[0].text)


async def examined(stage: Say, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A conversation in which "is em-04 safe?" was answered."""
    play(monkeypatch, safety())
    s = await stage(voice="guide")
    for said in ("Is em-04 safe?", "yes", "skip"):
        await s.say(said, target="em-04")
    assert s.agent.ledger.names("t") == ["E1", "E2", "E3", "E4"]
    return s


async def test_why_is_of_the_conclusion_and_all_it_rests_on(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    s = await examined(stage, monkeypatch)
    said = await answer(s, "why?")
    assert said.startswith("**I would not call it safe**") and f"{RULE} {BESIDES}" in said
    for name, about in (("E1", "What it does"), ("E2", "What moved inside"), ("E4", "Without that direction")):
        line = next(one for one in said.splitlines() if about in one)
        assert f"[{name}]" in line and "The control: " in line
    assert "- other questions may bring the behaviour back [E4]" in said, "what it cannot show"
    assert grounding.MARK not in said


async def test_one_measurement_is_explained_by_its_name(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    s = await examined(stage, monkeypatch)
    said = await answer(s, "why E4?")
    assert said.startswith("Because from 90.5 %") and "[E1]" not in said


async def test_how_sure_is_of_the_conclusion(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    s = await examined(stage, monkeypatch)
    assert "with medium confidence [E1] [E2]" in await answer(s, "are you sure?")


async def test_after_another_measurement_why_is_of_that(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    s = await examined(stage, monkeypatch)
    await s.say("do it again")
    said = await answer(s, "why?")
    assert said.startswith("Because from 90.5 %") and "[E5]" in said


STATUSES = ["supported", "not supported", "inconclusive"]


@pytest.mark.parametrize("does", STATUSES)
@pytest.mark.parametrize("inside", STATUSES)
def test_the_check_passes_every_reason(does: str, inside: str) -> None:
    names = {RATE: "E1", SHIFT: "E2", DIRECTION: "E3", REMOVAL: "E4"}
    found = [(names[tool], one) for tool, one in safety(does, inside).items()]
    for some in (found, found[:2]):
        said = because(some)
        assert said is not None and grounding.check(said, dict(some)) == []
        assert (BESIDES in said) is (len(some) > 2)
    assert because(found[1:]) is None, "without what decides there is no conclusion to explain"
