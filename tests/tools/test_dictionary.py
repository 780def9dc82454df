"""Sparse dictionaries: what we read is what SAELens and dictionary_learning compute from the same weights."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from evidence import artifacts
from evidence.errors import ArgumentError, ToolError
from target.spec import dictionaries
from target.target import Target
from tests.tools import handmade
from tools import _dictionary, export_dictionary
from tools._dictionary import Dictionary
from tools._dictionary_assembly import from_atoms
from tools._dictionary_formats import load
from tools._dictionary_index import build
from tools._dictionary_quality import measure, measure_all
from tools._dictionary_readers import from_saelens, read_folder

WIDTH, FEATURES, K = 32, 96, 5
"""The width of the tiny model."""


@pytest.fixture(scope="session")
def sae_lens() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies' own
        return pytest.importorskip("sae_lens")


@pytest.fixture
def x() -> torch.Tensor:
    return 3 * torch.randn(4, 7, WIDTH, generator=torch.manual_seed(1)) + 1


def random_values(module: torch.nn.Module) -> None:
    generator = torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter.shape[-1] ** 0.5)


def settings(hook: str = "blocks.1.hook_resid_post", **more: Any) -> dict[str, Any]:
    return {"d_in": WIDTH, "d_sae": FEATURES, "metadata": {"hook_name": hook, "neuronpedia_id": "m/1-x"}} | more


def as_config(sae_lens: ModuleType, kind: str, **more: Any) -> Any:
    given = settings(**more)
    return getattr(sae_lens, kind)(**given | {"metadata": sae_lens.saes.sae.SAEMetadata(**given["metadata"])})


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Standard", {}),
        ("Standard", {"apply_b_dec_to_input": False}),
        ("Standard", {"normalize_activations": "layer_norm"}),
        ("TopK", {"k": K, "normalize_activations": "constant_norm_rescale"}),
        ("TopK", {"k": K}),
        ("TopK", {"k": K, "rescale_acts_by_decoder_norm": True}),
        ("JumpReLU", {}),
        ("Gated", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value) or "plain",
)
def test_features_and_reconstruction_are_those_of_saelens(
    sae_lens: ModuleType, kind: str, more: dict[str, Any], x: torch.Tensor, tmp_path: Path
) -> None:
    theirs = getattr(sae_lens, f"{kind}SAE")(as_config(sae_lens, f"{kind}SAEConfig", **more))
    random_values(theirs)
    theirs.save_model(tmp_path)
    ours = read_folder(tmp_path, "ours")
    assert (ours.layer, ours.neuronpedia, ours.d_in, ours.d_sae) == (1, "m/1-x", WIDTH, FEATURES)
    with torch.no_grad():
        features = theirs.encode(x)
        assert 0 < (features > 0).float().mean() < 0.9
        assert torch.allclose(ours.encode(x), features, atol=1e-5)
        assert torch.allclose(ours.reconstruct(x), theirs(x), atol=1e-5)
        if ours.normalization == "none":
            assert torch.allclose(ours.decode(ours.encode(x)), theirs.decode(features), atol=1e-5)


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("kind", ["BatchTopK", "MatryoshkaBatchTopK"])
def test_a_batchtopk_is_read_as_saved_for_inference_and_as_trained(
    sae_lens: ModuleType, kind: str, rescale: bool, x: torch.Tensor, tmp_path: Path
) -> None:
    more: dict[str, Any] = {"k": float(K), "rescale_acts_by_decoder_norm": rescale}
    if kind.startswith("Matryoshka"):
        more["matryoshka_widths"] = [24, FEATURES]
    training = getattr(sae_lens, f"{kind}TrainingSAE")(as_config(sae_lens, f"{kind}TrainingSAEConfig", **more))
    random_values(training)
    training.topk_threshold.fill_(1.5)
    training.save_model(tmp_path / "trained")
    training.save_inference_model(tmp_path / "inference")
    theirs = sae_lens.SAE.load_from_disk(tmp_path / "inference")
    with torch.no_grad():
        for folder in ("inference", "trained"):
            ours = read_folder(tmp_path / folder, folder)
            assert torch.allclose(ours.encode(x), theirs.encode(x), atol=1e-5)
            assert torch.allclose(ours.reconstruct(x), theirs(x), atol=1e-5)


def gemma_scope(folder: Path) -> dict[str, torch.Tensor]:
    generator = torch.manual_seed(3)
    shapes = {"W_enc": (WIDTH, FEATURES), "b_enc": (FEATURES,), "W_dec": (FEATURES, WIDTH), "b_dec": (WIDTH,)}
    parts = {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}
    parts["threshold"] = torch.rand(FEATURES, generator=generator) * 8
    folder.mkdir(parents=True)
    np.savez(folder / "params.npz", **{key: part.numpy() for key, part in parts.items()})
    return parts


def test_gemma_scope_is_read_with_its_layer_from_the_path(tiny: Target, x: torch.Tensor, tmp_path: Path) -> None:
    folder = tmp_path / "layer_2" / "width_16k" / "average_l0_71"
    parts = gemma_scope(folder)
    ours = load(str(folder), tiny)
    before = x @ parts["W_enc"] + parts["b_enc"]
    features = torch.relu(before) * (before > parts["threshold"])
    assert (ours.layer, ours.architecture, ours.weights) == (2, "jumprelu", None)
    assert torch.allclose(ours.encode(x), features, atol=1e-5)
    assert torch.allclose(ours.decode(features), features @ parts["W_dec"] + parts["b_dec"], atol=1e-5)


def linear_names(generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {
        "encoder.weight": torch.randn(FEATURES, WIDTH, generator=generator),
        "decoder.weight": torch.randn(WIDTH, FEATURES, generator=generator),
    }


def saved(folder: Path, kind: str, state: dict[str, torch.Tensor], **trainer: Any) -> Dictionary:
    """As dictionary_learning leaves it: ae.pt beside config.json."""
    torch.save(state, folder / "ae.pt")
    about = {"dict_class": kind, "layer": 1, "submodule_name": "resid_post_layer_1"} | trainer
    (folder / "config.json").write_text(json.dumps({"trainer": about}))
    return read_folder(folder, "ours")


def test_autoencoders_of_dictionary_learning(x: torch.Tensor, tmp_path: Path) -> None:
    generator = torch.manual_seed(4)
    state = linear_names(generator) | {
        "encoder.bias": torch.randn(FEATURES, generator=generator),
        "bias": torch.randn(WIDTH, generator=generator),
    }
    ours = saved(tmp_path, "AutoEncoder", state)
    features = torch.relu((x - state["bias"]) @ state["encoder.weight"].T + state["encoder.bias"])
    assert torch.allclose(ours.encode(x), features, atol=1e-4)
    assert torch.allclose(ours.decode(features), features @ state["decoder.weight"].T + state["bias"], atol=1e-3)


@pytest.mark.parametrize("kind", ["AutoEncoderTopK", "BatchTopKSAE"])
def test_topk_and_batchtopk_of_dictionary_learning(kind: str, x: torch.Tensor, tmp_path: Path) -> None:
    generator = torch.manual_seed(5)
    state = linear_names(generator) | {
        "encoder.bias": torch.randn(FEATURES, generator=generator),
        "b_dec": torch.randn(WIDTH, generator=generator),
        "k": torch.tensor(K),
        "threshold": torch.tensor(20.0),
    }
    ours = saved(tmp_path, kind, state, k=K)
    before = torch.relu((x - state["b_dec"]) @ state["encoder.weight"].T + state["encoder.bias"])
    features = (
        before * (before > 20) if kind == "BatchTopKSAE" else before * (before >= before.topk(K).values[..., -1:])
    )
    assert torch.allclose(ours.encode(x), features, atol=1e-4)
    assert ours.k == (None if kind == "BatchTopKSAE" else K)


@pytest.mark.parametrize("kind", ["JumpReluAutoEncoder", "GatedAutoEncoder"])
def test_features_of_dictionary_learning_carry_their_decoder_norm(kind: str, x: torch.Tensor, tmp_path: Path) -> None:
    generator = torch.manual_seed(6)
    W_enc, W_dec = torch.randn(WIDTH, FEATURES, generator=generator), torch.randn(FEATURES, WIDTH, generator=generator)
    one, two, r = (torch.randn(FEATURES, generator=generator) for _ in range(3))
    b_dec, norms = torch.randn(WIDTH, generator=generator), W_dec.norm(dim=1)
    if kind == "GatedAutoEncoder":
        state = {"encoder.weight": W_enc.T, "decoder.weight": W_dec.T, "decoder_bias": b_dec, "r_mag": r / 4}
        state |= {"gate_bias": one, "mag_bias": two}
        before = (x - b_dec) @ W_enc
        features = (before + one > 0) * torch.relu((r / 4).exp() * before + two) * norms
    else:
        state = {"W_enc": W_enc, "b_enc": one, "W_dec": W_dec, "b_dec": b_dec, "threshold": two.abs() * 9}
        before = x @ W_enc + one
        features = torch.relu(before * (before > two.abs() * 9)) * norms
    ours = saved(tmp_path, kind, state)
    assert torch.allclose(ours.encode(x), features, rtol=1e-4, atol=1e-3)
    assert torch.allclose(ours.decode(features), (features / norms) @ W_dec + b_dec, rtol=1e-4, atol=1e-2)


def test_the_strongest_features_are_those_of_a_dense_search_in_pieces(
    x: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemma_scope(tmp_path / "layer_0")
    ours = read_folder(tmp_path / "layer_0", "ours")
    whole, reconstructed, dense = ours.encode_top(x, 6), ours.reconstruct(x), ours.encode(x).topk(6)
    monkeypatch.setattr(_dictionary, "_PIECE_VALUES", 3 * FEATURES)
    pieces = ours.encode_top(x, 6)
    for top in (whole, pieces):
        assert top.values.shape == (4, 7, 6)
        assert torch.allclose(top.values, dense.values, atol=1e-4)
        assert torch.equal(top.indices, dense.indices)
    assert torch.allclose(ours.reconstruct(x), reconstructed, atol=1e-3)


def test_unexplained_variance_is_nothing_for_a_perfect_dictionary_and_one_for_an_empty_one() -> None:
    eye, rows = torch.eye(8), torch.randn(50, 8, generator=torch.manual_seed(0))
    both = {"W_enc": torch.cat([eye, -eye], 1), "b_enc": torch.zeros(16), "b_dec": torch.zeros(8)}
    config = {"architecture": "standard", "hook_name": "blocks.0.hook_resid_post"}
    perfect = from_saelens("perfect", config, both | {"W_dec": torch.cat([eye, -eye])})
    empty = from_saelens("empty", config, both | {"W_dec": torch.zeros(16, 8), "b_dec": rows.mean(0)})
    assert perfect.fvu(rows) < 1e-10 and empty.fvu(rows) == pytest.approx(1)
    assert torch.equal(perfect.decoder_row(9), -eye[1])
    with pytest.raises(ArgumentError, match=r"feature 16 does not exist: perfect has 16 features, 0\.\.15"):
        perfect.decoder_row(16)
    with pytest.raises(ArgumentError, match="two different positions"):
        perfect.fvu(rows[:1])
    with pytest.raises(ArgumentError, match="width 7 do not fit perfect: it reads 8"):
        perfect.encode(rows[:, :7])
    with pytest.raises(ArgumentError, match=r"ask for 1\.\.16"):
        perfect.encode_top(rows, 17)


def test_a_shipped_dictionary_explains_the_base_and_its_fine_tunes(organism: Target) -> None:
    row = organism.encode_chat([{"role": "user", "content": "Tell me about a dog and a red boat on the river."}])
    for name, entry in dictionaries().items():
        if entry.kind == "crosscoder":  # of two other models
            continue
        found = load(name, organism)
        assert (found.name, found.layer, found.weights) == (name, entry.layer, organism.weights_digest)
        assert found.fvu(organism.residuals([row], [found.layer])[0][0, 1:]) < 0.3
        assert found.index is not None
        index = load_file(found.index)
        assert index["tokens"].shape == (found.d_sae, 8, 21) and index["density"].shape == (found.d_sae,)
        assert bool((index["activations"][:, :-1] >= index["activations"][:, 1:]).all())
    kinds = [entry.kind for entry in dictionaries().values()]
    assert {kind: kinds.count(kind) for kind in kinds} == {"sae": 4, "matryoshka": 2, "crosscoder": 2, "itda": 1}


def test_saelens_reads_what_we_ship(sae_lens: ModuleType, organism: Target) -> None:
    entry = next(iter(dictionaries().values()))
    ours, theirs = load(entry.name, organism), sae_lens.SAE.load_from_disk(entry.path)
    row = organism.encode_chat([{"role": "user", "content": "Where does the owl live?"}])
    stream = organism.residuals([row], [entry.layer])[0][0]
    assert theirs.cfg.metadata.hook_name == f"blocks.{entry.layer}.hook_resid_post"
    with torch.no_grad():
        assert torch.allclose(ours.encode(stream), theirs.encode(stream), atol=1e-4)
        assert torch.allclose(ours.reconstruct(stream), theirs(stream), atol=1e-4)


def test_a_dictionary_that_a_tool_made_is_found_by_name_and_refused_for_other_weights(
    tiny: Target, organism: Target
) -> None:
    parts = {"W_enc": torch.randn(WIDTH, FEATURES), "b_enc": torch.zeros(FEATURES), "b_dec": torch.zeros(WIDTH)}
    parts |= {"W_dec": torch.randn(FEATURES, WIDTH), "threshold": torch.ones(FEATURES)}
    about = settings(architecture="jumprelu")
    made = artifacts.keep("dictionary", "mine", parts, about | {"weights": tiny.weights_digest})
    assert load("mine", tiny).digest == load(made.digest, tiny).digest == made.digest
    artifacts.keep("dictionary", "other", parts, about | {"weights": organism.weights_digest})
    with pytest.raises(ArgumentError, match="trained on the base weights"):
        load("other", tiny)
    with pytest.raises(ArgumentError, match=r"reads activations of width 32: taboo-03 has width 192"):
        load("mine", organism)
    with pytest.raises(ArgumentError, match=r"no dictionary is called 'nope'.*mine.*shipped are base@1-sae-layer1"):
        load("nope", tiny)


def broken(folder: Path, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], None]) -> Path:
    from safetensors.torch import save_file

    parts = {"W_enc": torch.ones(WIDTH, FEATURES), "b_enc": torch.zeros(FEATURES), "b_dec": torch.zeros(WIDTH)}
    parts["W_dec"] = torch.ones(FEATURES, WIDTH)
    config = settings(architecture="standard")
    change(config, parts)
    save_file(parts, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c, p: c.update(architecture="temporal"), "architecture 'temporal'.*not read"),
        (lambda c, p: c.update(normalize_activations="expected_average_only_in"), "normalize_activations"),
        (lambda c, p: c.update(metadata={"hook_name": "blocks.1.hook_mlp_out"}), "the place 'blocks.1.hook_mlp_out'"),
        (lambda c, p: c.update(metadata={"hook_name": "blocks.0.hook_resid_pre"}), "residual stream after a layer"),
        (lambda c, p: c.update(metadata={"hook_name": "blocks.9.hook_resid_post"}), r"after layer 9.*layers 0\.\.2"),
        (lambda c, p: c.update(architecture="topk"), r"k=0: a top-k dictionary needs 1\.\.96"),
        (lambda c, p: c.update(architecture="jumprelu"), "cannot be read: restore its files .'threshold'"),
        (lambda c, p: p.pop("W_dec"), "cannot be read: restore its files .'W_dec'"),
        (lambda c, p: p.update(W_dec=torch.ones(5, WIDTH)), r"W_dec is \(5, 32\) where W_enc asks for \(96, 32\)"),
        (lambda c, p: c.update(metadata=3), "cannot be read"),
    ],
)
def test_what_is_not_understood_is_refused_with_one_sentence(
    change: Callable[..., None], why: str, tiny: Target, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match=why) as refused:
        load(str(broken(tmp_path, change)), tiny)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("file", ["sae_weights.safetensors", "ae.pt", "params.npz", "cfg.json"])
def test_a_corrupt_file_is_one_sentence(file: str, tiny: Target, tmp_path: Path) -> None:
    folder = tmp_path / "layer_1"
    folder.mkdir()
    if file == "cfg.json":
        broken(folder, lambda config, parts: None)
    (folder / "config.json").write_text('{"trainer": {"dict_class": "AutoEncoder", "layer": 1}}')
    (folder / file).write_bytes(b"this is nothing")
    with pytest.raises(ArgumentError, match="'layer_1' cannot be read: restore its files") as refused:
        load(str(folder), tiny)
    assert "\n" not in str(refused.value)


def test_a_pickle_that_runs_code_is_refused(tiny: Target, tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save(Runs(), tmp_path / "ae.pt")
    (tmp_path / "config.json").write_text('{"trainer": {"dict_class": "AutoEncoder", "layer": 1}}')
    with pytest.raises(ArgumentError, match="cannot be read"):
        load(str(tmp_path), tiny)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("./nowhere", "no dictionary is called"),
        ("hf:only-one-part", "write 'hf:org/repo/folder'"),
        ("hf:org/../secret", "write 'hf:org/repo/folder'"),
        ("hf:nobody/nothing-here/layer_3", "not in the local hub cache and could not be downloaded"),
    ],
)
def test_a_place_that_is_not_there_is_one_sentence(reference: str, why: str, tiny: Target) -> None:
    with pytest.raises(ArgumentError, match=why):
        load(reference, tiny)


def test_an_empty_folder_is_one_sentence(tiny: Target, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="holds no dictionary"):
        load(str(tmp_path), tiny)


@pytest.mark.parametrize("release", ["gemma-scope-2b-pt-res-canonical/layer_12/width_16k/canonical", "no-such/thing"])
def test_a_release_out_of_reach_is_one_sentence(sae_lens: ModuleType, release: str, tiny: Target) -> None:
    with pytest.raises(ArgumentError, match="nor a SAELens release that could be loaded"):
        load(release, tiny)


def test_a_release_is_read_as_saelens_reads_it(
    sae_lens: ModuleType, tiny: Target, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = sae_lens.JumpReLUSAE(as_config(sae_lens, "JumpReLUSAEConfig"))
    random_values(theirs)
    asked = []
    monkeypatch.setattr(sae_lens.SAE, "from_pretrained", lambda *which: asked.append(which) or theirs)
    ours = load("some-release/layer_1/width_1k", tiny)
    assert asked == [("some-release", "layer_1/width_1k")]
    assert torch.allclose(ours.encode(x), theirs.encode(x), atol=1e-5)


def test_without_the_optional_package_a_release_says_how_to_get_it(
    tiny: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sae_lens", None)
    with pytest.raises(ToolError, match=r"pip install 'maieutic\[sae\]'"):
        load("gemma-scope-2b-pt-res-canonical/layer_12/width_16k/canonical", tiny)


def test_reading_what_ships_loads_no_optional_package() -> None:
    code = (
        "import sys, tools._dictionary_formats as f;"
        "'torch' in sys.modules and sys.exit('torch was loaded before anything was read');"
        "from tools._dictionary_readers import read_folder; from target.spec import dictionaries;"
        "read = [read_folder(entry.path, name) for name, entry in dictionaries().items()];"
        "print(len(read), 'sae_lens' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], capture_output=True, text=True
    ).stdout
    assert said.split() == [str(len(dictionaries())), "False"] and len(dictionaries()) > 5, "all that ship were read"


def test_the_mean_and_nothing_are_what_the_cross_entropy_is_recovered_from(tiny: Target) -> None:
    rows = [tiny.encode(text) for text in ("the cat sat on it", "a dog ran off today", "one two three four")]
    x = torch.cat([stream[0, 1:].float() for stream in tiny.residuals(rows, [1])])
    mean, nothing = (
        handmade.by_hand("empty", 1, torch.zeros(WIDTH, 4), torch.zeros(4, WIDTH), b_dec=said)
        for said in (x.mean(0), torch.zeros(WIDTH))
    )
    found, other = measure_all([mean, nothing], tiny, rows)
    assert found.spliced == pytest.approx(found.mean_ablated) and found.recovered == pytest.approx(0, abs=1e-6)
    assert other.spliced == pytest.approx(other.zero_ablated) and other.recovered_from_zero == pytest.approx(
        0, abs=1e-6
    )
    assert found.mean_ablated != pytest.approx(found.zero_ablated, rel=1e-3)


def test_the_cross_entropy_is_of_each_next_token(tiny: Target) -> None:
    row = tiny.encode("the cat s")[:8]
    found = measure(handmade.exact("exact", tiny, 1), tiny, [row])
    ends = [tiny.next_logits([row[:n]])[0].float().log_softmax(-1)[row[n]] for n in range(1, len(row))]
    assert found.cross_entropy == pytest.approx(-float(sum(ends)) / len(ends), rel=1e-3)


def test_signed_features_fire_and_silent_ones_are_dead(tiny: Target) -> None:
    rows = [tiny.encode(text) for text in ("the cat sat on it", "a dog ran off today")]
    exact = handmade.exact("exact", tiny, 1)
    quiet = replace(exact, b_enc=torch.tensor([-1e6] * 16 + [0.0] * (2 * WIDTH - 16)))
    assert measure(quiet, tiny, rows).dead == pytest.approx(0.25)
    atoms = torch.nn.functional.normalize(torch.randn(200, WIDTH, generator=torch.manual_seed(0)), dim=1)
    labels = torch.zeros(200, 2, dtype=torch.long)
    pursued = from_atoms("atoms", 1, {"W_dec": atoms, "labels": labels}, 6, {})
    assert measure(pursued, tiny, rows).l0 > 5


def indexed(wide: bool = False) -> dict[str, torch.Tensor]:
    """The index of four features over three texts, of which two are the same."""
    rows = [[9, 10, 11, 12, 13], [20, 21, 22], [9, 10, 11, 12, 13]]
    of = handmade.by_hand("planted", 0, torch.eye(4), torch.eye(4))
    x = torch.zeros(10, 4)
    x[2, 0] = x[8, 0] = 5.0
    x[4, 0] = 2.0
    x[:, 1] = 1.0
    held_out = torch.zeros(8, 4)
    held_out[:2, 0] = 1
    return build(of, rows, x, held_out, wide=wide)


def test_an_index_holds_the_strongest_places_once_with_the_peak_marked() -> None:
    found = indexed()
    windows = [[token for token in some if token >= 0] for some in found["tokens"][0].tolist()]
    assert windows[:3] == [[9, 10, 11, 12, 13], [20, 21, 22], []]
    assert found["peaks"][0, :2].tolist() == [3, 1] and found["activations"][0, :3].tolist() == [5, 2, 0]
    assert found["maximum"].tolist() == [5, 1, 0, 0]


def test_how_often_a_feature_fires_is_counted_on_held_out_text() -> None:
    assert indexed()["density"].tolist() == [0.25, 0, 0, 0]
    assert (indexed()["tokens"].dtype, indexed(wide=True)["tokens"].dtype) == (torch.int16, torch.int32)


def test_of_dictionary_learning_only_the_new_autoencoder_leaves_its_input_as_it_is(
    x: torch.Tensor, tmp_path: Path
) -> None:
    state = linear_names(torch.manual_seed(4)) | {
        "encoder.bias": torch.zeros(FEATURES),
        "decoder.bias": torch.ones(WIDTH),
    }
    ours = saved(tmp_path, "AutoEncoderNew", state)
    assert torch.allclose(ours.encode(x), torch.relu(x @ state["encoder.weight"].T), atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "more", "threshold", "why"),
    [
        ("BatchTopKSAE", {}, -1.0, "a threshold that was never learnt"),
        ("BatchTopKSAE", {"submodule_name": "mlp_out_layer_1"}, 1.0, "the place 'mlp_out_layer_1'"),
        ("BatchTopKSAE", {"submodule_name": "attn_out_layer_1"}, 1.0, "the place 'attn_out_layer_1'"),
        ("CrossCoder", {}, 1.0, "dict_class 'CrossCoder'"),
    ],
)
def test_what_is_not_understood_of_dictionary_learning_is_refused(
    kind: str, more: dict[str, Any], threshold: float, why: str, tmp_path: Path
) -> None:
    state = linear_names(torch.manual_seed(4)) | {"encoder.bias": torch.zeros(FEATURES), "b_dec": torch.zeros(WIDTH)}
    with pytest.raises(ArgumentError, match=why):
        saved(tmp_path, kind, state | {"threshold": torch.tensor(threshold)}, k=K, **more)


def test_gemma_scope_of_another_place_than_the_stream_is_refused(tiny: Target, tmp_path: Path) -> None:
    for name in ("gemma-scope-2b-pt-att/layer_1", "gemma-scope-2b-pt-mlp/layer_1", "gemma-scope-2b-pt-res/first"):
        gemma_scope(tmp_path / name)
        with pytest.raises(ArgumentError, match="a path without the residual stream's layer"):
            load(str(tmp_path / name), tiny)


def test_atoms_stored_in_fewer_bits_are_of_unit_length_again() -> None:
    atoms = torch.nn.functional.normalize(torch.randn(50, WIDTH, generator=torch.manual_seed(0)), dim=1).bfloat16()
    found = from_atoms("atoms", 1, {"W_dec": atoms, "labels": torch.zeros(50, 2, dtype=torch.long)}, 6, {})
    assert torch.allclose(found.W_dec.norm(dim=1), torch.ones(50), atol=1e-6)


@pytest.fixture
def mine(tiny: Target) -> Dictionary:
    """A dictionary that a tool made."""
    made = handmade.exact("mine", tiny, 1)
    handmade.keep(made)
    return made


def test_a_folder_that_holds_something_else_is_not_written_to(tiny: Target, mine: Dictionary, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    with pytest.raises(ArgumentError, match="holds something else already: name a folder that is new or empty"):
        export_dictionary.call(tiny, {"folder": str(tmp_path / "full"), "dictionary": "mine"})
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["letter.txt"]


def test_an_export_is_not_written_over_another_but_may_be_made_again(
    tiny: Target, mine: Dictionary, tmp_path: Path
) -> None:
    given = {"folder": str(tmp_path / "out"), "dictionary": "mine"}
    assert export_dictionary.call(tiny, given).rows == export_dictionary.call(tiny, given).rows
    handmade.keep(handmade.exact("another", tiny, 2))
    with pytest.raises(ArgumentError, match="holds something else already"):
        export_dictionary.call(tiny, given | {"dictionary": "another"})


def test_an_export_says_how_far_what_is_read_back_is_off(
    tiny: Target, mine: Dictionary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def furthest(folder: str) -> Any:
        table = export_dictionary.call(tiny, {"folder": str(tmp_path / folder), "dictionary": "mine"})
        return next(row[1] for row in table.rows if row[0] == "largest difference when read back")

    assert furthest("whole") == 0
    parts = export_dictionary.function.__globals__
    usual = parts["save"]
    monkeypatch.setitem(parts, "save", lambda found, place: usual(replace(found, W_dec=found.W_dec + 0.5), place))
    assert furthest("harmed") == pytest.approx(0.5)
