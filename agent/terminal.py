"""A conversation in a terminal: begun, or gone on with after the process that held it ended."""

import asyncio
import re
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import FrameType

from agent.conversation import Agent, Answer, Aside, Event, Failure, Notice, Question, Step
from evidence.errors import ArgumentError
from target import turn
from target.spec import DEFAULT_TARGET

LEAVES = {"quit", "exit", "/quit", "/exit", ":q", "bye"}
"""What ends a conversation in a terminal, as an empty line does."""
_NAME = re.compile(r"\w[\w.-]{0,79}")


def check_thread(name: str) -> None:
    """Refuse a name that could not be that of a file to export to.

    Raises:
        ArgumentError: it could not.
    """
    if not _NAME.fullmatch(name):
        raise ArgumentError(
            f"{name[:80]!r} cannot be the name of a conversation: use letters, digits, '-', '_' and '.', "
            "at most 80, beginning with a letter or digit"
        )


async def talk(agent: Agent, thread: str, *, person: str, target: str | None) -> None:
    """Go on with a conversation, or begin one of this name; Ctrl-C stops an answer, an empty line or `quit` ends it.

    Args:
        agent: a started agent.
        thread: name of the conversation.
        person: whose memory is used.
        target: what to look at; None for what the conversation is about.
    """
    about = await agent.target(thread)
    looked_at = target or about or DEFAULT_TARGET
    if about is None:
        print(f"Looking at {looked_at} (conversation {thread}). Ask what you like, for example: what can you do?")
        print("An empty line or `quit` leaves; `--thread` goes on with a conversation later.")
    else:
        print(f"Going on with conversation {thread}, looking at {looked_at}.")
        await _catch_up(agent, thread, person)
    while (said := (await asyncio.to_thread(input, "\nyou> ")).strip()) and said.lower() not in LEAVES:
        with _interruptible(f"{person}/{thread}") as mine:
            looked_at = await _show(agent.send(thread, said, person=person, target=looked_at, asked=mine)) or looked_at


async def _catch_up(agent: Agent, thread: str, person: str) -> None:
    """End a turn that was cut off, and show the question that waits for an answer."""
    if await agent.unfinished(thread):
        said = [text for who, text in await agent.history(thread) if who == "person"]
        print(f"\nyou> {said[-1]}" if said else "")
        with _interruptible(f"{person}/{thread}") as mine:
            await _show(agent.resume(thread, person=person, asked=mine))
    elif waiting := await agent.waiting(thread):
        _say(waiting.text)


@contextmanager
def _interruptible(owner: str) -> Iterator[turn.Turn]:
    """A turn that Ctrl-C stops, and the conversation stays; pressed again while it ends, it does what it does elsewhere."""
    mine = turn.Turn(owner)
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's alone
        yield mine
        return
    before = signal.getsignal(signal.SIGINT)

    def pressed(number: int, frame: FrameType | None) -> None:
        if mine.stop.is_set() and callable(before):
            before(number, frame)
        mine.stop.set()

    signal.signal(signal.SIGINT, pressed)
    try:
        yield mine
    finally:
        signal.signal(signal.SIGINT, before)


async def _show(events: AsyncIterator[Event]) -> str:
    """Print what comes; returns the target that the answer was about, "" where there was none."""
    about = doing_now = ""
    async for event in events:
        if isinstance(event, Answer):
            about = event.target
        match event:
            case Step(progress=doing) if doing and doing != doing_now:
                print(f"  ... {doing}", file=sys.stderr)
                doing_now = doing
            case (
                Answer(text=words) | Aside(text=words) | Question(text=words) | Notice(text=words) | Failure(text=words)
            ):
                _say(words)
    return about


def _say(words: str) -> None:
    """Markdown as a terminal shows it; as it is where the output is a file or another program."""
    if not sys.stdout.isatty():
        print(f"\n{words}", flush=True)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    print()
    Console().print(Markdown(words))
