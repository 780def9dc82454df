"""A long conversation: the loop sees its last turns, the person all of it."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agent.archive import KEPT_TURNS, Archive, outgrown
from agent.conversation import Answer, Aside, Question
from agent.events import EXCHANGES, Said, Step, told
from agent.export import FORMS, cassette
from agent.export.conversation import read
from tools import TOOLS

CALL = {"name": "ask", "args": {"prompt": "hi"}, "id": "c1", "type": "tool_call"}


def turn(number: int) -> list[HumanMessage | AIMessage | ToolMessage]:
    return [
        HumanMessage(f"question {number}", id=f"h{number}"),
        AIMessage("", id=f"a{number}", tool_calls=[CALL]),
        ToolMessage("[E1] hello", tool_call_id="c1", id=f"t{number}", artifact={"evidence": "E1"}),
        AIMessage(f"answer {number}", id=f"b{number}"),
    ]


def test_whole_turns_are_outgrown_and_never_a_part_of_one() -> None:
    messages = [message for number in range(KEPT_TURNS + 2) for message in turn(number)]
    assert outgrown(messages) == messages[:8]
    assert outgrown(messages[8:]) == []


def test_what_is_archived_comes_back_whole_and_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "file.sqlite")
    archive.add("t", turn(0))
    archive.add("t", [*turn(0), *turn(1)])
    archive.add("other", turn(5))
    assert archive.read("t") == [*turn(0), *turn(1)]
    archive.close()


async def test_a_long_conversation_is_told_from_its_beginning(stage) -> None:  # type: ignore[no-untyped-def]
    names = [chr(ord("a") + number) for number in range(KEPT_TURNS + 3)]
    s = await stage(*[AIMessage(f"answer {name}") for name in names])
    for name in names:
        await s.say(f"question {name}")
    expected = [
        Said(who, f"{what} {name}") for name in names for who, what in (("person", "question"), ("assistant", "answer"))
    ]
    assert await s.agent.story("t") == expected
    state = await s.agent.graph.aget_state({"configurable": {"thread_id": "t"}})
    assert len([m for m in state.values["messages"] if m.type == "human"]) == KEPT_TURNS
    assert len(s.script.seen[-1]) == 2 * KEPT_TURNS  # the system message and all but the last answer


PLAN = [{"name": name, "args": {"prompt": f"{name}."}, "id": name, "type": "tool_call"} for name in ("a", "b")]


async def test_questions_and_their_answers_are_told_in_their_place(stage, data_folder, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(TOOLS, "ask", replace(TOOLS["ask"], capability="train", predict="Before I look: what?"))
    first, second = (AIMessage("", tool_calls=[{**one, "name": "ask"} for one in PLAN]) for _ in range(2))
    s = await stage(first, AIMessage("It said hello [E1]."), second, AIMessage("Hello to you."))
    expected = []
    for text in ("ask it", "maybe", "only 1", "sure", "I expect a fox", "ask again", "what is a probe?"):
        told = [event for event in await s.say(text) if isinstance(event, Answer | Aside | Question)]
        expected += [("person", text), *(("assistant", event.text) for event in told)]
    story = await s.agent.story("t")
    said = [(part.who, part.text) for part in story if isinstance(part, Said)]
    assert said == expected
    assert [n for n, part in enumerate(story) if isinstance(part, Step)] == [9], "the step stands before its answer"
    for seen in s.script.seen:
        for before, after in pairwise(seen):
            assert after.type == "tool" or not getattr(before, "tool_calls", None), (
                "calls are followed by their results"
            )
    conversation = await s.agent.conversation("t")
    assert read(data_folder, "t").parts == conversation.parts
    for form, (_, writer) in FORMS.items():
        if form == "note":  # what came of it, not what was said
            continue
        text = writer(conversation)
        assert "what?" in text and "I expect a fox" in text and "only 1" in text, form
    replayed = cassette.load(FORMS["cassette"][1](conversation))
    assert [(m.who, m.text) for m in replayed.messages] == said


async def test_what_was_asked_goes_into_the_archive_with_its_turn(tmp_path: Path) -> None:
    asking = AIMessage("", id="a0", tool_calls=[CALL], additional_kwargs={EXCHANGES: [{"question": "Shall I?", "answer": "yes"}]})  # fmt: skip
    archive = Archive(tmp_path / "file.sqlite")
    archive.add("t", [HumanMessage("do it", id="h0"), asking])
    assert told(archive.read("t")) == [Said("person", "do it"), Said("assistant", "Shall I?"), Said("person", "yes")]
    archive.close()
