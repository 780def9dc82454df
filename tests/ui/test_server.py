"""What cannot be served is said in one sentence, before anything else is."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools._web import AddressError, listening

ROOT = Path(__file__).parent.parent.parent


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=f"port {port} of 127.0.0.1 is in use.*--port {port + 1}"):
            listening("127.0.0.1", port)


def test_a_host_of_another_machine_is_refused_in_one_sentence() -> None:
    with pytest.raises(AddressError, match=r"nothing can be served at http://192\.0\.2\.1:7860"):
        listening("192.0.2.1", 7860)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--agent", "nonsense"], "no agent is called 'nonsense'"),
        (["--agent", "foo:bar"], "no agent is called 'foo:bar'"),
        (["--agent", "scripted:/nowhere.json"], "the script '/nowhere.json' cannot be read"),
        (["--target", "no-such-target"], "no-such-target"),
        (["--port", "99999"], "'99999' is not a port"),
    ],
)
def test_a_wrong_option_ends_the_start_at_once(options: list[str], sentence: str, tmp_path: Path) -> None:
    done = app(*options)
    assert done.returncode != 0 and sentence in done.stderr
    assert "Maieutic is at" not in done.stdout and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_port_in_use_ends_the_start_without_a_false_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = app("--port", str(taken.getsockname()[1]))
    assert done.returncode != 0 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "is in use" in done.stderr


def app(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "app.py", *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
