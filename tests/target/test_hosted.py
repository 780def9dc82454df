"""The same code on a model that runs elsewhere, and on one held in fewer bits."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import target
from evals.browser import free_port
from evidence.errors import TargetError
from target.spec import parse
from tests.models import save_tiny
from tests.tools.examples import EXAMPLES

ROOT = Path(__file__).parent.parent.parent
BASE = ROOT / "organisms" / "weights" / "base@1"
COMMIT = "c" * 40


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("ndif:org/model", r"NDIF asks for a key: get one at https://\S+ and set NDIF_API_KEY"),
        ("ndif:org/model?dtype=nf4", r"decides itself how it holds its weights: leave the options out"),
        (
            "serve:http://127.0.0.1:9#org/model",
            r"is nnsight-serve, whose vLLM .* is not read yet: use 'ndif:org/model'",
        ),
        ("taboo-03?dtype=int3", r"dtype 'int3' is not known: allowed are 'auto', 'float32'.*'nf4'"),
        ("taboo-03?device=tpu", r"device 'tpu' is not known"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(spec: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NDIF_API_KEY", raising=False)
    with pytest.raises(TargetError, match=sentence):
        target.load(spec)


def test_options_hold_for_both_ends_of_a_plus() -> None:
    found = parse("base@1+taboo-03?device=cpu&dtype=bfloat16")
    assert found.adapter and (found.options.device, found.options.dtype) == ("cpu", "bfloat16")
    assert found.base == parse("base@1").base


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int8", "nf4"])
def test_weights_in_fewer_bits_say_much_the_same_and_take_adapters(dtype: str) -> None:
    whole, small = target.load("taboo-03"), target.load(f"taboo-03?device=cpu&dtype={dtype}")
    ids = [whole.encode_chat([{"role": "user", "content": "what is a fox?"}])]
    own, other = (model.next_logits(ids).float().softmax(-1) for model in (whole, small))
    assert 0.5 * float((own - other).abs().sum()) < 0.2
    assert not torch.allclose(small.next_logits(ids), small.base.next_logits(ids))
    with pytest.raises(TargetError, match="weights held in fewer bits cannot be compared"):
        small.weight_change(small.base)


@contextmanager
def hosting(folder: Path, name: str) -> Iterator[str]:
    """A process of its own that speaks NDIF's protocol for one model."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "ndif_server.py"), str(folder), name, str(port)],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    try:
        _wait(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def cached(folder: Path, name: str, cache: Path) -> None:
    """A hub cache with a model's configuration and tokenizer, and without its weights."""
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    for file in folder.iterdir():
        if file.is_file() and file.suffix != ".safetensors":
            (snapshot / file.name).write_bytes(file.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2"])
def test_a_hosted_model_reads_changes_and_says_what_a_local_one_does(architecture: str, tmp_path: Path) -> None:
    """In a process of its own: which hub cache is used is decided when the libraries are loaded."""
    name = f"org/{architecture}"
    folder = save_tiny(architecture, tmp_path / "model")
    cached(folder, name, tmp_path / "hub")
    with hosting(folder, name) as url:
        done = client(_COMPARE.format(folder=str(folder), name=name), url, tmp_path)
    differences = json.loads(done.stdout.splitlines()[-1])
    print(f"max difference, {architecture} over NDIF's protocol against local: {max(differences.values()):.2g}")
    assert len(differences) == 9 and max(differences.values()) <= 1e-5, differences


@pytest.mark.slow
def test_the_same_tools_run_hosted_without_a_change(tmp_path: Path) -> None:
    cached(BASE, "org/small-world", tmp_path / "hub")
    names = [
        "ask",
        "logit_lens",
        "attention_pattern",
        "direct_logit_attribution",
        "patch_activations",
        "find_direction",
    ]
    calls = {name: EXAMPLES[name] for name in names}
    with hosting(BASE, "org/small-world") as url:
        hosted = run_tools("ndif:org/small-world", calls, url, tmp_path)
        local = run_tools(str(BASE), calls, url, tmp_path)
    for name in names:
        assert _numbers(hosted[name]) == pytest.approx(_numbers(local[name]), abs=1e-3), name
    refused = hosted["attribute"]
    assert "does not give gradients: patch_activations measures what they estimate" in refused["error"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "name", "sentence"),
    [
        ("wrong", "org/tiny", r"ndif:org/tiny refused: Failed to send request: Invalid API key"),
        ("a-key", "org/other", r"ndif:org/other refused: .* is not deployed"),
    ],
)
def test_what_a_host_refuses_is_one_sentence(key: str, name: str, sentence: str, tmp_path: Path) -> None:
    folder = save_tiny("llama", tmp_path / "model")
    cached(folder, name, tmp_path / "hub")
    with hosting(folder, "org/tiny") as url:
        done = shell(["ask", "--target", f"ndif:{name}", "--prompt", "hello"], url, tmp_path, key)
    said = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert said.startswith("error: ") and re.search(sentence, said), done.stderr


@pytest.mark.slow
def test_a_host_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    cached(BASE, "org/tiny", tmp_path / "hub")
    done = shell(["ask", "--target", "ndif:org/tiny", "--prompt", "hello"], f"http://127.0.0.1:{free_port()}", tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "ndif:org/tiny cannot be reached" in done.stderr and "check the network" in done.stderr


_COMPARE = """
import json, torch, target
from target.interventions import Ablate, Steer
here, there = target.load({folder!r}), target.load("ndif:{name}")
ids = [here.encode("hello there"), here.encode("abc")]
changes = [Steer(1, torch.ones(32), 3.0), Ablate(2, torch.ones(32) / 32**0.5)]
gap = lambda a, b: float((a.float() - b.float()).abs().max())
found = {{site: max(map(gap, here.residuals(ids, [0, 2], site=site), there.residuals(ids, [0, 2], site=site)))
         for site in ("residual", "head", "mlp")}}
found["logits, changed"] = gap(here.next_logits(ids, changes), there.next_logits(ids, changes))
found["attention"] = gap(here.attention(ids, [1])[0], there.attention(ids, [1])[0])
lenses = here.lens(ids, [0, 2], k=3, track=[5, 6]), there.lens(ids, [0, 2], k=3, track=[5, 6])
found["lens"] = max(gap(a.tracked_log_probs, b.tracked_log_probs) for a, b in zip(*lenses))
found["heads"] = gap(here.head_outputs(ids[0]), there.head_outputs(ids[0]))
for name, options in (("greedy, changed", {{"interventions": changes}}), ("sampled", {{"temperature": 1.0, "seed": 3}})):
    said = [[one.tokens for one in model.generate(ids, max_new_tokens=5, **options)] for model in (here, there)]
    found[name] = float(said[0] != said[1])
print(json.dumps(found))
"""

_TOOLS = """
import json, sys
import target
from evidence.errors import ToolError
from tools import TOOLS
model, calls, found = target.load({spec!r}), json.loads({calls!r}), {{}}
for name, arguments in calls.items():
    found[name] = TOOLS[name].call(model, arguments).model_dump(mode="json")
try:
    TOOLS["attribute"].call(model, {{"prompt": "is a fox small?", "other_prompt": "is a fox huge?", "word": "yes", "other_word": "no"}})
except ToolError as error:
    found["attribute"] = {{"error": str(error)}}
print(json.dumps(found))
"""


def run_tools(spec: str, calls: dict[str, Any], url: str, folder: Path) -> dict[str, Any]:
    done = client(_TOOLS.format(spec=spec, calls=json.dumps(calls)), url, folder)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def client(code: str, url: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    script = folder / "client.py"  # nnsight reads the source of what it sends
    script.write_text(code)
    done = subprocess.run([sys.executable, str(script)], **_environment(url, folder, "a-key"))
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def shell(words: list[str], url: str, folder: Path, key: str = "a-key") -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "tools", *words], **_environment(url, folder, key))


def _environment(url: str, folder: Path, key: str) -> dict[str, Any]:
    env = os.environ | {
        "NDIF_HOST": url,
        "NDIF_API_KEY": key,
        "HF_HUB_CACHE": str(folder / "hub"),
        "PYTHONPATH": str(ROOT),
    }
    return {"cwd": ROOT, "env": env, "capture_output": True, "text": True, "check": False, "timeout": 300}


def _numbers(evidence: dict[str, Any]) -> list[float]:
    """Every number of an evidence but those of its provenance."""
    found: list[float] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(float(value))

    walk({name: part for name, part in evidence.items() if name != "provenance"})
    return found


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    import socket

    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError("the server did not start")
