"""kill -9 in the middle of a tool call: the conversation and its evidence are there, and the question is resumed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
    assert said == ['ask it "hello."', "What word is taboo-07 hiding?"], said
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
