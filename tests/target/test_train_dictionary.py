"""The dictionary trainer finds what was planted, and writes what SAELens' format promises."""

import json
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from evidence.errors import TrainingError
from target.train_dictionary import DictionaryJob, run

FEATURES, WIDTH = 32, 16


@pytest.fixture(scope="module")
def truth() -> torch.Tensor:
    """Planted directions (feature, width)."""
    return torch.nn.functional.normalize(torch.randn(FEATURES, WIDTH, generator=torch.manual_seed(0)), dim=1)


def planted(truth: torch.Tensor, rows: int, seed: int) -> torch.Tensor:
    """Rows of one or two features each, far from the origin and on a scale of their own."""
    generator = torch.manual_seed(seed)
    active = torch.rand(rows, FEATURES, generator=generator) < 1.5 / FEATURES
    amount = 1 + torch.rand(rows, FEATURES, generator=generator)
    return 7 * ((active * amount) @ truth) + 50


def trained(folder: Path, truth: torch.Tensor, **changes: object) -> dict[str, torch.Tensor]:
    save_file({"activations": planted(truth, 20_000, 1)}, folder / "data.safetensors")
    settings = {"d_sae": 48, "k": 2, "steps": 600, "batch_rows": 512, "learning_rate": 5e-3, "threads": 1} | changes
    job = DictionaryJob(data=str(folder / "data.safetensors"), out=str(folder / "out"), **settings)  # type: ignore[arg-type]
    lines: list[dict[str, object]] = []
    run(job, lines.append)
    assert lines[-1]["step"] == job.steps
    return load_file(folder / "out" / "sae_weights.safetensors")


def reconstructed(parts: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """A JumpReLU autoencoder, written out."""
    before = (x - parts["b_dec"]) @ parts["W_enc"] + parts["b_enc"]
    return (before * (before > parts["threshold"])) @ parts["W_dec"] + parts["b_dec"]


@pytest.mark.slow
def test_planted_features_are_found_and_new_data_explained(truth: torch.Tensor, tmp_path: Path) -> None:
    parts = trained(tmp_path, truth)
    assert torch.allclose(parts["W_dec"].norm(dim=1), torch.ones(48), atol=1e-4)
    assert float((truth @ parts["W_dec"].T).amax(1).mean()) >= 0.9
    x = planted(truth, 4000, 2)
    unexplained = (x - reconstructed(parts, x)).pow(2).sum() / (x - x.mean(0)).pow(2).sum()
    assert float(unexplained) <= 0.1


def test_the_format_is_that_of_saelens_and_says_where_it_came_from(truth: torch.Tensor, tmp_path: Path) -> None:
    parts = trained(tmp_path, truth, steps=5, precision="float16", metadata={"hook_name": "blocks.3.hook_resid_post"})
    config = json.loads((tmp_path / "out" / "cfg.json").read_text())
    assert config["architecture"] == "jumprelu" and config["metadata"]["hook_name"] == "blocks.3.hook_resid_post"
    assert parts["W_enc"].shape == (WIDTH, 48) and parts["W_enc"].dtype == torch.float16
    assert parts["b_dec"].dtype == parts["threshold"].dtype == torch.float32


@pytest.mark.slow
def test_nested_groups_make_the_first_group_reconstruct_alone(truth: torch.Tensor, tmp_path: Path) -> None:
    x, first = planted(truth, 4000, 2), {}
    for groups in ([], [12, 36]):
        folder = tmp_path / str(len(groups))
        folder.mkdir()
        parts = trained(folder, truth, groups=groups, steps=300)
        parts["W_dec"][12:] = 0
        first[len(groups)] = float((x - reconstructed(parts, x)).pow(2).sum())
    assert first[2] < 0.8 * first[0]


@pytest.mark.parametrize(("changes", "why"), [({"k": 48}, "not sparse"), ({"groups": [40, 9]}, "sum to d_sae=48")])
def test_an_impossible_job_is_refused(changes: dict[str, object], why: str) -> None:
    settings = {"data": "d", "out": "o", "d_sae": 48, "k": 2} | changes
    with pytest.raises(ValidationError, match=why):
        DictionaryJob(**settings)  # type: ignore[arg-type]


def test_constant_activations_end_the_training_with_a_sentence(tmp_path: Path) -> None:
    save_file({"activations": torch.ones(100, 4)}, tmp_path / "data.safetensors")
    job = DictionaryJob(data=str(tmp_path / "data.safetensors"), out=str(tmp_path / "out"), d_sae=8, k=1)
    with pytest.raises(TrainingError, match="do not vary"):
        run(job)
