"""A training in a process of its own: started, listened to, and ended with whoever started it."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from pydantic import BaseModel

from evidence.errors import TrainingError
from target import turn

Report = Callable[[dict[str, Any]], None]
Job = TypeVar("Job", bound=BaseModel)
_POLL_SECONDS = 0.25


def run(module: str, job: str, report: Report, log: Path | None = None) -> None:
    """Run `python -m MODULE JOB.json`; `report` gets each line it prints. An exception here ends the child.

    Raises:
        TrainingError: the child failed; the message ends with its last line.
        Cancelled: the person pressed stop.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(job, encoding="utf-8")
        with (log or Path(folder) / "train.log").open("w+", encoding="utf-8") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", module, str(path)], stdout=subprocess.PIPE, stderr=errors, text=True
            )
            try:
                for line in _lines(child):
                    report(line)
            finally:
                if child.poll() is None:
                    child.terminate()
                child.wait()
            if child.returncode:
                errors.seek(0)
                last = (errors.read().strip().splitlines() or ["no message"])[-1]
                raise TrainingError(f"training stopped with exit code {child.returncode}: {last}")


def main(module: str, job: type[Job], train: Callable[[Job, Report], None]) -> None:
    """What `run` starts: read a job file, train, print one JSON line per report."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m {module} JOB.json")
    read = job.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    train(read, lambda line: print(json.dumps(line), flush=True))


def _lines(child: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    """What the child says; pressing stop is noticed while it says nothing, too."""
    said: SimpleQueue[str | None] = SimpleQueue()

    def listen() -> None:
        assert child.stdout is not None
        with child.stdout as lines:
            for line in lines:
                said.put(line)
        said.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        try:
            line = said.get(timeout=_POLL_SECONDS)
        except Empty:
            turn.check()
            continue
        if line is None:
            return
        yield json.loads(line)
