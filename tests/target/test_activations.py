"""What is stored is what the models compute, survives a kill to the byte, and comes back shuffled by the seed alone."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode

import target
from evidence.errors import ArgumentError, Cancelled, ToolError
from target import shards, turn
from target.activations import Store, collect
from target.shards import Moments
from target.target import Target
from tests.models import save_lora, save_tiny

LAYERS = [0, 2]
SHARD_ROWS = 64
Rows = list[list[int]]


def texts(seed: int = 0, count: int = 40) -> Rows:
    """Texts of 1 to 20 tokens."""
    drawn = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 21, (count,), generator=drawn).tolist()
    return [torch.randint(0, 250, (length,), generator=drawn).tolist() for length in lengths]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Target:
    folder = save_tiny("llama", tmp_path_factory.mktemp("base"))
    return target.load(f"{folder}+{save_lora(folder, tmp_path_factory.mktemp('adapter'))}")


def gathered(folder: Path, tuned: Target, **changes: Any) -> Store:
    settings: dict[str, Any] = {"batch_rows": 4, "shard_rows": SHARD_ROWS}
    settings |= {"sources": [tuned.base, tuned], "rows": texts(), "layers": LAYERS}
    return collect(folder, **(settings | changes))


@pytest.fixture(scope="module")
def store(tuned: Target, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return gathered(tmp_path_factory.mktemp("store"), tuned)


def whole(store: Store, layer: int) -> torch.Tensor:
    """All activations of a layer in stored order (row, source, d_model)."""
    return torch.cat([part.activations for part in store.layer(layer)])


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def sorted_rows(activations: torch.Tensor) -> list[tuple[float, ...]]:
    return sorted(map(tuple, activations.flatten(1).tolist()))


def failing(monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
    """From now on the forward of this number fails instead of being run."""
    usual, calls = Target.residuals, iter(range(1, 10_000))

    def residuals(self: Target, *given: Any) -> list[torch.Tensor]:
        if next(calls) == at:
            raise error
        return usual(self, *given)

    monkeypatch.setattr(Target, "residuals", residuals)


def test_what_is_stored_is_each_models_own_residual_stream(store: Store, tuned: Target) -> None:
    rows = texts()
    for place, layer in enumerate(LAYERS):
        for column, source in enumerate([tuned.base, tuned]):
            alone = [source.residuals([row], LAYERS)[0][place, 1:] for row in rows]
            torch.testing.assert_close(whole(store, layer)[:, column], torch.cat(alone), atol=5e-3, rtol=1e-3)
    assert not torch.allclose(whole(store, 2)[:, 0], whole(store, 2)[:, 1], atol=1e-2)


def test_every_activation_can_be_traced_to_its_token(store: Store) -> None:
    expected = [[text, token] for text, row in enumerate(texts()) for token in range(1, len(row))]
    assert torch.cat([part.places for part in store.layer(0)]).tolist() == expected
    assert any(len(row) == 1 for row in texts()), "a text without activations is not among them"


def test_a_store_says_what_it_holds(store: Store, tuned: Target) -> None:
    assert (store.layers, store.d_model) == (LAYERS, 32)
    assert store.sources == [tuned.base.name, tuned.name]
    assert store.rows == sum(len(row) - 1 for row in texts()) == len(whole(store, 0))
    parts = list(store.layer(2))
    assert len(parts) > 4 and all(0 < len(part.activations) <= SHARD_ROWS for part in parts)
    kept = load_file(store.folder / "shard-00000.safetensors")
    assert {name: tensor.dtype for name, tensor in kept.items()} == {
        "layer_0": torch.float16,
        "layer_2": torch.float16,
        "places": torch.int32,
    }


def test_all_layers_of_a_batch_are_one_forward_of_each_model(
    tuned: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int, list[int]]] = []
    usual = Target.residuals

    def residuals(self: Target, ids: Sequence[Sequence[int]], layers: Sequence[int]) -> list[torch.Tensor]:
        asked.append((self.name, sum(map(len, ids)), list(layers)))
        return usual(self, ids, layers)

    monkeypatch.setattr(Target, "residuals", residuals)
    gathered(tmp_path, tuned)
    tokens = sum(len(row) for row in texts() if len(row) > 1)
    for name in (tuned.base.name, tuned.name):
        assert sum(read for who, read, _ in asked if who == name) == tokens
    assert all(layers == LAYERS for *_, layers in asked)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_another_precision_and_the_first_tokens_can_be_kept(tuned: Target, tmp_path: Path, dtype: Any) -> None:
    kept = gathered(tmp_path, tuned, dtype=dtype, skip_first=False)
    assert load_file(tmp_path / "shard-00000.safetensors")["layer_2"].dtype == getattr(torch, dtype)
    assert kept.rows == sum(map(len, texts()))
    alone = torch.cat([tuned.residuals([row], [2])[0][0] for row in texts()])
    tolerance = 1e-4 if dtype == "float32" else 2e-2
    torch.testing.assert_close(whole(kept, 2)[:, 1], alone, atol=tolerance, rtol=tolerance)


def test_statistics_are_those_of_everything_that_is_stored(store: Store) -> None:
    for layer in LAYERS:
        found, rows = store.statistics(layer), whole(store, layer).double()
        torch.testing.assert_close(found.mean, rows.mean(0).float())
        torch.testing.assert_close(found.scale, rows.var(0, correction=0).mean(1).sqrt().float())
        assert found.mean.shape == (2, 32) and found.scale.shape == (2,)


def test_moments_merge_in_any_portions() -> None:
    rows = 1e4 + torch.randn(5000, 2, 8, generator=torch.Generator().manual_seed(0))
    found = Moments.none(2, 8)
    for part in rows.split([1, 2999, 1025, 975]):
        found = found.with_rows(part)
    expected = rows.double()
    torch.testing.assert_close(torch.tensor(found.mean).double(), expected.mean(0))
    variance = torch.tensor(found.squares, dtype=torch.float64) / found.count
    torch.testing.assert_close(variance, expected.var(0, correction=0), rtol=1e-9, atol=0)


def test_statistics_hold_far_from_the_origin(tuned: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Target.residuals
    monkeypatch.setattr(Target, "residuals", lambda *given: [1e5 + stream for stream in usual(*given)])
    kept = gathered(tmp_path, tuned, dtype="float32")
    expected = whole(kept, 2).double().var(0, correction=0).mean(1).sqrt()
    torch.testing.assert_close(kept.statistics(2).scale, expected.float())


@pytest.mark.parametrize("cut", [1, 3, 8, 20])
def test_a_collection_that_was_cut_off_goes_on_to_the_very_same_bytes(
    store: Store, tuned: Target, tmp_path: Path, cut: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        failing(patch, cut, KeyboardInterrupt())
        gathered(tmp_path, tuned)
    if cut > 8:
        begun = Store.open(tmp_path)
        assert 0 < begun.rows == len(whole(begun, 0)) < store.rows
    with turn.taking(turn.Turn(progress=lambda what, share: shares.append((what, share)))):
        shares: list[tuple[str, float | None]] = []
        gathered(tmp_path, tuned)
    assert contents(tmp_path) == contents(store.folder)
    assert {what for what, _ in shares} == {"collecting activations"}
    numbers = [share or 0 for _, share in shares]
    assert numbers == sorted(numbers) and numbers[-1] == 1 and (cut < 20 or numbers[0] > 0.2)


def test_a_finished_collection_runs_no_model(store: Store, tuned: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(store.folder)
    failing(monkeypatch, 1, AssertionError("a model was run"))
    assert gathered(store.folder, tuned, batch_rows=5).key == store.key
    assert contents(store.folder) == before


KILLED = """
import sys
from pathlib import Path
import target
from target.activations import collect
from tests.target.test_activations import LAYERS, texts
tuned = target.load(sys.argv[1])
collect(Path(sys.argv[2]), [tuned.base, tuned], texts(count=400), LAYERS, batch_rows=4, shard_rows=64)
"""


@pytest.mark.slow
@pytest.mark.parametrize("written", [2, 5])
def test_a_killed_process_loses_at_most_a_shard(tmp_path: Path, written: int) -> None:
    base = save_tiny("llama", tmp_path / "base")
    spec = f"{base}+{save_lora(base, tmp_path / 'adapter')}"
    tuned = target.load(spec)
    child = subprocess.Popen([sys.executable, "-c", KILLED, spec, str(tmp_path / "killed")])
    while len(list((tmp_path / "killed").glob("shard-*"))) < written:
        assert child.poll() is None
        time.sleep(0.002)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert len(list(Store.open(tmp_path / "killed").layer(0))) >= written - 1
    for name in ("killed", "uninterrupted"):
        gathered(tmp_path / name, tuned, rows=texts(count=400))
    assert contents(tmp_path / "killed") == contents(tmp_path / "uninterrupted")


def test_stopping_keeps_whole_shards_and_can_be_gone_on_from(store: Store, tuned: Target, tmp_path: Path) -> None:
    mine = turn.Turn()

    def press(what: str, share: float | None) -> None:
        if share is not None and share > 0.5:
            mine.stop.set()

    mine.progress = press
    with turn.taking(mine), pytest.raises(Cancelled, match="stopped as you asked"):
        gathered(tmp_path, tuned)
    assert 0 < Store.open(tmp_path).rows < store.rows
    gathered(tmp_path, tuned)
    assert contents(tmp_path) == contents(store.folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": texts(seed=1)},
        {"layers": [0]},
        {"dtype": "float32"},
        {"skip_first": False},
        {"shard_rows": 100},
        {"sources": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_folder_with_other_activations_is_refused(store: Store, tuned: Target, changes: dict[str, Any]) -> None:
    changes = {"sources": [tuned]} if "sources" in changes else changes
    with pytest.raises(ArgumentError, match=r"holds other activations \(.*, layers 0, 2, 40 texts, float16\): collect"):
        gathered(store.folder, tuned, **changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rows": [[1]]}, "there is nothing to collect"),
        ({"rows": [[1, 2], [3] * 65]}, "text 1 has 65 tokens and the models hold 64: cut it"),
        ({"rows": [[1, 2], [3, 272]]}, r"text 1 has a token that the models do not have: tokens are 0\.\.271"),
        ({"shard_rows": 18}, "text .* has 19 activations and a shard holds whole texts: shard_rows=18 is too few"),
        ({"layers": [1, 1]}, "names a layer twice"),
        ({"layers": [3]}, "layer 3 does not exist"),
        ({"batch_rows": 0}, "batch_rows=0 is not allowed"),
    ],
)
def test_what_cannot_be_collected_is_one_sentence(
    tuned: Target, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        gathered(tmp_path, tuned, **changes)
    assert not list(tmp_path.iterdir())


def test_models_of_other_vocabularies_are_refused(tuned: Target, organism: Target, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="another vocabulary or width"):
        gathered(tmp_path, tuned, sources=[tuned, organism])


@pytest.mark.parametrize(
    ("factor", "dtype", "sentence"),
    [
        (1e6, "float16", r"at layer 0, and float16 ends at 65504: collect into another folder with dtype='bfloat16'"),
        (float("inf"), "float32", "that are not finite"),
        (float("nan"), "float16", "that are not finite"),
    ],
)
def test_what_the_precision_cannot_hold_is_never_written(
    tuned: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float, dtype: Any, sentence: str
) -> None:
    usual = Target.residuals
    monkeypatch.setattr(Target, "residuals", lambda *given: [factor * stream for stream in usual(*given)])
    with pytest.raises(ArgumentError, match=sentence):
        gathered(tmp_path, tuned, dtype=dtype)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: os.truncate(file, 1000)], ids=["missing", "cut"])
def test_a_harmed_shard_is_said_and_made_anew(
    store: Store, tuned: Target, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    kept = gathered(tmp_path, tuned)
    harm(tmp_path / "shard-00002.safetensors")
    with pytest.raises(ToolError, match=r"shard-00002.safetensors in .* is missing or damaged: delete it and collect"):
        Store.open(tmp_path)
    with pytest.raises(ToolError, match="is missing or damaged"):
        list(kept.layer(0))
    with pytest.raises(ToolError, match="is missing or damaged"):
        next(kept.batches(0, 8, seed=0))
    gathered(tmp_path, tuned)
    assert contents(tmp_path) == contents(store.folder)


def test_a_shard_of_another_shape_is_said(tuned: Target, tmp_path: Path) -> None:
    kept = gathered(tmp_path, tuned)
    (tmp_path / "shard-00000.safetensors").write_bytes((tmp_path / "shard-00001.safetensors").read_bytes())
    with pytest.raises(ToolError, match=r"shard-00000.safetensors in .* is missing or damaged"):
        list(kept.layer(0))


def test_a_folder_without_or_with_a_damaged_manifest_is_said(tuned: Target, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="holds no activations"):
        Store.open(tmp_path / "nowhere")
    gathered(tmp_path, tuned)
    (tmp_path / "store.json").write_text((tmp_path / "store.json").read_text()[:500])
    for ask in (lambda: Store.open(tmp_path), lambda: gathered(tmp_path, tuned)):
        with pytest.raises(ToolError, match=r"store.json in .* is damaged: restore it, or delete the folder"):
            ask()


def test_a_place_that_cannot_be_written_is_said_before_any_work(
    tuned: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, 1, AssertionError("a model was run"))
    (tmp_path / "file").touch()
    with pytest.raises(ToolError, match=r"cannot be written in .*Not a directory"):
        gathered(tmp_path / "file" / "store", tuned)


def test_a_full_disk_is_said_and_keeps_what_is_done(store: Store, tuned: Target, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        failing(patch, 20, KeyboardInterrupt())
        gathered(tmp_path, tuned)
    before = contents(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(ToolError, match=r"cannot be written in .*File too large.*: free some space"):
            gathered(tmp_path, tuned)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path) == before
    gathered(tmp_path, tuned)
    assert contents(tmp_path) == contents(store.folder)


MEMORY = [pytest.param(None, id="all in memory"), pytest.param(3 * SHARD_ROWS, id="windows")]


def passes(store: Store, count: int, **settings: Any) -> Iterator[torch.Tensor]:
    """Whole passes of a layer (row, source, d_model), from batches that do not divide them."""
    rows = torch.cat(list(islice(store.batches(2, 7, **settings), count * store.rows // 7 + 1)))
    return iter(rows[: count * store.rows].split(store.rows))


@pytest.mark.parametrize("memory_rows", MEMORY)
def test_a_pass_is_a_permutation_and_the_next_another(store: Store, memory_rows: int | None) -> None:
    expected = whole(store, 2)
    drawn = list(passes(store, 3, seed=0, memory_rows=memory_rows))
    for one in drawn:
        assert one.dtype == torch.float32 and sorted_rows(one) == sorted_rows(expected)
    for one, other in ((expected, drawn[0]), (drawn[0], drawn[1]), (drawn[1], drawn[2])):
        assert float((one == other).flatten(1).all(1).float().mean()) < 0.1


@pytest.mark.parametrize("memory_rows", MEMORY)
def test_the_order_follows_from_the_seed(store: Store, memory_rows: int | None) -> None:
    one, same, other = (torch.cat(list(passes(store, 2, seed=seed, memory_rows=memory_rows))) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize("memory_rows", MEMORY)
@pytest.mark.parametrize("rows", [7, 50, 1000])
def test_starting_late_gives_what_would_have_come(store: Store, memory_rows: int | None, rows: int) -> None:
    count = 3 * store.rows // rows + 2
    settings: dict[str, Any] = {"seed": 3, "memory_rows": memory_rows}
    expected = list(islice(store.batches(0, rows, **settings), count))
    assert all(batch.shape == (rows, 2, 32) for batch in expected)
    for start in {0, 1, count // 3, count // 2, count - 1}:
        assert torch.equal(next(store.batches(0, rows, start=start, **settings)), expected[start])
    late = store.batches(0, rows, start=1, **settings)
    assert all(torch.equal(next(late), batch) for batch in expected[1:])


def test_windows_mix_shards(store: Store) -> None:
    """Neighbours in the first batches come from more than one shard, and from shards far apart in the end."""
    parts = [{tuple(row) for row in part.activations.flatten(1).tolist()} for part in store.layer(2)]

    def origins(rows: torch.Tensor) -> set[int]:
        return {next(n for n, part in enumerate(parts) if tuple(row) in part) for row in rows.flatten(1).tolist()}

    batches = list(islice(store.batches(2, 30, seed=0, memory_rows=3 * SHARD_ROWS), 40))
    assert all(2 <= len(origins(batch)) <= 6 for batch in batches)
    assert len({frozenset(origins(batch)) for batch in batches}) > 5


def test_skipped_windows_are_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    usual = shards.read_tensor

    def noted(folder: Path, number: int, name: str, shape: Sequence[int]) -> torch.Tensor:
        read.append(number)
        return usual(folder, number, name, shape)

    monkeypatch.setattr(shards, "read_tensor", noted)
    next(store.batches(0, 10, seed=0, start=5 * store.rows, memory_rows=2 * SHARD_ROWS))
    assert 1 <= len(read) <= 2
    read.clear()
    list(islice(store.batches(0, 10, seed=0), 3 * store.rows // 10))
    assert sorted(read) == list(range(len(list(Path(store.folder).glob("shard-*")))))


class Largest(TorchDispatchMode):
    """Notes the most elements of any tensor made within."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for one in found if isinstance(found, tuple | list) else [found]:
            if isinstance(one, torch.Tensor) and one.is_floating_point():
                self.elements = max(self.elements, one.numel())
        return found


