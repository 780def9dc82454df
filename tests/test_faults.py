"""kill -9 at every node of the loop, on its way in and out: nothing is lost, nothing runs twice, questions wait again."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NODES = ("recall", "think", "propose", "approve", "predict", "act", "answer", "check", "remember")


def process(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.faulty", str(folder), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("node", NODES)
def test_a_turn_killed_at_a_node_goes_on_as_if_nothing_had_been(node: str, when: str, tmp_path: Path) -> None:
    killed = process(tmp_path, node, when)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    done = process(tmp_path, "go on", "-")
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["answers"] == ["It said hello [E1]."]
    assert (tmp_path / "ran").read_text() == "ran\n" and found["evidence"] == ["E1"]
    assert found["told"] == ["train it", "yes", "yes", "I expect a fox"] and found["notes"] == ["I expect a fox"]
    assert found["audit"] == ["granted", "call"] and found["verified"] == 2
    before = NODES.index(node)
    assert "approve" in found["asked"] or before >= NODES.index("approve"), "the question waits again"
