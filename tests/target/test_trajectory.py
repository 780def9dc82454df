"""A path of checkpoints is read back as it was written, in any form; what is missing or broken is one sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from evidence.errors import TargetError
from target import trajectory
from tests.models import save_tiny

STEPS = (5, 10, 15, 100)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints as PEFT writes them, with the log in the last one, where transformers' Trainer leaves it."""
    base, folder = save_tiny("llama", tmp_path_factory.mktemp("base")), tmp_path_factory.mktemp("run")
    config = LoraConfig(r=2, lora_alpha=8, target_modules=["down_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    generator = torch.Generator().manual_seed(0)
    for step in STEPS:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_" in name:
                    parameter += torch.randn(parameter.shape, generator=generator)
        model.save_pretrained(folder / "adapters" / f"checkpoint-{step}")
    log = [{"step": n, "loss": 1.0 / n, "grad_norm": 0.1234567} for n in range(1, 100)]
    _write_log(folder / "adapters" / "checkpoint-100", log)
    return folder


def _write_log(folder: Path, lines: list[dict[str, float]]) -> None:
    (folder / trajectory.STATE).write_text(json.dumps({"global_step": 100, "log_history": lines}))


@pytest.fixture
def run(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "run"))


def test_folders_are_read_in_the_order_of_their_steps(run: Path) -> None:
    (run / "adapters" / "checkpoint-5" / "checkpoint-best").mkdir()
    (run / "adapters" / "checkpoint-7").mkdir()  # nothing was written there
    found = trajectory.read(run)
    assert found.steps == STEPS and found.config["lora_alpha"] == 8
    for index, step in enumerate(STEPS):
        own = load_file(run / "adapters" / f"checkpoint-{step}" / trajectory.WEIGHTS)
        assert own.keys() == found.tensors.keys()
        assert all(torch.equal(rows[index], own[name]) for name, rows in found.tensors.items())


def test_the_path_is_of_what_the_adapter_writes(run: Path) -> None:
    found = trajectory.read(run)
    path = found.path()
    names = sorted(name for name in found.tensors if "lora_B" in name)
    assert path.shape == (4, 3 * 32 * 2) and path.dtype == torch.float32
    assert torch.equal(path[2], torch.cat([found.tensors[name][2].flatten() for name in names]))


def test_a_packed_path_is_the_same_in_half_precision(run: Path, tmp_path: Path) -> None:
    own = trajectory.read(run)
    trajectory.pack(run, tmp_path / "packed" / "training")
    packed = trajectory.read(tmp_path / "packed")  # found below, as beside a shipped adapter
    assert packed.steps == own.steps and packed.config == own.config and packed.tensors.keys() == own.tensors.keys()
    for name, rows in own.tensors.items():
        assert torch.equal(packed.tensors[name], rows.half())
    torch.testing.assert_close(packed.path(), own.path(), atol=0, rtol=1e-3)
    assert packed.log == [{key: round(value, 5) for key, value in line.items()} for line in own.log]


def test_what_was_packed_can_be_unpacked_and_packed_again_without_loss(run: Path, tmp_path: Path) -> None:
    trajectory.pack(run, tmp_path / "once")
    packed = trajectory.read(tmp_path / "once")
    for index, step in enumerate(packed.steps):
        packed.write(index, tmp_path / "again" / f"checkpoint-{step}")
    again = trajectory.read(tmp_path / "again")
    assert again.steps == packed.steps and again.config == packed.config and again.log == []
    assert all(torch.equal(again.tensors[name], rows.float()) for name, rows in packed.tensors.items())


def test_a_checkpoint_that_is_amplified_adds_that_much_more(run: Path, tmp_path: Path) -> None:
    found = trajectory.read(run)
    found.write(1, tmp_path / "one")
    found.write(1, tmp_path / "five", amplify=5.0)
    one, five = (json.loads((tmp_path / name / trajectory.CONFIG).read_text()) for name in ("one", "five"))
    assert one == found.config and five == one | {"lora_alpha": 40.0}
    assert all(
        torch.equal(value, load_file(tmp_path / "five" / trajectory.WEIGHTS)[name])
        for name, value in load_file(tmp_path / "one" / trajectory.WEIGHTS).items()
    )


def test_what_was_logged_is_told_by_checkpoint(run: Path) -> None:
    found = trajectory.read(run)
    assert found.logged("loss") == [1 / 5, 1 / 10, 1 / 15, None]  # step 100 was not logged
    assert found.logged("nothing of the kind") == [None] * 4
    (run / "adapters" / "checkpoint-100" / trajectory.STATE).unlink()
    assert trajectory.read(run).logged("loss") == [None] * 4


def test_the_log_of_the_whole_run_comes_before_that_of_a_checkpoint(run: Path) -> None:
    _write_log(run, [{"step": 10, "loss": 7.0}])
    assert trajectory.read(run).logged("loss") == [None, 7.0, None, None]


def test_an_evaluation_at_a_step_does_not_hide_its_loss(run: Path) -> None:
    _write_log(run, [{"step": 10, "loss": 7.0}, {"step": 10, "eval_loss": 8.0}])
    assert trajectory.read(run).logged("loss")[1] == 7.0


def _none(run: Path) -> None:
    shutil.rmtree(run / "adapters")


def _two(run: Path) -> None:
    for step in STEPS[:2]:
        shutil.rmtree(run / "adapters" / f"checkpoint-{step}")


def _no_config(run: Path) -> None:
    (run / "adapters" / "checkpoint-100" / trajectory.CONFIG).unlink()


def _broken_config(run: Path) -> None:
    (run / "adapters" / "checkpoint-100" / trajectory.CONFIG).write_text("{")


def _broken_log(run: Path) -> None:
    (run / "adapters" / "checkpoint-100" / trajectory.STATE).write_text("no JSON")


def _log_of_another_kind(run: Path) -> None:
    (run / "adapters" / "checkpoint-100" / trajectory.STATE).write_text("{}")


def _broken_weights(run: Path) -> None:
    (run / "adapters" / "checkpoint-10" / trajectory.WEIGHTS).write_bytes(b"nothing of the kind")


def _other_rank(run: Path) -> None:
    file = run / "adapters" / "checkpoint-10" / trajectory.WEIGHTS
    save_file({name: value.repeat(1, 2) for name, value in load_file(file).items()}, file)


def _other_names(run: Path) -> None:
    file = run / "adapters" / "checkpoint-10" / trajectory.WEIGHTS
    save_file({f"other.{name}": value for name, value in load_file(file).items()}, file)


def _packed_without_steps(run: Path) -> None:
    save_file({"a.lora_B.weight": torch.ones(3, 2)}, run / trajectory.PACKED)


def _packed_without_config(run: Path) -> None:
    save_file({"a.lora_B.weight": torch.ones(3, 2), "steps": torch.arange(3)}, run / trajectory.PACKED)


def _broken_pack(run: Path) -> None:
    (run / trajectory.PACKED).write_bytes(b"nothing of the kind")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_none, "'run' holds 0 checkpoints of an adapter: at least 3 folders `checkpoint-N`"),
        (_two, "'run' holds 2 checkpoints of an adapter"),
        (_no_config, "cannot be read: .*adapter_config.json"),
        (_broken_config, "cannot be read: Expecting property name"),
        (_broken_log, "cannot be read: Expecting value"),
        (_log_of_another_kind, "cannot be read: 'log_history'"),
        (_broken_weights, "cannot be read"),
        (_other_rank, "cannot be read: stack expects each tensor to be equal size"),
        (_other_names, "cannot be read: 'base_model"),
        (_packed_without_steps, "cannot be read: 'steps'"),
        (_packed_without_config, "cannot be read: .*adapter_config.json"),
        (_broken_pack, "cannot be read"),
    ],
)
def test_what_is_missing_or_broken_is_said_in_one_sentence(
    run: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(run)
    with pytest.raises(TargetError, match=sentence) as said:
        trajectory.read(run)
    assert "\n" not in str(said.value)


def test_a_folder_that_is_not_there_holds_no_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="'nowhere' holds 0 checkpoints"):
        trajectory.read(tmp_path / "nowhere")


def test_nothing_is_packed_of_too_few(run: Path, tmp_path: Path) -> None:
    _two(run)
    with pytest.raises(TargetError, match="holds 2 checkpoints"):
        trajectory.pack(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()
