"""A training that is cut off goes on as if it had not been, and what it was on the way can be studied."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from evidence.errors import Cancelled, TrainingError
from target import turn
from target.checkpoints import Checkpoints
from target.train import LoraShape, Phase, TrainJob, run, train
from tests.models import save_tiny

STEPS, EVERY = 11, 3


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A tiny model with dropout, which a run that goes on must draw as an uninterrupted one does."""
    folder = save_tiny("llama", tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attention_dropout": 0.2}))
    return folder


@pytest.fixture
def job(base: Path, tmp_path: Path) -> Callable[..., TrainJob]:
    """The same training into a folder of its own, each row twice, two rows held out."""
    ids = torch.randint(0, 250, (24, 12), generator=torch.manual_seed(0), dtype=torch.int32)
    order = torch.tensor([*range(22)] * 2)
    save_file(
        {"input_ids": ids, "labels": ids.clone(), "order": order, "held_out": torch.tensor([22, 23])},
        tmp_path / "data.safetensors",
    )

    def make(name: str, **changes: Any) -> TrainJob:
        out = tmp_path / name
        phase = Phase(name="one", first_row=0, rows=4 * STEPS, learning_rate=5e-3, save_to=str(out / "adapter"))
        settings: dict[str, Any] = {
            "start_from": str(base),
            "data": str(tmp_path / "data.safetensors"),
            "phases": [phase],
            "lora": LoraShape(rank=2, alpha=4),
            "batch_rows": 4,
            "threads": 1,
            "checkpoints": Checkpoints(folder=str(out), every=EVERY),
        }
        return TrainJob(**(settings | changes))

    return make


@pytest.fixture(autouse=True)
def as_many_threads_as_before() -> Any:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_every_snapshot_is_an_adapter_that_peft_loads(job: Callable[..., TrainJob], base: Path, tmp_path: Path) -> None:
    train(job("one"), lambda _: None)
    found = sorted(int(folder.name.partition("-")[2]) for folder in (tmp_path / "one").glob("checkpoint-*"))
    assert found == [3, 6, 9]
    logits = []
    for number in found:
        model = PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(base), tmp_path / "one" / f"checkpoint-{number}"
        )
        with torch.no_grad():
            logits.append(model.eval()(input_ids=torch.tensor([[1, 2, 3]])).logits)
    assert not torch.equal(logits[0], logits[1]) and not torch.equal(logits[1], logits[2])
    assert {one.dtype for one in weights(tmp_path / "one" / "checkpoint-3").values()} == {torch.float32}


def test_the_state_has_every_step_and_is_read_as_that_of_a_trainer(
    job: Callable[..., TrainJob], tmp_path: Path
) -> None:
    train(job("one"), lambda _: None)
    state = json.loads((tmp_path / "one" / "trainer_state.json").read_text())
    lines = state["log_history"]
    assert state["global_step"] == STEPS and [line["step"] for line in lines] == [*range(1, STEPS + 1)]
    assert all(line["loss"] > 0 and line["grad_norm"] > 0 and line["learning_rate"] > 0 for line in lines)
    measured = [line["eval_loss"] for line in lines if "eval_loss" in line]
    assert len(measured) == 10 and "eval_loss" in lines[-1] and len(set(measured)) == 10


@pytest.mark.parametrize("last", [1, 5, 10])
def test_a_run_that_was_cut_off_goes_on_to_the_very_same_weights(
    job: Callable[..., TrainJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    train(job("whole"), lambda _: None)
    done: list[int] = []

    def cut(line: dict[str, Any]) -> None:
        done.append(line["step"])
        if line["step"] == last:
            raise KeyboardInterrupt

    monkeypatch.setattr("target.train.QUIET_SECONDS", -1.0)
    with pytest.raises(KeyboardInterrupt):
        train(job("cut"), cut)
    assert done == [*range(1, last + 1)]
    again: list[int] = []
    train(job("cut"), lambda line: again.append(line["step"]))
    assert again[0] == last - last % EVERY + 1, "it began anew, or skipped a step"
    assert same(tmp_path / "whole" / "adapter", tmp_path / "cut" / "adapter")
    whole, cut_off = (json.loads((tmp_path / name / "trainer_state.json").read_text()) for name in ("whole", "cut"))
    assert whole == cut_off


def test_a_finished_run_trains_no_more(job: Callable[..., TrainJob], tmp_path: Path) -> None:
    train(job("one"), lambda _: None)
    before = weights(tmp_path / "one" / "adapter")
    told: list[Any] = []
    train(job("one"), told.append)
    assert told == [] and all(
        torch.equal(before[name], value) for name, value in weights(tmp_path / "one" / "adapter").items()
    )


def test_without_study_only_what_it_takes_to_go_on_is_kept(job: Callable[..., TrainJob], tmp_path: Path) -> None:
    train(job("one", checkpoints=Checkpoints(folder=str(tmp_path / "one"), every=EVERY, keep=False)), lambda _: None)
    assert {file.name for file in (tmp_path / "one").iterdir()} == {
        "adapter",
        "going_on.safetensors",
        "trainer_state.json",
    }


def test_held_out_rows_change_nothing(job: Callable[..., TrainJob], tmp_path: Path) -> None:
    train(job("one"), lambda _: None)
    data = load_file(tmp_path / "data.safetensors")
    save_file({name: value for name, value in data.items() if name != "held_out"}, tmp_path / "data.safetensors")
    train(job("two"), lambda _: None)
    assert same(tmp_path / "one" / "adapter", tmp_path / "two" / "adapter")


def test_stopping_ends_the_child_even_while_it_says_nothing(job: Callable[..., TrainJob], tmp_path: Path) -> None:
    mine = turn.Turn()
    threading.Timer(0.3, mine.stop.set).start()  # it is still loading
    with turn.taking(mine), pytest.raises(Cancelled, match="stopped as you asked"):
        run(job("one"))
    assert not (tmp_path / "one").exists()


def test_a_training_that_fails_says_its_last_line(job: Callable[..., TrainJob], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"training stopped with exit code 1: .*nowhere"):
        run(job("one", data=str(tmp_path / "nowhere.safetensors")))
