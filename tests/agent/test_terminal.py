"""The conversation in a terminal, and going on with one."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agent import terminal
from agent.kept import config
from evidence.errors import ArgumentError
from tests.agent.test_loop import call

Say = Callable[..., Any]


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lines that a person types, then an empty one."""

    def type_(*lines: str) -> None:
        left = iter([*lines, ""])
        monkeypatch.setattr("builtins.input", lambda prompt: next(left))

    return type_


async def test_a_new_name_begins_a_conversation(stage: Say, types: Say, capsys: pytest.CaptureFixture[str]) -> None:
    s = await stage(call("ask", prompt="hello."), AIMessage("It said hello [E1]."))
    types("ask it hello")
    await terminal.talk(s.agent, "mine", person="ann", target="taboo-07")
    said = capsys.readouterr().out
    assert "Looking at taboo-07 (conversation mine)" in said and "It said hello [E1]." in said
    assert await s.agent.target("mine") == "taboo-07"


@pytest.mark.slow
async def test_a_question_that_waits_is_shown_and_answered(
    stage: Say, types: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    s = await stage(call("elicit_secret"), AIMessage("Done [E1]."))
    await s.say("what is it hiding?", target="taboo-07")
    types("skip")
    await terminal.talk(s.agent, "t", person="ann", target=None)
    said = capsys.readouterr().out
    assert "Going on with conversation t, looking at taboo-07." in said
    assert said.index("which word do you expect") < said.index("Done [E1].")


async def test_a_turn_that_was_cut_off_is_ended_first(
    stage: Say, types: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    s = await stage(call("ask", prompt="hello."), AIMessage("It said hello [E1]."))
    asked = {"messages": [HumanMessage("ask it hello", id="1")], "thread": "t", "person": "ann", "target": "taboo-07"}
    async for _ in s.agent.graph.astream(asked, config("t"), stream_mode="updates"):
        break
    assert await s.agent.unfinished("t")
    types()
    await terminal.talk(s.agent, "t", person="ann", target=None)
    said = capsys.readouterr().out
    assert said.index("you> ask it hello") < said.index("It said hello [E1].")
    assert not await s.agent.unfinished("t")


@pytest.mark.parametrize("name", ["../up", ".hidden", "-x", "a b", "", "x" * 81])
def test_a_name_that_could_be_no_file_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match="cannot be the name of a conversation"):
        terminal.check_thread(name)


@pytest.mark.slow
def test_a_killed_chat_is_gone_on_with_by_its_name(data_folder: Path) -> None:
    words = [sys.executable, "-m", "agent", "chat", "--thread", "mine"]
    first = subprocess.Popen(
        [*words, "--target", "taboo-07"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert first.stdin is not None and first.stderr is not None
    first.stdin.write("What word is taboo-07 hiding?\nskip\n")
    first.stdin.flush()
    assert any("asking directly" in line for line in first.stderr)
    first.send_signal(signal.SIGKILL)
    first.wait()
    again = subprocess.run(words, input="\n", capture_output=True, text=True, check=False, timeout=300)
    assert "Going on with conversation mine, looking at taboo-07." in again.stdout
    assert "[E1]" in again.stdout and again.returncode == 0, again.stderr
