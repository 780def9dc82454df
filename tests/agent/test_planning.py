"""Plan cards: what they show, how they are edited, and that only what was kept runs; the dry run runs nothing."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from agent import dry_run, planning
from agent.conversation import Answer, Question, Step
from evidence.errors import ArgumentError, TargetError
from target.turn import Turn
from tests.agent.test_loop import of

Say = Callable[..., Any]


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("yes", [1, 2, 3]),
        ("go ahead", [1, 2, 3]),
        ("no", []),
        ("No, thanks.", []),
        ("only 1 and 3", [1, 3]),
        ("just the second one", [2]),
        ("without step 2", [1, 3]),
        ("yes, but not the last", [1, 2]),
        ("1, 2", [1, 2]),
        ("4", "There is no step 4: the plan has steps 1 to 3."),
        ("what is a probe?", None),
        ("show me layer 2 instead", None),
        ("", None),
    ],
)
def test_what_an_answer_keeps_of_a_plan(answer: str, kept: list[int] | str | None) -> None:
    assert planning.chosen(answer, 3) == kept


def two(*ids: str) -> AIMessage:
    ids = ids or ("a", "b")
    calls = [{"name": "ask", "args": {"prompt": f"{name}."}, "id": name, "type": "tool_call"} for name in ids]
    return AIMessage("", tool_calls=calls)


async def test_a_plan_is_shown_once_and_then_runs_without_what_was_taken_out(stage: Say) -> None:
    s = await stage(two(), two("c", "d"), AIMessage("Done [E1]."))
    shown = of(await s.say("ask it a and b"), Question)
    assert shown[0].kind == "plan" and "1. **ask** (target = `'taboo-03'`, prompt = `'a.'`)" in shown[0].text
    assert "about 2 seconds in all" in shown[0].text and planning.QUESTION in shown[0].text
    again = of(await s.say("only 7"), Question)
    assert "There is no step 7" in again[0].text
    events = await s.say("only 2")
    asked = [s.agent.ledger.get("t", name).provenance.arguments["prompt"] for name in s.agent.ledger.names("t")]
    assert asked == ["b.", "c.", "d."] and of(events, Answer), "once accepted, it is not asked again in this turn"


async def test_a_plan_can_be_refused_or_answered_with_another_request(stage: Say) -> None:
    s = await stage(two(), AIMessage("Nothing was run."), two(), AIMessage("A probe is a classifier."))
    await s.say("ask it a and b")
    assert of(await s.say("no"), Answer)[0].text == "Nothing was run."
    await s.say("ask it a and b")
    assert of(await s.say("what is a probe?"), Answer)[0].text == "A probe is a classifier."
    assert s.agent.ledger.names("t") == []
    assert ("person", "what is a probe?") in await s.agent.history("t")


async def test_a_plan_that_is_stopped_keeps_what_is_done(stage: Say) -> None:
    s = await stage(two(), AIMessage("Done [E1]."))
    await s.say("ask it a and b")
    mine = Turn()
    async for event in s.agent.send("t", "yes", person="ann", asked=mine):
        if isinstance(event, Step) and event.status == "done":
            mine.stop.set()
    assert s.agent.ledger.names("t") == ["E1"]
    ended = [str(m.content) for m in await s.agent._messages("t") if m.type == "tool"]
    assert ended[0].startswith("[E1]") and "stopped" in ended[1]


async def test_an_estimate_is_the_median_of_what_was_measured(stage: Say) -> None:
    s = await stage(two("a"), AIMessage("Done [E1]."))
    assert s.agent.ledger.seconds("ask") is None
    await s.say("ask it a")
    assert s.agent.ledger.seconds("ask") == s.agent.ledger.get("t", "E1").provenance.seconds


def test_the_dry_run_follows_a_conversation_without_running_it(tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    lines = [
        {"say": "and in layer 3?", "history": ['show me layer 2 on "hello."']},
        {"say": "and in layer 3?", "history": [{"say": "x", "calls": [{"tool": "logit_lens", "arguments": {}}]}]},
        {"say": "hello"},
    ]
    file.write_text("\n".join([*map(json.dumps, lines), 'ask it "what is a fox?"']))
    plans = [one.as_record() for one in dry_run.plans(file, "taboo-03", embedding="lexical")]
    assert plans[0]["calls"] == [
        {"tool": "logit_lens", "arguments": {"target": "taboo-03", "prompt": "hello.", "layers": [3]}}
    ]
    assert plans[0]["intent"] == "followup" and plans[1]["calls"][0]["arguments"] == {"layers": [3]}
    assert plans[2]["intent"] == "smalltalk" and plans[2]["calls"] == []
    assert plans[3]["calls"] == [{"tool": "ask", "arguments": {"target": "taboo-03", "prompt": "what is a fox?"}}]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"says": "hello"}', "line 2: this is not"),
        (b'{"say": ' + b"[" * 100_000, "line 2: this is not"),
        (b'{"say": "hello", "history": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "line 2: this is not"),
        (b'{"say": "\\ud800"}', "line 2: this is not"),
        (b"\xff\xfe hello", "line 2: this is not UTF-8"),
        (b"[" * 100_000, "line 2: the message has 100000 characters: at most 8000 are read"),
        (b'{"say": "hello", "history": ["' + b"x" * 8001 + b'"]}', "line 2: the message has 8001 characters"),
        (b'{"say": " "}', "line 2: the message is empty"),
        (
            b'{"say": "what does it hide?", "history": [{"calls": [{"tool": "ask", "arguments": {"target": "a b"}}]}]}',
            "line 2: ",
        ),
    ],
    ids=["field", "open", "closed", "surrogate", "bytes", "brackets", "history", "empty", "target"],
)
def test_a_line_that_cannot_be_planned_is_named_and_the_others_go_on(tmp_path: Path, line: bytes, error: str) -> None:
    file = tmp_path / "said.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"say": "hello"}\r\n' + line + b"\n\nhello")
    first, refused, last = [one.as_record() for one in dry_run.plans(file, "taboo-03", embedding="lexical")]
    assert error in refused["error"] and len(refused["say"]) < 250 and json.dumps(refused)
    assert first == last and first["intent"] == "smalltalk"


def test_a_line_ends_at_a_line_feed_alone(tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text('{"say": "hel\u2028lo\x85"}\nand\u2028so on', encoding="utf-8")
    assert [one.say for one in dry_run.plans(file, "taboo-03", embedding="lexical")] == [
        "hel\u2028lo\x85",
        "and\u2028so on",
    ]


def test_a_file_or_a_target_that_is_none_ends_it(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="cannot be read"):
        list(dry_run.plans(tmp_path / "none", "taboo-03"))
    with pytest.raises(TargetError):
        list(dry_run.plans(tmp_path / "none", "a b"))


def test_the_command_ends_with_one_where_a_line_was_refused(tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    for text, code in (('{"say": 1}\nhello\n', 1), ("hello\n", 0)):
        file.write_text(text)
        words = [sys.executable, "-m", "agent", "plan", "--file", str(file)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == code and json.loads(done.stdout.splitlines()[-1])["say"] == "hello"
        assert "Traceback" not in done.stderr
    done = subprocess.run([*words[:4], "x" * 9000], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1 and done.stderr.startswith("error: the message has 9000 characters")
