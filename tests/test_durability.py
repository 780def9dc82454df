"""kill -9 in the middle of a tool call: the conversation and its evidence are there, and the question is resumed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agent.events import Said, Step, told, unanswered

ROOT = Path(__file__).parent.parent
FIRST = """
import asyncio, sys
from pathlib import Path
from agent.conversation import Agent, Step

async def run():
    agent = await Agent(folder=Path(sys.argv[1])).start()
    async for event in agent.send("t", 'ask it "hello."', person="ann", target="taboo-07"):
        pass
    for said in ("What word is taboo-07 hiding?", "I expect a fox"):
        async for event in agent.send("t", said, person="ann", target="taboo-07"):
            if isinstance(event, Step) and event.progress == "asking directly":
                print("in the middle", flush=True)
    await agent.close()

asyncio.run(run())
"""
SECOND = """
import asyncio, sys
from pathlib import Path
from agent.conversation import Agent, Answer

async def run():
    agent = await Agent(folder=Path(sys.argv[1])).start()
    assert await agent.unfinished("t")
    assert agent.ledger.names("t") == ["E1"], agent.ledger.names("t")
    said = [text for who, text in await agent.history("t") if who == "person"]
    assert said == ['ask it "hello."', "What word is taboo-07 hiding?", "I expect a fox"], said
    answers = [event.text async for event in agent.resume("t", person="ann") if isinstance(event, Answer)]
    assert agent.ledger.names("t") == ["E1", "E2"]
    assert len(answers) == 1 and "[E2]" in answers[0], answers
    assert not await agent.unfinished("t")
    assert [note.quote for note in agent.memory.all("ann")] == ["I expect a fox"]
    await agent.close()

asyncio.run(run())
"""


@pytest.mark.slow
def test_a_killed_process_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", FIRST, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline().strip() == "in the middle"
    time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = subprocess.run(
        [sys.executable, "-c", SECOND, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert second.returncode == 0, second.stderr


CALL = {"name": "ask", "args": {"message": "hello."}, "id": "1", "type": "tool_call"}


def test_a_conversation_is_told_again_with_its_steps() -> None:
    messages = [
        HumanMessage("ask it"),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage("[E1] it said", tool_call_id="1", artifact={"evidence": "E1"}, id="m"),
        AIMessage("It said hello [E1]."),
        HumanMessage("again"),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage("not run: something else was asked", tool_call_id="1", status="error"),
    ]
    step = Step("m", "ask", {"message": "hello."}, status="done", detail="[E1] it said", evidence="E1")
    said = [Said("person", "ask it"), step, Said("assistant", "It said hello [E1]."), Said("person", "again")]
    assert told(messages) == said


def test_a_call_that_was_stopped_is_told_as_stopped() -> None:
    stopped = ToolMessage("stopped as you asked: ask again to go on", tool_call_id="1", status="error", id="m")
    failed = ToolMessage("layer 99 does not exist", tool_call_id="1", status="error", id="n")
    (step, other) = told([AIMessage("", tool_calls=[CALL]), stopped, failed])
    assert isinstance(step, Step) and step.status == "stopped"
    assert isinstance(other, Step) and other.status == "failed"


def test_a_call_that_was_cut_off_is_closed_before_the_next_message() -> None:
    asked = [HumanMessage("ask it"), AIMessage("", tool_calls=[CALL])]
    (closed,) = unanswered(asked)
    assert closed.tool_call_id == "1" and closed.status == "error" and "interrupted" in closed.content
    assert unanswered([*asked, closed]) == unanswered([HumanMessage("hi"), AIMessage("hello")]) == []
    assert unanswered([]) == []
