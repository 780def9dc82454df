"""A nested dictionary, level by level: what each prefix leaves, and which features are kinds of which."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

import target
from evidence import Table, Verdict
from evidence.errors import ArgumentError
from target.target import Target
from tests.models import save_qwen
from tests.tools import handmade
from tools import prefix_view
from tools._dictionary import Dictionary
from tools._dictionary_quality import Quality
from tools._dictionary_streams import streams
from tools._hierarchy import Link
from tools._texts import text_sets
from tools.prefix_view import ORDERS, Level, _families, _verdict, ends, shuffled

LAYER, GROUPS = 1, (8, 24, 32)
PROMPTS = list(text_sets()["english"].texts[:30])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return target.load(str(save_qwen(tmp_path_factory.mktemp("model"))))


@pytest.fixture(scope="module")
def nested(model: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dictionary]:
    """An exact dictionary of centred activations with the coordinates that vary most first."""
    plain = handmade.exact("nested", model, LAYER)
    x = torch.cat(streams(plain, model, [model.encode(text) for text in PROMPTS]))
    order = x.var(0).argsort(descending=True)
    order = torch.stack([order, order + model.d_model], 1).flatten()
    made = replace(
        plain,
        W_enc=plain.W_enc[:, order].contiguous(),
        W_dec=plain.W_dec[order].contiguous(),
        b_dec=x.mean(0),
        apply_b_dec_to_input=True,
        groups=GROUPS,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIEUTIC_HOME", str(tmp_path_factory.mktemp("home")))
        handmade.keep(made)
        handmade.keep(replace(made, name="flat", groups=()))
        yield made


@pytest.fixture(autouse=True)
def data_folder(nested: Dictionary) -> None:
    """That of the module."""


@pytest.fixture(scope="module")
def table(model: Target, nested: Dictionary) -> Table:
    return prefix_view.call(model, {"dictionary": "nested", "prompts": PROMPTS})


def test_every_level_leaves_less_unexplained(table: Table) -> None:
    levels = table.rows[: len(GROUPS)]
    assert [row[0] for row in levels] == ["first 8 features", "first 32 features", "first 64 features"]
    own, others, fired, kept = ([float(row[n]) for row in levels] for n in (1, 2, 3, 4))  # type: ignore[arg-type]
    assert own == sorted(own, reverse=True) and own[-1] == 0 and len(set(own)) == 3
    assert all(a < b for a, b in zip(own[:-1], others[:-1], strict=True)) and others[-1] == 0
    assert fired == pytest.approx([4, 16, 32], abs=0.1)  # one sign of each coordinate
    assert kept[-1] == pytest.approx(1, abs=1e-3) and kept[0] < kept[-1]
    assert table.verdict and table.verdict.status == "supported"


def test_what_is_unexplained_is_the_variance_of_what_is_left_out(
    model: Target, table: Table, nested: Dictionary
) -> None:
    x = torch.cat(streams(nested, model, [model.encode(text) for text in PROMPTS]))
    variances = x.var(0, correction=0).sort(descending=True).values
    for row, end in zip(table.rows, ends(nested), strict=False):
        left = float(variances[end // 2 :].sum() / variances.sum())
        assert row[1] == pytest.approx(left, abs=1e-3)


def test_a_dictionary_that_is_not_nested_is_refused(model: Target) -> None:
    with pytest.raises(ArgumentError, match=r"^flat is not nested: name a Matryoshka dictionary, such as one `train_d"):
        prefix_view.call(model, {"dictionary": "flat", "prompts": PROMPTS})
    with pytest.raises(ArgumentError, match=r"^base@1-sae-layer3 is not nested"):
        prefix_view.call("base@1", {"dictionary": "base@1-sae-layer3"})
    with pytest.raises(ArgumentError, match="no matryoshka"):
        prefix_view.call(model, {"prompts": PROMPTS})


def test_a_random_order_has_the_same_features(model: Target, nested: Dictionary) -> None:
    x = torch.randn(20, model.d_model, generator=torch.Generator().manual_seed(0))
    mixed = shuffled(nested, 3)
    torch.testing.assert_close(mixed.reconstruct(x), nested.reconstruct(x))
    torch.testing.assert_close(mixed.encode(x).sort(1).values, nested.encode(x).sort(1).values)
    assert not torch.equal(mixed.W_dec, nested.W_dec) and torch.equal(mixed.W_dec, shuffled(nested, 3).W_dec)
    assert mixed.prefix(8).fvu(x) != nested.prefix(8).fvu(x)


def test_a_planted_child_stands_below_its_parent(model: Target, nested: Dictionary) -> None:
    """One feature of the last group fires only where one of the first does, and writes partly the same."""
    child, parent = 60, 3
    W_enc, W_dec, b_enc = nested.W_enc.clone(), nested.W_dec.clone(), nested.b_enc.clone()
    x = torch.cat(streams(nested, model, [model.encode(text) for text in PROMPTS]))
    read = (x - nested.b_dec) @ W_enc[:, parent]
    W_enc[:, child], W_dec[child] = W_enc[:, parent], W_dec[parent] + 0.1 * W_dec[child]
    b_enc[parent], b_enc[child] = -float(read.quantile(0.7)), -float(read.quantile(0.85))
    handmade.keep(replace(nested, name="family", W_enc=W_enc, W_dec=W_dec, b_enc=b_enc))
    table = prefix_view.call(model, {"dictionary": "family", "prompts": PROMPTS})
    family = [str(row[0]) for row in table.rows[len(GROUPS) :]]
    assert any(text.startswith(f"feature {parent}, parent of") for text in family)
    assert f"- feature {child}: 100% of its places are the parent's, cosine 1.00" in family


def test_every_random_order_is_another_one_and_follows_the_seed(
    model: Target, nested: Dictionary, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    monkeypatch.setitem(
        prefix_view.function.__globals__, "shuffled", lambda of, seed: seeds.append(seed) or shuffled(of, seed)
    )
    for seed in (0, 100):
        prefix_view.call(model, {"dictionary": "nested", "prompts": PROMPTS[:10], "seed": seed})
    assert len(set(seeds)) == len(seeds) == 2 * ORDERS


def test_a_prefix_that_is_hardly_better_than_a_random_one_supports_nothing(nested: Dictionary) -> None:
    def said(first: float) -> Verdict:
        levels = [Level(8, quality(fvu), [0.5 + 0.001 * n for n in range(ORDERS)]) for fvu in (first, 0.0)]
        return _verdict(nested, levels)

    assert said(0.3).status == "supported"
    assert said(0.47).status == "not supported" and "less than what counts as an effect" in said(0.47).reason
    assert said(0.9).status == "not supported"


def quality(fvu: float) -> Quality:
    return Quality(tokens=100, fvu=fvu, l0=4, dead=0, cross_entropy=1, spliced=1.1, mean_ablated=3, zero_ablated=5)


def test_the_largest_family_and_the_likest_children_stand_first(model: Target, nested: Dictionary) -> None:
    links = [Link(40, 1, 1.0, 9.0, 0.9)] + [Link(50 + n, 2, 1.0, 9.0, 0.1 * n) for n in range(5)]
    said = [str(row[0]) for row in _families(model, replace(nested, index=None), links)]
    assert said[0] == "feature 2, parent of 5" and said[4] == "feature 1, parent of 1"
    assert [text.split(":")[0] for text in said[1:4]] == [f"- feature {n}" for n in (54, 53, 52)]
