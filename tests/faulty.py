"""A conversation that kills itself: `python -m tests.faulty FOLDER NODE before|after`, then once more with `go on`.

The person asks for something that needs a permission and a prediction; a scripted voice calls one tool and answers.
"""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from agent import models, planning
from agent.conversation import Agent, Answer, Failure, Question
from agent.models.scripted import Scripted
from agent.nodes import Nodes
from evidence import Reply, Transcript
from tools import TOOLS

REPLIES = {"plan": "yes", "approve": "yes", "predict": "I expect a fox"}
folder, node, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def counted(target: Any, **given: Any) -> Transcript:
    with (folder / "ran").open("a") as file:
        file.write("ran\n")
    reply = Reply(model=target.name, prompt=given["prompt"], text="hello", finished=True)
    return Transcript(title="What it said", replies=(reply,), temperature=0.0, seed=0)


def dying(function: Any) -> Any:
    async def run(self: Nodes, state: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = await function(self, state)
        os.kill(os.getpid(), signal.SIGKILL)
        return found

    return run


def voice(*args: Any, **kwargs: Any) -> Scripted:
    """Which words come next is told by what was said: a resumed turn goes on where it was."""
    call = {"name": "ask", "args": {"prompt": "hi."}, "id": "c1", "type": "tool_call"}

    class Voice(Scripted):
        def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            acted = any(m.type == "tool" for m in messages)
            self.steps = [AIMessage("It said hello [E1].") if acted else AIMessage("", tool_calls=[call])]
            return super()._generate(messages)

    return Voice(steps=[])


async def main() -> None:
    agent = await Agent("scripted", folder=folder, embedding="lexical").start()
    answers, asked = [], []
    said: str | None = None if await agent.unfinished("t") else "train it"
    waiting = await agent.waiting("t")
    said = REPLIES[waiting.kind] if waiting else said
    for _ in range(8):
        events = (
            agent.resume("t", person="ann") if said is None else agent.send("t", said, person="ann", target="taboo-03")
        )
        question = None
        async for event in events:
            assert not isinstance(event, Failure), event
            question = event if isinstance(event, Question) else question
            answers += [event.text] if isinstance(event, Answer) else []
        if question is None:
            break
        asked.append(question.kind)
        said = REPLIES[question.kind]
    notes = [note.quote for note in agent.memory.all("ann")]
    told = [part for who, part in await agent.history("t") if who == "person"]
    events = [record["event"] for record in agent.audit.records()]
    print(json.dumps({"answers": answers, "asked": asked, "notes": notes, "told": told, "audit": events,
                      "evidence": agent.ledger.names("t"), "verified": agent.audit.verify()}))  # fmt: skip
    await agent.close()


models.resolve = voice
planning.BUDGET_SECONDS = 0.0
TOOLS["ask"] = replace(TOOLS["ask"].doing(counted), capability="train", predict="Before I look: what will it say?")
if node != "go on":
    setattr(Nodes, node, dying(getattr(Nodes, node)))
asyncio.run(main())
