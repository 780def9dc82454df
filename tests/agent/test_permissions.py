"""What counts as a permission."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agent.audit import Audit
from agent.permissions import Permissions
from tools import TOOLS

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
