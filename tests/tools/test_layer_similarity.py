"""Two models' layers are compared by which tokens become atoms, beside a floor; what cannot be compared is refused."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

import target
from evidence import Heatmap
from evidence.errors import ArgumentError
from target.target import Target
from tests.models import save_lora, save_qwen
from tools import _itda_layers, layer_similarity
from tools._itda import build_naive
from tools._itda_layers import L0, THRESHOLD, alignments, overlaps, read
from tools._similarity import linear_cka
from tools._texts import text_sets
from tools.layer_similarity import _verdict, shared_atoms

LAYERS = 5
PROMPTS = list(text_sets()["english"].texts[:40])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    """A base, a fine-tune of it, a model of another seed, and one of another depth."""
    folder = tmp_path_factory.mktemp("models")
    base, shallow = save_qwen(folder / "base", layers=LAYERS), save_qwen(folder / "shallow", layers=2)
    made = {
        "base": base,
        "tuned": save_lora(base, folder / "tuned", lora_alpha=4),
        "stranger": save_qwen(folder / "stranger", layers=LAYERS, seed=5),
        "shallow": shallow,
        "shallow, tuned": save_lora(shallow, folder / "both", lora_alpha=4),
    }
    return {name: target.load(str(place)) for name, place in made.items()}


@pytest.fixture(scope="module")
def alike(models: dict[str, Target]) -> Heatmap:
    return layer_similarity.call(models["tuned"], {"prompts": PROMPTS})


def test_a_model_is_not_compared_with_itself(models: dict[str, Target], organism: Target) -> None:
    for model, arguments in (
        (models["base"], {}),
        (models["base"], {"other": models["base"].name}),
        (models["tuned"], {"other": models["tuned"].name}),
        (organism, {"other": "taboo-03"}),
    ):
        with pytest.raises(ArgumentError, match="is to be compared with another model: name a fine-tune, or give `o"):
            layer_similarity.call(model, arguments)


def test_a_model_of_other_tokens_is_refused(models: dict[str, Target], organism: Target) -> None:
    with pytest.raises(ArgumentError, match=r"reads other tokens than .*: atoms are compared token by token"):
        layer_similarity.call(models["base"], {"other": organism.base.name})


def test_texts_that_are_too_short_are_one_sentence(models: dict[str, Target]) -> None:
    with pytest.raises(ArgumentError, match="no text has two tokens"):
        layer_similarity.call(models["tuned"], {"prompts": ["a", "b"]})


def test_a_fine_tune_is_like_its_base_with_the_floor_beside(alike: Heatmap) -> None:
    assert alike.verdict and alike.verdict.status == "supported"
    assert len(alike.rows) == len(alike.columns) == LAYERS and alike.control is not None
    own = [alike.values[n][n] for n in range(LAYERS)]
    assert all(value == max(row) for value, row in zip(own, alike.values, strict=True))
    assert all(value > alike.control[n][n] + 0.3 for n, value in enumerate(own))
    assert "1.00 of the layers find their own in the other model, 1.00 by linear CKA" in alike.verdict.reason
    assert alike.control_name and alike.control_name.endswith("activations shuffled under their labels")
    assert [one.score for one in alike.highlights] == own, "in the order of the layers"


def test_models_of_other_seeds_have_less_in_common(models: dict[str, Target], alike: Heatmap) -> None:
    shared = shared_atoms(models["base"], models["stranger"], PROMPTS, 0)
    for (overlap, floor), n in zip(shared.own_layers, range(LAYERS), strict=True):
        assert overlap < alike.values[n][n] - 0.05 and 0 < floor < 0.5


def test_the_overlap_is_that_of_dictionaries_built_row_by_row(models: dict[str, Target]) -> None:
    """By the algorithm as it is defined, and sets."""
    few = PROMPTS[:12]
    shared = shared_atoms(models["tuned"], models["base"], few, 0)
    rows = [models["base"].encode(text) for text in few]
    labels = torch.tensor([(text, place) for text, row in enumerate(rows) for place in range(1, len(row))])
    atoms: dict[str, list[set[tuple[int, ...]]]] = {"tuned": [], "base": []}
    for name, built in atoms.items():
        streams = models[name].residuals(rows, range(LAYERS))
        for layer in range(LAYERS):
            x = torch.cat([stream[layer, 1:] for stream in streams])
            built.append({tuple(one) for one in build_naive(x, labels, L0, THRESHOLD).labels.tolist()})
    for a, mine in enumerate(atoms["tuned"]):
        for b, theirs in enumerate(atoms["base"]):
            assert float(shared.overlap[a, b]) == pytest.approx(len(mine & theirs) / len(mine | theirs), abs=0.03)


def test_alignment_is_the_cka_of_the_same_activations(models: dict[str, Target]) -> None:
    rows = [models["base"].encode(text) for text in PROMPTS[:8]]
    one, other = (read(models[name], rows, range(LAYERS), "data") for name in ("tuned", "base"))
    x, y = (torch.cat([s[1, 1:] for s in models[name].residuals(rows, [0, 2])]) for name in ("tuned", "base"))
    assert float(alignments(one, other)[2, 2]) == pytest.approx(linear_cka(x, y), rel=1e-5)


def test_models_of_another_depth_decide_nothing(models: dict[str, Target]) -> None:
    found = layer_similarity.call(models["base"], {"other": models["shallow"].name, "prompts": PROMPTS[:10]})
    assert found.verdict and found.verdict.status == "inconclusive"
    assert "the models differ in depth, so no layer is another's own" in found.verdict.reason
    assert (len(found.rows), len(found.columns)) == (LAYERS, 2) and found.control and len(found.control[0]) == 2


def test_so_few_layers_that_no_test_tells_decide_nothing(models: dict[str, Target]) -> None:
    found = layer_similarity.call(models["shallow, tuned"], {"prompts": PROMPTS[:10]})
    assert found.verdict and found.verdict.status == "inconclusive"
    assert found.verdict.reason.endswith("2 layers are too few to tell from chance by a test")


def test_so_little_text_that_all_of_it_becomes_atoms_decides_nothing(models: dict[str, Target]) -> None:
    found = layer_similarity.call(models["tuned"], {"prompts": ["fox and owl"]})
    assert found.verdict and found.verdict.status == "inconclusive"
    assert "of the tokens became atoms, and where most do any two models overlap" in found.verdict.reason


def test_what_the_target_writes_is_read_where_no_texts_are_given(
    models: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(layer_similarity.function.__globals__, "TOKENS", 2600)
    found, again = (layer_similarity.call(models["shallow, tuned"], {}) for _ in range(2))
    assert found.verdict and found.values == again.values


def test_an_overlap_hardly_above_its_floor_supports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_itda_layers, "alignments", lambda own, theirs: torch.eye(8))
    layers: Any = SimpleNamespace(kept=0.1)
    floor = torch.eye(8) * torch.linspace(0.2, 0.21, 8)
    assert _verdict("two models", layers, layers, floor + 0.2 * torch.eye(8), floor).status == "supported"
    found = _verdict("two models", layers, layers, floor + 0.05 * torch.eye(8), floor)
    assert found.status == "not supported" and "less than what counts as an effect" in found.reason


def test_the_floor_follows_the_seed_and_the_overlap_does_not(models: dict[str, Target]) -> None:
    one, same, other = (
        shared_atoms(models["shallow, tuned"], models["shallow"], PROMPTS[:12], seed) for seed in (0, 0, 1)
    )
    assert torch.equal(one.floor, same.floor) and not torch.equal(one.floor, other.floor)
    assert torch.equal(one.overlap, other.overlap)


def test_dictionaries_of_other_texts_are_not_compared(models: dict[str, Target]) -> None:
    rows = [models["shallow"].encode(text) for text in PROMPTS[:4]]
    one, other = (read(models["shallow"], rows, [0], data).dictionaries for data in ("these", "those"))
    with pytest.raises(ArgumentError, match="other or differently ordered data"):
        overlaps(one, other)
