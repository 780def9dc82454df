"""A long conversation: the loop sees its last turns, the person all of it."""

from pathlib import Path

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agent.archive import KEPT_TURNS, Archive, outgrown
from agent.events import Said

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
    told = [
        Said(who, f"{what} {name}") for name in names for who, what in (("person", "question"), ("assistant", "answer"))
    ]
    assert await s.agent.story("t") == told
    state = await s.agent.graph.aget_state({"configurable": {"thread_id": "t"}})
    assert len([m for m in state.values["messages"] if m.type == "human"]) == KEPT_TURNS
    assert len(s.script.seen[-1]) == 2 * KEPT_TURNS  # the system message and all but the last answer
