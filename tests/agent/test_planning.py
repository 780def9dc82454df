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
from agent.consent import WHICH
from agent.conversation import Answer, Question, Step
from evidence.errors import ArgumentError, TargetError
from target.turn import Turn, report
from tests.agent.test_loop import of
from tools import TOOLS

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


@pytest.mark.parametrize(
    ("kept", "answers"),
    [
        ([], "please don't|please stop|do nothing|ok no|not yet|don't do it|skip all|no to all|don't run any of them"),
        ([1], "no, only 1|not all, only 1|only 1, not 2|no only 1|1 instead of 2|only 1, skip the rest"),
        ([2], "No, just step 2|not 1 but 2|skip 1 and do 2|yes, but do 2|nothing but 2|no, 2|do 2 instead"),
        ([3], "3 please, not 1|without 1, 2|the last one|skip the first two"),
        ([1, 2], "first two|the first two|1-2|1–2|1 to 2|run 1 and 2 but not 3|all but the last"),
        ([2, 3], "skip 1 and do the rest|last two|2 and 3, skip 1"),
        ([1, 3], "don't run 2|everything except 2|go on but skip the second|leave 2 out|can you skip 2?|no 2|anything but 2"),
        ([1, 2, 3], "everything|yes to all|sure, no problem|👍|👍🏽|all three|from 1 to 3|no, run everything|of course!"),
        (WHICH, "maybe|hm|not sure|I’m not sure|the first two but quicker|not all|only 2?|that one|skip the rest|yes but"),
        (WHICH, "don't skip 2|no, do it|only|not only 1|don't run all of them|thanks"),
        (None, "no, show me layer 2 instead|yes, what is a probe?|explain step 2|no, layer 2|1.5|taboo-03|forget everything"),
    ],
)  # fmt: skip
def test_an_answer_is_read_clause_by_clause(kept: list[int] | str | None, answers: str) -> None:
    assert {answer: planning.chosen(answer, 3) for answer in answers.split("|")} == dict.fromkeys(
        answers.split("|"), kept
    )


@pytest.mark.parametrize(
    ("answer", "steps", "kept"),
    [
        ("the first three", 5, [1, 2, 3]),
        ("last two", 5, [4, 5]),
        ("skip the first two", 5, [3, 4, 5]),
        ("both", 2, [1, 2]),
        ("skip both", 2, []),
        ("not both", 2, WHICH),
        ("both", 3, "The plan has 3 steps, not 2: which of them shall I run?"),
        ("all three", 2, "The plan has 2 steps, not 3: which of them shall I run?"),
        ("all three", 5, "The plan has 5 steps, not 3: which of them shall I run?"),
        ("first nine", 5, "There is no step 6: the plan has steps 1 to 5."),
    ],
)
def test_how_many_steps_are_meant_depends_on_the_plan(answer: str, steps: int, kept: list[int] | str) -> None:
    assert planning.chosen(answer, steps) == kept


async def test_an_unclear_answer_keeps_the_plan_and_asks_again(stage: Say) -> None:
    s = await stage(two(), AIMessage("Done [E1]."))
    await s.say("ask it a and b")
    again = of(await s.say("maybe"), Question)
    assert again[0].text.startswith(WHICH) and "1. **ask**" in again[0].text
    await s.say("both")
    assert s.agent.ledger.names("t") == ["E1", "E2"]


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


async def test_a_step_that_is_stopped_while_it_runs_is_labelled_so(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Turn()

    def slow(*_: Any, **__: Any) -> Any:
        mine.stop.set()
        report("half way")

    monkeypatch.setitem(TOOLS, "ask", TOOLS["ask"].doing(slow))
    s = await stage(two("a"))
    steps = of(await s.say("ask it a", asked=mine), Step)
    assert steps[-1].status == "stopped" and steps[-1].detail.startswith("stopped as you asked")


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


@pytest.mark.slow
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
