"""What counts as a permission."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agent.audit import Audit
from agent.conversation import Answer, Question
from agent.permissions import Permissions
from evidence.errors import ArgumentError, NotGranted
from tools import TOOLS, _calls

CALL = {"name": "ask", "args": {"prompt": "hi."}, "id": "c1", "type": "tool_call"}
STATE: Any = {
    "messages": [HumanMessage("train one", id="h"), AIMessage("", id="a", tool_calls=[CALL])],
    "thread": "t",
    "target": "taboo-03",
    "granted": [],
    "steps": 1,
}
NO_YES = [
    "no",
    "please don't",
    "not yet",
    "ok no",
    "no, go ahead",
    "maybe",
    "not sure",
    "not ok",
    "yes?",
    "yes but",
    "thanks",
]
NO_YES += [
    "yes, but not now",
    "only this once",
    "1",
    "yes, only 1",
    "yes, what would it train?",
    "what does it do?",
    "...",
]


@pytest.fixture(autouse=True)
def _asking_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "ask", replace(TOOLS["ask"], capability="train"))


@pytest.mark.parametrize(
    "answer",
    ["yes", "Yes!", "yes.", "yes please", "sure", "go ahead", "OK, go ahead", "allow", "accept", "of course", "👍"],
)
def test_a_clear_yes_allows(answer: str, tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    assert Permissions(audit).decide(STATE, answer) == {"granted": ["train"]}
    audit.close()


@pytest.mark.parametrize("answer", NO_YES)
def test_anything_unclear_is_not_a_yes(answer: str, tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    changed = Permissions(audit).decide(STATE, answer)
    assert "granted" not in changed and "did not allow" in changed["messages"][0].content
    audit.close()


async def test_another_request_in_place_of_a_permission_comes_first(stage: Any) -> None:
    s = await stage(voice="guide")
    (asked,) = [event for event in await s.say("train a matryoshka SAE of layer 3") if isinstance(event, Question)]
    assert "**train_dictionary** (target = `'taboo-03'`" in asked.text and "about" in asked.text
    (answer,) = [event for event in await s.say("what is a logit lens?") if isinstance(event, Answer)]
    assert "**logit lens**" in answer.text
    assert "refused" not in [record["event"] for record in s.agent.audit.records()]
    (again,) = [event for event in await s.say("go on") if isinstance(event, Question)]
    assert again.text == asked.text, "it waits"


async def test_a_question_about_what_waits_for_a_permission_refuses_nothing(stage: Any) -> None:
    s = await stage(voice="guide")
    (asked,) = [event for event in await s.say("train a matryoshka SAE of layer 3") if isinstance(event, Question)]
    (again,) = [event for event in await s.say("how long will it take?") if isinstance(event, Question)]
    assert again.text.startswith("Nothing runs before you allow it") and again.text.endswith(asked.text)
    assert "did not allow train" in next(event for event in await s.say("no") if isinstance(event, Answer)).text


async def test_what_cannot_run_needs_no_permission(stage: Any) -> None:
    s = await stage(voice="guide")
    events = await s.say("train a topk SAE of layer 1 with k=-3")
    assert not [event for event in events if isinstance(event, Question)]
    assert "k=-3 is not allowed" in events[-1].text


def test_arguments_are_looked_at_before_the_grant() -> None:
    with pytest.raises(ArgumentError, match="k=-3 is not allowed"):
        _calls.run("train_dictionary", {"target": "base@1", "k": -3})
    with pytest.raises(NotGranted):
        _calls.run("train_dictionary", {"target": "base@1", "k": 3})
