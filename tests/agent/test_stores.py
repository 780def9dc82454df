"""The ledger and the memory: nothing lost, nothing shared, one sentence when something is wrong."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from agent import memory as memory_module
from agent.checkpoints import Checkpoints
from agent.embedding import Lexical
from agent.ledger import Ledger
from agent.memory import Memory, Note
from evidence import Reply, Transcript
from evidence.errors import GroundingError, MemoryError_

SAID = Transcript(
    title="t", replies=(Reply(model="m", prompt="p", text="hello", finished=True),), temperature=0.0, seed=0
)


def note(text: str, kind: str = "belief", target: str = "") -> Note:
    return Note(kind=kind, text=text, quote=text, thread="t", turn="1", target=target)  # type: ignore[arg-type]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    found = Memory(tmp_path / "memory", Lexical())
    yield found
    found.close()


def test_a_tool_call_that_is_run_again_keeps_its_id(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    assert [ledger.add("t", call, SAID) for call in ("a", "b", "a")] == ["E1", "E2", "E1"]
    assert ledger.get("t", "E2") == SAID and ledger.find("t", "b") == "E2" and ledger.find("t", "c") is None


def test_conversations_do_not_see_each_others_evidence(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.add("mine", "a", SAID)
    with pytest.raises(GroundingError, match="this conversation has no evidence 'E1': it has none yet"):
        ledger.get("yours", "E1")


def test_evidence_is_there_after_a_restart(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.sqlite").add("t", "a", SAID)
    assert Ledger(tmp_path / "ledger.sqlite").all("t") == {"E1": SAID}


def test_what_was_said_is_recalled_by_what_it_is_about(memory: Memory) -> None:
    memory.remember("ann", note("I think the word is a fox"))
    memory.remember("ann", note("please keep answers short", "preference"))
    assert memory.recall("ann", "which word is it?")[0].text == "I think the word is a fox"


def test_people_do_not_see_each_others_notes(memory: Memory) -> None:
    memory.remember("ann", note("I think the word is a fox"))
    assert memory.recall("bob", "fox") == [] and memory.all("bob") == []


def test_saying_it_again_keeps_one_note(memory: Memory) -> None:
    first, second = (memory.remember("ann", note("I think the word is a fox")) for _ in range(2))
    assert first.id == second.id and len(memory.all("ann")) == 1


def test_a_deleted_note_is_gone_and_so_is_its_vector(memory: Memory) -> None:
    kept = memory.remember("ann", note("I think the word is a fox"))
    memory.delete("ann", kept.id)
    assert memory.all("ann") == [] and memory.recall("ann", "I think the word is a fox") == []


def test_forgetting_a_person_leaves_the_others(memory: Memory) -> None:
    memory.remember("ann", note("fox"))
    memory.remember("bob", note("owl"))
    memory.forget("ann")
    assert memory.all("ann") == [] and [n.text for n in memory.all("bob")] == ["owl"]


def test_a_second_process_on_one_folder_is_told_so_and_loses_nothing(memory: Memory, tmp_path: Path) -> None:
    memory.remember("ann", note("fox"))
    code = (
        "from pathlib import Path; from agent.memory import Memory; from agent.embedding import Lexical\n"
        f"try: Memory(Path({str(tmp_path / 'memory')!r}), Lexical())\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MemoryError_ another running Maieutic owns the memory")
    assert [n.text for n in memory.all("ann")] == ["fox"]


def test_a_full_disk_is_said_in_one_sentence(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("usage", (), {"free": 10})
    monkeypatch.setattr(memory_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(MemoryError_, match="the disk is full: this was not remembered"):
        memory.remember("ann", note("fox"))


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/1").exists(), reason="needs a place nobody can write")
def test_a_folder_that_cannot_be_written_is_said_in_one_sentence() -> None:
    with pytest.raises(MemoryError_, match="cannot be written"):
        Memory(Path("/proc/1/maieutic"), Lexical())


async def three_steps(saver: Checkpoints, thread: str) -> None:
    """A conversation of three checkpoints with a write each."""
    where: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    for step in range(3):
        where = await saver.aput(where, empty_checkpoint(), {"step": step}, {})
        await saver.aput_writes(where, [("said", f"{thread}{step}")], "task")


async def steps(saver: Checkpoints, thread: str, **more: Any) -> list[tuple[Any, Any]]:
    """The steps and writes that are kept, the newest first."""
    found = [one async for one in saver.alist({"configurable": {"thread_id": thread}}, **more)]
    return [(one.metadata["step"], [write[2] for write in one.pending_writes or ()]) for one in found]


async def test_of_a_conversation_the_last_checkpoint_is_kept_and_of_others_all(tmp_path: Path) -> None:
    saver = Checkpoints(tmp_path / "conversations.sqlite")
    for thread in ("a", "b"):
        await three_steps(saver, thread)
    await saver.keep_last("b")
    assert await steps(saver, "b") == [(2, ["b2"])]
    assert await steps(saver, "a") == [(2, ["a2"]), (1, ["a1"]), (0, ["a0"])]
    assert saver.conn.execute("select thread_id, count(*) from writes group by thread_id").fetchall() == [
        ("a", 3),
        ("b", 1),
    ]
    assert sorted(await saver.threads()) == ["a", "b"]
    await saver.adelete_thread("a")
    saver.close()
    again = Checkpoints(tmp_path / "conversations.sqlite")
    assert await again.threads() == ["b"] and await steps(again, "b") == [(2, ["b2"])]
    again.close()


async def test_as_many_checkpoints_are_listed_as_were_asked_for(tmp_path: Path) -> None:
    saver = Checkpoints(tmp_path / "conversations.sqlite")
    await three_steps(saver, "a")
    assert [step for step, _ in await steps(saver, "a", limit=2)] == [2, 1]
    assert [step for step, _ in await steps(saver, "a", filter={"step": 1})] == [1]
    saver.close()
