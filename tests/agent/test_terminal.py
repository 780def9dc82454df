"""The conversation in a terminal, and going on with one."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agent import terminal
from agent.acting import STOPPED, TRAINING_KEPT
from agent.kept import config
from evidence.errors import ArgumentError
from target import turn
from tests.agent.plays import play
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


@pytest.mark.parametrize("word", ["quit", "/exit", "Exit"])
async def test_a_word_for_leaving_leaves(word: str, stage: Say, types: Say, capsys: pytest.CaptureFixture[str]) -> None:
    s = await stage()
    types(word, "ask it hello")
    await terminal.talk(s.agent, "mine", person="ann", target="taboo-07")
    assert "`quit` leaves" in capsys.readouterr().out and await s.agent.target("mine") is None


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


async def test_ctrl_c_stops_the_answer_and_the_chat_stays(
    stage: Say, types: Say, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100):
            time.sleep(0.02)
            turn.check()

    before = signal.getsignal(signal.SIGINT)
    play(monkeypatch, {"ask": interrupted})
    s = await stage(call("ask", prompt="hello."), AIMessage("Here I am."))
    types("ask it hello", "are you there?")
    await terminal.talk(s.agent, "mine", person="ann", target="taboo-07")
    said = capsys.readouterr().out
    assert said.index(STOPPED) < said.index("Here I am.")
    assert signal.getsignal(signal.SIGINT) is before


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


class Running:
    """A program on a terminal of its own, on which Ctrl-C reaches all its processes."""

    def __init__(self, *words: str) -> None:
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            os.execv(words[0], words)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def until(self, text: str, seconds: float = 120) -> str:
        """What it writes until it has written this."""
        said, end = "", time.monotonic() + seconds
        while text not in said:
            assert time.monotonic() < end, f"{text!r} never came: {said[-2000:]}"
            if select.select([self._terminal], [], [], 0.2)[0]:
                said += os.read(self._terminal, 1 << 16).decode("utf-8", "replace")
        return said

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


@pytest.mark.slow
def test_ctrl_c_stops_a_training_and_the_chat_stays(data_folder: Path) -> None:
    chat = Running(sys.executable, "-m", "agent", "chat", "--target", "base@1", "--thread", "mine")
    chat.until("you> ")
    chat.type('train an adapter on "examples/dialogues.jsonl" for 4000 steps and call it parting\n')
    chat.until("Allow it in this conversation?")
    chat.type("yes\n")
    chat.until("training, step 60")
    chat.type("\x03")
    said = as_said(chat.until("you> "))
    assert as_said(STOPPED) in said and as_said(TRAINING_KEPT) in said
    chat.type("go on\n")
    steps = re.findall(r"training, step (\d+)", chat.until(" of 4000"))
    assert int(steps[0]) > 30, "it goes on where it was saved"
    chat.type("\x03")
    assert as_said(STOPPED) in as_said(chat.until("you> "))
    chat.end()


def as_said(text: str) -> str:
    """Words alone: a terminal breaks lines, colours code and draws no backticks."""
    return " ".join(re.sub(r"\x1b\[[\d;]*m|`", "", text).split())


def test_markdown_is_drawn_in_a_terminal_and_left_alone_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal._say("It is **supported** [E1].")
    assert capsys.readouterr().out == "\nIt is **supported** [E1].\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    terminal._say("It is **supported** [E1].")
    said = capsys.readouterr().out
    assert "**" not in said and "supported" in said and "[E1]" in said
