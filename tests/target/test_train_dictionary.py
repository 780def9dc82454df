"""The dictionary trainer finds what was planted, writes what SAELens' format promises, and survives a kill to the byte."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from benchmarks import _store
from evidence.errors import TrainingError
from target.activations import Store
from target.sparse import train as training
from target.sparse.job import DictionaryJob, matryoshka_groups
from target.sparse.learner import Learner
from target.sparse.sparsity import Kind
from tools._dictionary import Source
from tools._dictionary_readers import read_folder

FEATURES, WIDTH, LATENTS = 32, 16, 48
HOOK = {"hook_name": "blocks.3.hook_resid_post"}
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _as_many_threads_as_before() -> Iterator[None]:
    """A training here sets them for the whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


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


@pytest.fixture(scope="module")
def store(truth: torch.Tensor, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return _store.write(tmp_path_factory.mktemp("store"), planted(truth, 20_000, 1)[:, None].split(6000))


@pytest.fixture(scope="module")
def pair(truth: torch.Tensor, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two models with the same features, of which the first has the last four at a third of their strength."""
    x = planted(truth, 20_000, 1) - 50
    weaker = x - 2 / 3 * (x @ torch.linalg.pinv(truth[-4:])) @ truth[-4:]
    return _store.write(tmp_path_factory.mktemp("pair"), torch.stack([weaker + 5, x - 5], 1).split(6000))


def job(store: Store, out: Path, **changes: Any) -> DictionaryJob:
    settings = {"layer": _store.LAYER, "d_sae": LATENTS, "k": 2, "steps": 600, "batch_rows": 512, "metadata": HOOK}
    settings |= {"learning_rate": 5e-3, "threads": 1}
    return DictionaryJob(store=str(store.folder), out=str(out), **(settings | changes))  # type: ignore[arg-type]


def trained(store: Store, out: Path, **changes: Any) -> dict[str, torch.Tensor]:
    """The tensors of a training in this process."""
    asked, lines = job(store, out, **changes), list[dict[str, Any]]()
    training.train(asked, lines.append)
    assert lines[-1]["step"] == lines[-1]["steps"] == asked.steps
    assert sorted(file.name for file in out.iterdir()) == ["cfg.json", "sae_weights.safetensors"]
    return load_file(out / "sae_weights.safetensors")


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def unexplained(made: torch.Tensor, x: torch.Tensor) -> float:
    return float((x - made).pow(2).sum() / (x - x.mean(0)).pow(2).sum())


def reconstructed(parts: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """A JumpReLU autoencoder, written out."""
    before = (x - parts["b_dec"]) @ parts["W_enc"] + parts["b_enc"]
    return (before * (before > parts["threshold"])) @ parts["W_dec"] + parts["b_dec"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", get_args(Kind))
def test_planted_features_are_found_and_new_data_explained(
    kind: Kind, truth: torch.Tensor, store: Store, tmp_path: Path
) -> None:
    parts = trained(store, tmp_path / "out", kind=kind, steps=1000)
    assert torch.allclose(parts["W_dec"].norm(dim=1), torch.ones(LATENTS), atol=1e-4)
    assert float((truth @ parts["W_dec"].T).amax(1).mean()) >= 0.9
    found, x = read_folder(tmp_path / "out", "found"), planted(truth, 4000, 2)
    assert found.fvu(x) <= (0.2 if kind == "topk" else 0.1), "rows of three features are more than the 2 best tell"
    if kind in {"batchtopk", "jumprelu"}:
        assert float((found.encode(x) > 0).sum() / len(x)) == pytest.approx(2, rel=0.2)
    if found.architecture == "jumprelu":
        assert unexplained(reconstructed(parts, x), x) == pytest.approx(found.fvu(x), rel=1e-3)


def test_the_format_is_that_of_saelens_and_says_where_it_came_from(store: Store, tmp_path: Path) -> None:
    about = HOOK | {"weights": "abcdef012345"}
    parts = trained(store, tmp_path / "out", steps=5, precision="float16", metadata=about)
    config = json.loads((tmp_path / "out" / "cfg.json").read_text())
    assert config["architecture"] == "jumprelu" and config["d_in"] == WIDTH and config["d_sae"] == LATENTS
    assert config["metadata"] | about == config["metadata"]
    assert config["metadata"]["training_architecture"] == "batchtopk" and config["metadata"]["k"] == 2
    assert parts["W_enc"].shape == (WIDTH, LATENTS) and parts["W_enc"].dtype == torch.float16
    assert parts["b_dec"].dtype == parts["threshold"].dtype == torch.float32
    found = read_folder(tmp_path / "out", "found")
    assert (found.layer, found.weights, found.groups, found.sources) == (3, "abcdef012345", (), ())


@pytest.mark.slow
def test_nested_groups_make_the_first_group_reconstruct_alone(
    truth: torch.Tensor, store: Store, tmp_path: Path
) -> None:
    x, first = planted(truth, 4000, 2), {}
    for groups in ((), (12, 36)):
        out = tmp_path / str(len(groups))
        trained(store, out, groups=groups, steps=300)
        found = read_folder(out, "found")
        assert found.groups == groups
        first[groups] = found.prefix(12).fvu(x)
    assert first[12, 36] < 0.8 * first[()]


def test_the_papers_groups_are_all_latents_coarsest_first() -> None:
    assert matryoshka_groups(65_536) == (2048, 4096, 8192, 16_384, 34_816)
    assert [sum(matryoshka_groups(size)) for size in (8, 33, 1536)] == [8, 33, 1536]
    assert min(matryoshka_groups(8)) >= 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"k": 48}, "not sparse"),
        ({"k": 2.5, "kind": "topk"}, "not whole"),
        ({"k": 0}, "greater than 0"),
        ({"k": 0.1, "batch_rows": 9}, "keeps nothing of a batch"),
        ({"groups": [40, 9]}, "sum to d_sae=48"),
        ({"groups": [50, -2]}, "must be positive"),
        ({"kind": "relu"}, "'topk', 'batchtopk', 'jumprelu' or 'l1'"),
        ({"precision": "bfloat16"}, "'float16' or 'float32'"),
        ({"penalty": -1.0}, "greater than or equal to 0"),
        ({"batch": 512}, "Extra inputs"),
    ],
)
def test_an_impossible_job_is_refused(changes: dict[str, object], why: str) -> None:
    settings = {"store": "s", "layer": 0, "out": "o", "d_sae": 48, "k": 2} | changes
    with pytest.raises(ValidationError, match=why):
        DictionaryJob(**settings)  # type: ignore[arg-type]


def test_constant_activations_end_the_training_with_a_sentence(tmp_path: Path) -> None:
    constant = _store.write(tmp_path / "store", [torch.ones(100, 1, 4)])
    with pytest.raises(TrainingError, match=r"stopped with exit code 1: .*do not vary"):
        training.run(job(constant, tmp_path / "out", d_sae=8, k=1))


def test_the_same_seed_gives_the_same_files_and_another_one_others(store: Store, tmp_path: Path) -> None:
    directions = [
        trained(store, tmp_path / name, steps=20, seed=seed)["W_dec"] for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert float((directions[0] * directions[2]).sum(1).abs().mean()) < 0.5, "they began elsewhere"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["batchtopk", "jumprelu"])
def test_a_killed_training_goes_on_to_the_same_bytes(kind: Kind, store: Store, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"kind": kind, "steps": 600, "checkpoint_every": 40, "dead_after": 2000}
    trained(store, tmp_path / "whole", **settings)
    out = tmp_path / "killed"
    for _ in range(2):
        until_killed(job(store, out, **settings), 100)
        assert (out / training.GOING_ON).exists() and not (out / "cfg.json").exists()
    lines: list[dict[str, Any]] = []
    training.run(job(store, out, **settings), lines.append)
    assert lines[0]["step"] > 150, "it did not begin anew"
    assert contents(out) == contents(tmp_path / "whole")


def until_killed(asked: DictionaryJob, steps: int) -> None:
    """Train in a process that is killed after some steps more than had been done."""
    file = Path(asked.out).with_suffix(".json")
    file.write_text(asked.model_dump_json())
    child = subprocess.Popen(
        [sys.executable, "-m", "target.sparse.train", str(file)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with child:
        assert child.stdout
        begun = json.loads(child.stdout.readline())["step"]
        for line in child.stdout:
            if json.loads(line)["step"] >= begun + steps:
                break
        child.kill()
    assert child.returncode == -9


@pytest.mark.parametrize("kind", get_args(Kind))
def test_low_precision_learns_nearly_as_well(kind: Kind, truth: torch.Tensor, store: Store, tmp_path: Path) -> None:
    x, left = planted(truth, 2000, 2), []
    for low in (False, True):
        trained(store, tmp_path / str(low), kind=kind, steps=60, low_precision=low)
        left.append(read_folder(tmp_path / str(low), "found").fvu(x))
    assert left[1] == pytest.approx(left[0], rel=0.1)


class Watched:
    """Keeps the learner that a training writes down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = training.save

        def save(learner: Learner, centre: torch.Tensor, scale: float, *rest: Any) -> None:
            self.learner, self.centre, self.scale = learner, centre, scale
            usual(learner, centre, scale, *rest)

        monkeypatch.setattr(training, "save", save)

    @torch.no_grad()
    def reconstruct(self, x: torch.Tensor, threshold: torch.Tensor | None) -> torch.Tensor:
        """What the learner makes of raw activations; of a batch's best, those above a settled threshold."""
        scaled, learnt = (x - self.centre) / self.scale, self.learner.parameters
        features = self.learner.features(scaled)
        if self.learner.shape.kind == "batchtopk":
            assert threshold is not None
            before = learnt.encode(scaled)
            features = before * (before > threshold / self.scale)
        return (features @ learnt.W_dec + learnt.b_dec) * self.scale + self.centre


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("sources", [1, 2])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_is_read_back_reconstructs_as_the_learner_did(
    kind: Kind, sources: int, nested: bool, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any
) -> None:
    store: Store = request.getfixturevalue("store" if sources == 1 else "pair")
    watched, groups = Watched(monkeypatch), (8, 40) if nested else ()
    about = [Source("one", "0" * 12, None), Source("two", "0" * 12, "1" * 12)]
    metadata = HOOK | ({"sources": [source._asdict() for source in about]} if sources == 2 else {})
    trained(store, tmp_path / "out", kind=kind, steps=40, groups=groups, metadata=metadata)
    found = read_folder(tmp_path / "out", "found")
    assert found.architecture == {"topk": "topk", "l1": "relu"}.get(kind, "jumprelu")
    assert (found.d_in, found.d_model, found.d_sae, found.groups) == (sources * WIDTH, WIDTH, LATENTS, groups)
    assert list(found.sources) == (about if sources == 2 else [])
    x = next(store.batches(_store.LAYER, 1000, seed=5)).flatten(1)
    own = watched.reconstruct(x, found.threshold)
    assert unexplained(found.reconstruct(x), x) < 0.9
    if kind == "batchtopk":
        assert float((found.encode(x) > 0).sum() / len(x)) == pytest.approx(2, rel=0.2)
    torch.testing.assert_close(found.reconstruct(x), own, rtol=1e-4, atol=2e-3)


@pytest.mark.slow
def test_a_crosscoder_says_which_model_has_a_feature_more_weakly(
    truth: torch.Tensor, pair: Store, tmp_path: Path
) -> None:
    metadata = HOOK | {"sources": [Source(name, name, None)._asdict() for name in ("weaker", "other")]}
    trained(pair, tmp_path / "out", metadata=metadata, steps=1500)
    found = read_folder(tmp_path / "out", "found")
    weaker, other = found.W_dec.unflatten(1, (2, WIDTH)).unbind(1)
    best = (truth @ torch.nn.functional.normalize(other, dim=1).T).max(1)
    assert float(best.values.mean()) > 0.9
    share = (weaker.norm(dim=1) / (weaker.norm(dim=1) + other.norm(dim=1)))[best.indices]
    assert float((share[:-4] - 1 / 2).abs().median()) < 0.05
    assert float((share[-4:] - 1 / 4).abs().median()) < 0.05


def test_a_store_smaller_than_a_batch_is_learnt_from_whole(truth: torch.Tensor, tmp_path: Path) -> None:
    few = _store.write(tmp_path / "store", [planted(truth, 60, 3)[:, None]])
    parts = trained(few, tmp_path / "out", steps=3)
    assert all(bool(torch.isfinite(part).all()) for part in parts.values())


def test_the_rate_rises_holds_and_falls_over_the_last_fifth(store: Store, tmp_path: Path) -> None:
    asked = job(store, tmp_path, steps=100, warmup_steps=10, learning_rate=2.0)
    found = [training._rate(asked, step) for step in (1, 5, 10, 50, 81, 91, 100)]
    assert found == pytest.approx([0.2, 1.0, 2.0, 2.0, 2.0, 1.0, 0.1])


def test_what_a_job_says_of_learning_reaches_the_learner(store: Store, pair: Store, tmp_path: Path) -> None:
    given: dict[str, Any] = {"k": 3, "kind": "l1", "penalty": 0.7, "dead_after": 77, "auxiliary_weight": 0.5}
    given |= {"groups": (8, 40), "low_precision": True}
    shape = training._shape(job(pair, tmp_path, **given), pair)
    assert {name: getattr(shape, name) for name in given} == given
    assert (shape.sources, shape.d_model, shape.latents) == (2, WIDTH, LATENTS)
    usual = {kind: training._shape(job(store, tmp_path, kind=kind), store).penalty for kind in get_args(Kind)}
    assert usual == {"topk": 0, "batchtopk": 0, "l1": 1, "jumprelu": 20}


def test_models_are_scaled_alike_by_what_all_of_them_vary(tmp_path: Path) -> None:
    x = torch.randn(500, 2, WIDTH, generator=torch.manual_seed(0)) * torch.tensor([1.0, 7.0])[:, None] + 3
    found = training._scaling(_store.write(tmp_path, [x]), _store.LAYER)
    assert found.scale == pytest.approx(25**0.5, rel=0.02) and torch.allclose(found.centre, x.mean(0).flatten())


def test_the_order_of_the_data_follows_the_seed(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, asked = Store.batches, list[tuple[int, int]]()

    def noted(self: Store, layer: int, rows: int, *, seed: int, start: int = 0) -> Iterator[torch.Tensor]:
        asked.append((seed, start))
        return usual(self, layer, rows, seed=seed, start=start)

    monkeypatch.setattr(Store, "batches", noted)
    trained(store, tmp_path / "out", steps=2, seed=5)
    assert asked[0] == (5, 0)


@pytest.mark.parametrize("kind", ["batchtopk", "jumprelu"])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    kind: Kind, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"kind": kind, "steps": 24, "checkpoint_every": 5, "batch_rows": 128}
    trained(store, tmp_path / "whole", **settings)
    usual = training._remember

    def interrupted(learner: Learner, step: int, asked: DictionaryJob) -> None:
        usual(learner, step, asked)
        if step == 10:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "_remember", interrupted)
        training.train(job(store, tmp_path / "cut", **settings), lambda _: None)
    steps: list[int] = []
    learn = Learner.step
    monkeypatch.setattr(Learner, "step", lambda self, *given: steps.append(1) or learn(self, *given))
    trained(store, tmp_path / "cut", **settings)
    assert len(steps) == 14 and contents(tmp_path / "cut") == contents(tmp_path / "whole")
