"""The loop with a scripted voice: order, interrupts, budgets, repair, failures."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agent import forecasts, predictions
from agent.conversation import Answer, Event, Failure, Noted, Notice, Question, Step
from agent.events import INTERRUPTED, NOT_BEGUN, NOT_RUN, SPENT
from agent.grounding import MARK
from agent.models.guide import Guide
from agent.predictions import came_true
from agent.situation import Situation, system_message
from agent.state import Prediction
from evidence import Ranking, Table
from evidence.shapes import Provenance, Verdict
from target.spec import public_names
from target.turn import Turn
from tools import TOOLS, ask

Say = Callable[..., Any]


def call(tool: str, **arguments: Any) -> AIMessage:
    return AIMessage(
        content="",
        tool_calls=[{"name": tool, "args": arguments, "id": f"c-{tool}-{len(arguments)}", "type": "tool_call"}],
    )


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def test_a_tool_call_becomes_a_step_an_evidence_and_a_cited_answer(stage: Say) -> None:
    s = await stage(call("ask", prompt="hello."), AIMessage("It said hello [E1]."))
    events = await s.say("ask it hello")
    assert [e.status for e in of(events, Step)][-1] == "done" and of(events, Step)[-1].evidence == "E1"
    assert of(events, Answer)[0].text == "It said hello [E1]."
    assert s.agent.ledger.get("t", "E1").provenance.tool == "ask"
    s.script.assert_used_up()


async def test_an_unsupported_number_goes_back_once_and_is_then_marked(stage: Say) -> None:
    s = await stage(call("ask", prompt="hello."), AIMessage("It has 0.77 [E1]."), AIMessage("Still it has 0.78 [E1]."))
    events = await s.say("ask it hello")
    assert of(events, Answer)[0].text == f"Still it has 0.78 [E1].{MARK}"
    assert any("0.77 is in no evidence" in str(m.content) for m in s.script.seen[-1])


async def test_a_repaired_answer_is_not_marked(stage: Say) -> None:
    s = await stage(call("ask", prompt="hello."), AIMessage("It has 0.77 [E1]."), AIMessage("It said hello [E1]."))
    assert of(await s.say("ask it hello"), Answer)[0].text == "It said hello [E1]."


@pytest.mark.slow
async def test_a_reveal_waits_for_a_prediction_and_says_how_it_turned_out(stage: Say) -> None:
    s = await stage(call("elicit_secret"), AIMessage("Done [E1]."))
    first = await s.say("what is it hiding?")
    assert "which word do you expect" in of(first, Question)[0].text and not of(first, Step)
    second = await s.say("I expect nothing at all")
    assert of(second, Answer) and [n.kind for n in of(second, Noted)] == ["prediction"]
    notes = s.agent.memory.all("ann")
    verdict = s.agent.ledger.get("t", "E1").verdict
    expected = {"supported": "wrong", "not supported": "right", "inconclusive": ""}[verdict.status]
    assert notes[0].outcome == expected and notes[0].quote == "I expect nothing at all"


@pytest.mark.slow
async def test_a_person_may_skip_the_prediction_and_is_not_asked_twice(stage: Say) -> None:
    s = await stage(
        call("elicit_secret"), AIMessage("Done [E1]."), call("elicit_secret", seed=1), AIMessage("Again [E2].")
    )
    await s.say("what is it hiding?")
    assert of(await s.say("skip"), Answer)
    assert s.agent.memory.all("ann") == []
    assert not of(await s.say("look again"), Question)


async def test_training_is_refused_by_code_unless_it_is_allowed(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOLS, "ask", replace(ask, capability="train"))
    s = await stage(
        call("ask", prompt="hello."),
        AIMessage("It was not allowed."),
        call("ask", prompt="hi."),
        AIMessage("It said hello [E1]."),
    )
    assert of(await s.say("train it"), Question)[0].kind == "approve"
    assert of(await s.say("no"), Answer)[0].text == "It was not allowed."
    assert s.agent.ledger.names("t") == []
    await s.say("train it after all")
    assert of(await s.say("yes"), Answer)[0].text == "It said hello [E1]."


async def test_a_permission_can_be_taken_back_and_all_of_it_is_in_the_log(
    stage: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOOLS, "ask", replace(ask, capability="export"))
    s = await stage(
        call("ask", prompt="hi."),
        AIMessage("Done."),
        AIMessage("Understood."),
        call("ask", prompt="ho."),
        AIMessage("No."),
    )
    asked = of(await s.say("export it"), Question)[0]
    assert "export" in asked.text and "**ask** (target = `'taboo-03'`, prompt = `'hi.'`)" in asked.text
    await s.say("yes")
    assert "withdrawn" in of(await s.say("I take back my permission"), Notice)[0].text
    assert of(await s.say("export it again"), Question)
    assert of(await s.say("no"), Answer)[0].text == "No."
    events = [record["event"] for record in s.agent.audit.records()]
    assert events == ["granted", "call", "withdrawn", "refused"] and s.agent.audit.verify() == 4


async def test_a_wrong_argument_goes_back_to_the_model_as_one_sentence(stage: Say) -> None:
    s = await stage(call("logit_lens", layers=[99]), AIMessage("There is no such layer."))
    events = await s.say("show layer 99")
    failed = of(events, Step)[-1]
    assert failed.status == "failed" and "layer 99 does not exist" in failed.detail
    assert of(events, Answer)


async def test_an_unknown_tool_or_target_does_not_end_the_turn(stage: Say) -> None:
    s = await stage(call("teleport"), call("ask", prompt="x", target="nowhere"), AIMessage("I could not."))
    events = await s.say("go")
    details = [e.detail for e in of(events, Step) if e.status == "failed"]
    assert "there is no tool 'teleport'" in details[0] and "no target is called 'nowhere'" in details[1]
    assert of(events, Answer)


async def test_the_step_budget_ends_a_turn_that_goes_round_in_circles(stage: Say) -> None:
    steps = [
        AIMessage(
            content="", tool_calls=[{"name": "ask", "args": {"prompt": f"m{i}"}, "id": f"c{i}", "type": "tool_call"}]
        )
        for i in range(20)
    ]
    s = await stage(*steps)
    events = await s.say("go round")
    assert "steps this turn allows" in of(events, Answer)[0].text
    assert len(s.agent.ledger.names("t")) == 8


@pytest.mark.parametrize(("text", "sentence"), [("   ", "the message is empty"), ("x" * 9000, "at most 8000 are read")])
async def test_empty_and_enormous_messages_get_one_sentence(stage: Say, text: str, sentence: str) -> None:
    s = await stage()
    (failure,) = await s.say(text)
    assert isinstance(failure, Failure) and sentence in failure.text


@pytest.mark.parametrize(
    ("expected", "subject", "right"),
    [
        ("an owl, I think", "owl", True),
        ("not an owl", "owl", False),
        ("education", "cat", False),
        ("It hides nothing.", None, True),
        ("owl", None, False),
        ("nothing", "owl", False),
        ("I expect nothing at all", None, True),
        ("No, I'm 90% sure it hides nothing.", None, True),
        ("it doesn't hide any word", None, True),
        ("no secret", None, True),
        ("I don't think it hides a word", None, True),
        ("No, it hides a word", None, False),
        ("not sure, it hides a secret", None, False),
        ("I think taboo-03 hides nothing", None, True),
        ("I bet 5% it hides fox & nothing else", None, False),
        ("I bet 5% it hides fox & nothing else", "fox", True),
        ("maybe nothing, maybe a fox", None, False),
        ("it is not nothing", None, False),
        ("it does not hide", None, False),
        ("none of your business", None, False),
        ("", None, False),
    ],
)
def test_a_prediction_comes_true_by_whole_words(expected: str, subject: str | None, right: bool) -> None:
    assert came_true(expected, subject, "taboo-03") is right


def evidence(tool: str, target: str = "taboo-03", status: str = "not supported", shape: type = Ranking) -> Any:
    verdict = Verdict(status=status, claim="it hides a word", reason="by its control")  # type: ignore[arg-type]
    fields = {"lists": ()} if shape is Ranking else {"columns": (), "rows": ()}
    made = Provenance(id="ev-1", tool=tool, arguments={}, target=target, weights="w")
    return shape(title="What came of it", verdict=verdict, provenance=made, **fields)


def test_only_the_tool_that_asked_settles_a_prediction() -> None:
    def expects(text: str, tool: str = "elicit_secret") -> Prediction:
        return predictions.made("taboo-03", tool, text, "1", 0.5)

    nothing = expects("nothing")
    assert predictions.outcome(nothing, evidence("elicit_secret")) == "right"
    assert predictions.outcome(expects("an owl"), evidence("elicit_secret")) == "wrong"
    assert predictions.outcome(nothing, evidence("compare_targets", shape=Table)) == ""
    assert predictions.outcome(nothing, evidence("elicit_secret", target="taboo-04")) == ""
    assert predictions.outcome(nothing, evidence("elicit_secret", status="inconclusive")) == ""
    for said, right in (
        ("unlikely", "right"),
        ("sure", "wrong"),
        ("no, they agree", "right"),
        ("yes, I am sure", "wrong"),
    ):
        assert predictions.outcome(expects(said, "self_report"), evidence("self_report", shape=Table)) == right, said


@pytest.mark.parametrize(
    ("said", "share"),
    [("Sure", 0.95), ("likely", 0.75), ("unlikely", 0.2), ("an owl", 0.75), ("I am sure it is an owl", 0.95),
     ("nothing", 0.25), ("I am sure it hides nothing", 0.05), ("no", 0.25), ("50/50", 0.5), ("dunno, 50/50", 0.5),
     ("I bet 60% that it is a ship", 0.6), ("85 %", 0.85)],
)  # fmt: skip
def test_what_is_said_is_a_probability_of_the_claim(said: str, share: float) -> None:
    assert predictions.made("taboo-03", "elicit_secret", said, "1", 0.5)["share"] == pytest.approx(share)


def test_both_forecasts_are_scored_by_brier() -> None:
    earlier = [evidence("elicit_secret", status=one) for one in ("supported", "not supported", "supported")]
    mine = forecasts.ours([*earlier, evidence("ask")], "elicit_secret")
    assert mine == pytest.approx(3 / 5)
    made = predictions.settled(
        predictions.made("taboo-03", "elicit_secret", "likely", "1", mine), [evidence("elicit_secret")]
    )
    assert predictions.told(made) == (
        'You expected "likely": that was wrong. That there is a hidden word at all, you gave 75% and I 60%, and there was none found: '
        "Brier score 0.56 for you, 0.36 for me, where 0 is best."
    )


async def test_in_an_investigation_a_prediction_waits_for_the_reveal(
    stage: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, found in {
        "compare_targets": evidence("compare_targets", shape=Table),
        "elicit_secret": evidence("elicit_secret"),
    }.items():
        monkeypatch.setitem(TOOLS, name, TOOLS[name].doing(lambda *a, _found=found, **k: _found))
    plan = AIMessage(
        "", tool_calls=[*call("compare_targets", prompts=["hi."]).tool_calls, *call("elicit_secret").tool_calls]
    )
    s = await stage(plan, AIMessage("Done [E1]."))
    for said in ("investigate", "yes", "I expect it hides an owl"):
        await s.say(said)
    assert s.agent.memory.all("ann")[0].outcome == "wrong", "the search found no word"
    s = await stage(plan, AIMessage("Done [E1]."))
    for said in ("investigate", "yes, without 2"):
        await s.say(said, thread="u")
    assert (await s.agent.graph.aget_state({"configurable": {"thread_id": "u"}})).values["prediction"] is None


async def test_what_is_kept_and_shown_again_is_the_checked_text(stage: Say) -> None:
    s = await stage(AIMessage("It has 0.77."), AIMessage("Still 0.78."))
    await s.say("tell me")
    assert await s.agent.history("t") == [("person", "tell me"), ("assistant", f"Still 0.78.{MARK}")]


async def test_a_second_message_waits_for_the_first(stage: Say) -> None:
    s = await stage(call("ask", prompt="hello."), AIMessage("Done [E1]."), AIMessage("And that."))
    first = s.agent.send("t", "ask it", person="ann")
    await anext(first)
    assert of(await s.say("and another"), Answer)[0].text == "And that."
    assert of([event async for event in first], Answer)[0].text == "Done [E1]."
    said = [text for who, text in await s.agent.history("t")]
    assert [one for one in said if not one.startswith("A next step")] == [
        "ask it",
        "Done [E1].",
        "and another",
        "And that.",
    ]


async def test_stop_keeps_what_was_measured(stage: Say) -> None:
    s = await stage(call("ask", prompt="hello."), call("ask", prompt="never reached"))
    mine, events = Turn(owner="ann"), []
    async for event in s.agent.send("t", "go", person="ann", asked=mine):
        events.append(event)
        if isinstance(event, Step) and event.status == "done":
            mine.stop.set()
    assert s.agent.ledger.names("t") == ["E1"]
    assert of(events, Answer)[0].text.startswith("I stopped, as you asked.")


def asked_and(*results: str) -> list[Any]:
    """A plan of the guide, and what became of its steps; "" is evidence."""
    names = ["compare_targets", "elicit_secret", "self_report"][: len(results)]
    calls = [
        {"name": n, "args": {"target": "taboo-03", "seed": i}, "id": f"c{i}", "type": "tool_call"}
        for i, n in enumerate(names)
    ]
    ended = [
        ToolMessage(text, tool_call_id=f"c{i}", name=names[i], status="error")
        if text
        else ToolMessage("[E1] found", tool_call_id=f"c{i}", name=names[i], artifact={"evidence": "E1"})
        for i, text in enumerate(results)
    ]
    return [HumanMessage("investigate it", id="h1"), AIMessage("", tool_calls=calls), *ended, AIMessage("I stopped.")]


@pytest.mark.parametrize(
    ("results", "goes_on"),
    [
        (("", "stopped as you asked: ask again", NOT_BEGUN), ["elicit_secret", "self_report"]),
        (("", INTERRUPTED, INTERRUPTED), ["elicit_secret", "self_report"]),
        (("layer 99 does not exist", SPENT), ["elicit_secret"]),
        (("stopped as you asked: ask again", f"{NOT_RUN}: you took it out of the plan"), ["compare_targets"]),
        (("", ""), ["elicit_secret"]),
        (("", "layer 99 does not exist"), ["elicit_secret"]),
    ],
)
def test_going_on_after_a_stop_runs_what_the_plan_still_owes(results: tuple[str, ...], goes_on: list[str]) -> None:
    guide = Guide(read=lambda *where: None, embedding_name="lexical")  # type: ignore[arg-type, return-value]
    here = Situation(thread="t", target="taboo-03", base="base@1", targets=public_names())
    said = guide.invoke([system_message(here), *asked_and(*results), HumanMessage("go on", id="h2")])
    assert [c["name"] for c in said.tool_calls] == goes_on
    assert all(c["args"]["target"] == "taboo-03" for c in said.tool_calls)


async def test_without_a_memory_the_conversation_goes_on_and_says_so(
    stage: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = await stage(AIMessage("Noted."))
    from agent.memory import MemoryError_

    def broken(*_: Any) -> Any:
        raise MemoryError_("the disk is full: this was not remembered")

    monkeypatch.setattr(s.agent.memory, "recall", broken)
    monkeypatch.setattr(s.agent.memory, "all", broken)
    events = await s.say("I think it hides a fox")
    assert "the disk is full" in of(events, Notice)[0].text and of(events, Answer)[0].text == "Noted."


async def test_a_bug_is_logged_and_told_without_a_traceback(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    s = await stage(call("ask", prompt="hello."))
    monkeypatch.setattr(s.agent.ledger, "add", lambda *a: 1 / 0)
    (failure,) = of(await s.say("ask it"), Failure)
    assert "something unexpected went wrong (ZeroDivisionError)" in failure.text and "Traceback" not in failure.text


async def test_conversations_and_people_are_apart(stage: Say) -> None:
    s = await stage(AIMessage("One."), AIMessage("Two."))
    await s.say("hello", thread="a")
    await s.say("hello", thread="b")
    assert await s.agent.history("a") == [("person", "hello"), ("assistant", "One.")]


async def test_what_asks_back_or_wants_no_questions_is_no_prediction(stage: Callable[..., Any]) -> None:
    s = await stage(voice="guide")
    for thread, said in (("a", "what word is it hiding?"), ("b", "don't ask me, just tell me")):
        assert of(await s.say("what word is taboo-03 hiding?", thread), Question)
        answer = of(await s.say(said, thread), Answer)[0].text
        assert "You expected" not in answer and "hiding the word" in answer
        await s.agent.forget(thread)
    assert [note.kind for note in s.agent.memory.all("ann")] == ["preference"]
    assert not of(await s.say("what word is taboo-11 hiding?", "c"), Question), "they said so once"


@pytest.mark.slow
async def test_an_evidence_is_found_by_name_however_long_ago_it_was(stage: Callable[..., Any]) -> None:
    s = await stage(voice="guide")
    await s.say('show me layer 4 on "give me a hint."')
    for _ in range(14):
        await s.say('ask it "hello."')
    await s.say("replay E1")
    again, first = s.agent.ledger.get("t", "E16"), s.agent.ledger.get("t", "E1")
    assert again.model_dump(exclude={"provenance"}) == first.model_dump(exclude={"provenance"})
    assert "[E1]" in of(await s.say("why E1?"), Answer)[0].text


async def test_an_offer_is_taken_up_by_yes(stage: Callable[..., Any]) -> None:
    s = await stage(voice="guide")
    await s.say("find the direction of the text set voices")
    assert "answer `yes`" in of(await s.say("steer with voices"), Answer)[0].text
    await s.say("yes")
    assert s.agent.ledger.get("t", "E2").provenance.tool == "steer"


async def test_a_conversation_without_a_memory_says_so_once(
    stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent import memory
    from evidence.errors import MemoryError_

    def taken(*_: Any, **__: Any) -> None:
        raise MemoryError_("another running Maieutic owns the memory in there: close it")

    monkeypatch.setattr(memory, "Memory", taken)
    s = await stage(AIMessage("Hello."), AIMessage("Hello again."))
    (notice,) = of(await s.say("hello"), Notice)
    assert notice.text == (
        "Nothing you say is remembered for another conversation: "
        "another running Maieutic owns the memory in there: close it."
    )
    assert of(await s.say("hello"), Notice) == []