def test_nothing_larger_than_a_shard_or_a_window_is_ever_made(tuned: Target, tmp_path: Path) -> None:
    row = 2 * 32
    with Largest() as largest:
        kept = gathered(tmp_path, tuned, rows=texts(count=120))
    assert kept.rows > 15 * SHARD_ROWS and 0 < largest.elements <= SHARD_ROWS * row
    with Largest() as largest:
        for _ in islice(kept.batches(2, 16, seed=0, memory_rows=3 * SHARD_ROWS), 2 * kept.rows // 16):
            pass
    assert 0 < largest.elements <= 3 * SHARD_ROWS * row
    with Largest() as largest:
        for _ in kept.layer(2):
            pass
    assert 0 < largest.elements <= SHARD_ROWS * row


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"layer": 1}, "layer 1 was not collected: .* has 0, 2"),
        ({"rows": 0}, "rows=0, start=0 is not allowed"),
        ({"start": -1}, "rows=8, start=-1 is not allowed"),
        ({"memory_rows": 10}, r"memory_rows=10 is not allowed: a shard has \d+ rows, and must fit"),
    ],
)
def test_what_cannot_be_drawn_is_said_when_it_is_asked_for(
    store: Store, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        store.batches(**({"layer": 0, "rows": 8, "seed": 0} | settings))


def test_the_manifest_is_plain_json(store: Store) -> None:
    manifest = json.loads((store.folder / "store.json").read_text())
    assert manifest["key"] == store.key and manifest["rows"] == store.rows and manifest["texts"] == 40
    assert manifest["moments"]["2"]["count"] == store.rows


def test_another_adapter_of_the_same_base_has_other_activations(tmp_path: Path) -> None:
    base = save_tiny("llama", tmp_path / "base")
    one, other = (
        target.load(f"{base}+{save_lora(base, tmp_path / name, seed=seed)}")
        for name, seed in (("one", 1), ("other", 2))
    )
    gathered(tmp_path / "store", one, sources=[one])
    with pytest.raises(ArgumentError, match="holds other activations"):
        gathered(tmp_path / "store", other, sources=[other])
