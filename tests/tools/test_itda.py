"""Dictionaries of activations: the fast construction is the slow one, and only what can be compared is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import _store
from evidence.errors import ArgumentError
from tools import _dictionary_itda, _itda, _itda_batch
from tools._itda import Builder, Itda, build_naive, jaccard, permuted_floor, random_dictionary
from tools._pursuit import pursue

WIDTH = 24


def rows_of(kind: str, seed: int, rows: int = 500) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(rows, WIDTH, generator=generator, dtype=torch.float64)
    if kind == "independent":
        return noise
    centres = torch.randn(40, WIDTH, generator=generator, dtype=torch.float64)
    parts = torch.randint(40, (rows, 3), generator=generator)
    weights = torch.rand(rows, 3, 1, generator=generator, dtype=torch.float64)
    return (centres[parts] * weights).sum(1) + 0.1 * noise + 0.5  # a common offset, as residual streams have


def labels_of(x: torch.Tensor, tokens: int = 20) -> torch.Tensor:
    number = torch.arange(len(x))
    return torch.stack([number // tokens, number % tokens], 1)


def build(x: torch.Tensor, l0: int = 5, threshold: float = 0.2, start: Itda | None = None, data: str = "") -> Itda:
    builder = Builder(x.shape[1], l0, threshold, start, data=data, dtype=x.dtype)
    builder.add(x, labels_of(x))
    return builder.finish()


def same(a: Itda, b: Itda) -> bool:
    return (
        torch.equal(a.labels, b.labels) and torch.allclose(a.atoms, b.atoms) and (a.order, a.seen) == (b.order, b.seen)
    )


@pytest.mark.parametrize("kind", ["independent", "clustered"])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("l0", "threshold"), [(1, 0.5), (3, 0.3), (6, 0.1), (6, 0.2), (12, 0.05)])
def test_atoms_are_those_of_the_naive_construction(kind: str, seed: int, l0: int, threshold: float) -> None:
    x = rows_of(kind, seed)
    fast, slow = build(x, l0, threshold), build_naive(x, labels_of(x), l0, threshold)
    assert 1 < len(slow.atoms) < len(x)
    assert same(fast, slow)


@pytest.mark.parametrize(("batch", "window"), [(1, 1), (7, 3), (64, 1), (64, 64), (1000, 10)])
def test_how_much_is_done_at_once_changes_nothing(batch: int, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_itda, "_BATCH", batch)
    monkeypatch.setattr(_itda_batch, "_WINDOW", window)
    x = rows_of("clustered", 3)
    assert same(build(x), build_naive(x, labels_of(x), 5, 0.2))


@pytest.mark.parametrize("size", [1, 13, 499])
def test_batches_of_any_size_give_one_dictionary(size: int) -> None:
    x = rows_of("clustered", 4)
    builder = Builder(WIDTH, 5, 0.2, dtype=x.dtype)
    for some, labels in zip(x.split(size), labels_of(x).split(size), strict=True):
        builder.add(some, labels)
    assert len(builder) == len(build(x).atoms)
    assert same(builder.finish(), build(x))


def test_one_atom_more_is_one_step_more_while_atoms_are_fewer_than_steps() -> None:
    x = torch.tensor([[1, 0, 0], [0.6, 0.8, 0], [0, 0, 1], [1, 1, 0]]).double()
    two, three = (pursue(x[3:], x[:2], 3).residual, pursue(x[3:], x[:3], 3).residual)
    assert two.square().sum() > 0.01 > three.square().sum()  # by an older atom: the new one has nothing in common
    assert len(build(x, l0=3, threshold=0.005).atoms) == len(build_naive(x, labels_of(x), 3, 0.005).atoms) == 3


def test_going_on_from_a_start_is_building_in_one_go() -> None:
    x, labels = rows_of("clustered", 5), labels_of(rows_of("clustered", 5))
    first = Builder(WIDTH, 5, 0.2, data="texts", dtype=x.dtype)
    first.add(x[:200], labels[:200])
    start = first.finish()
    kept = start.atoms.clone()
    second = Builder(WIDTH, 5, 0.2, start)
    second.add(x[200:], labels[200:])
    assert same(second.finish(), build(x, data="texts"))
    assert torch.equal(start.atoms, kept)


def test_what_is_new_after_a_start_is_what_it_did_not_explain() -> None:
    x = rows_of("clustered", 5)
    base = build(x)
    assert len(build(x * 2, start=base).atoms) == len(base.atoms)
    generator = torch.Generator().manual_seed(0)
    foreign = torch.randn(5, WIDTH, generator=generator, dtype=x.dtype) * 9
    later = build(torch.cat([x[:50], foreign, x[50:]]), start=base)
    assert set(later.labels[len(base.atoms) :, 0].tolist()) <= {2}  # rows 50 to 54


def test_every_other_row_is_explained_when_it_is_visited() -> None:
    x = rows_of("clustered", 6)
    itda = build(x)
    numbers = (itda.labels[:, 0] * 20 + itda.labels[:, 1]).tolist()
    assert torch.allclose(itda.atoms, x[numbers] / x[numbers].norm(dim=1, keepdim=True))
    for row in (3, 57, 222, 499):
        known = itda.atoms[: sum(number < row for number in numbers)]
        left = pursue(x[row : row + 1], known, 5).residual.square().sum() / x[row].square().sum()
        assert (float(left) > 0.2) == (row in numbers)


def test_a_row_seen_before_is_never_an_atom() -> None:
    x = rows_of("independent", 8, rows=60)
    twice = torch.cat([x, -2 * x[torch.randperm(60, generator=torch.Generator().manual_seed(0))]])
    itda = build(twice, threshold=1e-6)
    assert len(itda.atoms) == 60
    assert float(pursue(twice, itda.atoms, 5).residual.norm(dim=1).max()) < 1e-12


def test_rows_of_zeros_are_seen_and_skipped() -> None:
    x = rows_of("clustered", 9)
    x[[0, 17, 300]] = 0
    itda = build(x)
    assert itda.seen == len(x)
    assert same(itda, build_naive(x, labels_of(x), 5, 0.2))
    assert len(build(torch.zeros(3, WIDTH)).atoms) == 0


def test_a_row_that_is_not_finite_is_refused_and_nothing_is_added() -> None:
    x = rows_of("clustered", 10, rows=30)
    builder = Builder(WIDTH, 5, 0.2)
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ArgumentError, match="row 20 of the activations is not finite"):
            builder.add(x.index_put((torch.tensor(20), torch.tensor(3)), torch.tensor(bad).double()), labels_of(x))
    assert (len(builder), builder.finish().seen) == (0, 0)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_rows_of_any_size_are_decomposed_in_float32(size: float) -> None:
    x = rows_of("clustered", 11).float()
    itda = build(x * size)
    assert itda.atoms.dtype == torch.float32
    assert torch.allclose(itda.atoms.norm(dim=1), torch.ones(len(itda.atoms)))
    assert torch.equal(itda.labels, build(x).labels)


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5])
def test_rotation_and_scale_leave_the_dictionary(threshold: float) -> None:
    x = rows_of("clustered", 12)
    turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(0)).double()).Q
    itda = build(x, threshold=threshold)
    for other in (build(x @ turn, threshold=threshold), build(3 * x, threshold=threshold)):
        assert torch.equal(itda.labels, other.labels)
        assert jaccard(itda, other) == 1.0


@pytest.mark.parametrize(("l0", "threshold"), [(0, 0.1), (3, 0.0), (3, 1.0)])
def test_settings_out_of_range_are_refused(l0: int, threshold: float) -> None:
    with pytest.raises(ArgumentError, match="is not allowed"):
        Builder(WIDTH, l0, threshold)


def test_activations_that_do_not_fit_are_refused() -> None:
    x = rows_of("clustered", 0)
    with pytest.raises(ArgumentError, match="cannot go on with activations of width 25"):
        Builder(WIDTH + 1, 5, 0.2, build(x))
    with pytest.raises(ArgumentError, match=r"give \(row, 24\) and \(row, 2\)"):
        Builder(WIDTH, 5, 0.2).add(x, labels_of(x)[1:])


def test_jaccard_counts_labels() -> None:
    itda = build(rows_of("clustered", 0))
    few = [replace(itda, labels=torch.tensor(labels)) for labels in ([[0, 1], [0, 2], [3, 1]], [[0, 2], [1, 0]])]
    assert jaccard(*few) == jaccard(*few[::-1]) == 1 / 4


def test_other_data_or_another_order_cannot_be_compared() -> None:
    x, labels = rows_of("clustered", 0), labels_of(rows_of("clustered", 0))
    itda, turned = build(x), Builder(WIDTH, 5, 0.2, dtype=x.dtype)
    turned.add(x.flip(0), labels.flip(0))
    for other in (turned.finish(), build(x[:-1]), build(x, data="other texts")):
        with pytest.raises(ArgumentError, match="other or differently ordered data"):
            jaccard(itda, other)
    empty = build(x[:0])
    with pytest.raises(ArgumentError, match="neither dictionary has an atom"):
        jaccard(empty, empty)


def test_the_floor_is_a_dictionary_of_the_same_rows_in_another_order() -> None:
    x, labels = rows_of("clustered", 1), labels_of(rows_of("clustered", 1))
    itda = build(x, data="texts")
    floor = permuted_floor(x, labels, 0, itda)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    assert torch.equal(floor.labels, build_naive(x[order], labels, 5, 0.2).labels)
    assert 0 < jaccard(itda, floor) < 0.8
    with pytest.raises(ArgumentError, match="not those the dictionary was built on"):
        permuted_floor(x[1:], labels[1:], 0, itda)


def test_a_random_dictionary_is_rows_of_the_data() -> None:
    x, labels = rows_of("clustered", 2), labels_of(rows_of("clustered", 2))
    x[5] = 0
    itda = build(x)
    drawn, again, other = (random_dictionary(x, labels, 499, seed, itda) for seed in (0, 0, 1))
    numbers = drawn.labels[:, 0] * 20 + drawn.labels[:, 1]
    assert sorted(set(range(500)) - set(numbers.tolist())) == [5]
    assert torch.allclose(drawn.atoms, x[numbers] / x[numbers].norm(dim=1, keepdim=True))
    assert torch.equal(drawn.labels, again.labels)
    assert jaccard(drawn, other) == 1.0
    assert jaccard(*(random_dictionary(x, labels, 50, seed, itda) for seed in (0, 1))) < 0.2
    with pytest.raises(ArgumentError, match=r"ask for 1\.\.499"):
        random_dictionary(x, labels, 500, 0, itda)


@pytest.mark.parametrize("most", [None, 50, 2500])
def test_a_dictionary_of_a_store_is_built_of_its_first_activations(most: int | None, tmp_path: Path) -> None:
    x = torch.cat([rows_of("clustered", seed, 1500) for seed in (1, 2)]).float()
    store = _store.write(tmp_path, [part[:, None] for part in x.split(2200)])
    config, tensors = _dictionary_itda.build(store, _store.LAYER, 5, 0.2, {"seed": 3}, most)
    labels = torch.cat([stored.places for stored in store.layer(_store.LAYER)])[:most]
    builder = Builder(WIDTH, 5, 0.2, data=store.key)
    builder.add(x[:most], labels)
    assert torch.equal(tensors["labels"], builder.finish().labels) and config["d_sae"] == len(tensors["W_dec"])
    about = config["metadata"]
    assert (about["tokens"], about["seed"], about["order"]) == (most or 3000, 3, builder.finish().order)
