"""What is written is read back as it was, by us and by SAELens; and what SAELens writes is read by us."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load_file

from tools._dictionary import Architecture, Dictionary, Normalization, Source
from tools._dictionary_assembly import assemble, from_atoms
from tools._dictionary_readers import read_folder
from tools._dictionary_saving import save
from tools._itda import Builder

WIDTH, FEATURES, K, LAYER = 32, 96, 5, 2
GROUPS = (8, 24, 64)
HOOK = {"hook_name": f"blocks.{LAYER}.hook_resid_post"}
SOURCES = (Source("base", "0" * 12, None), Source("tuned", "0" * 12, "1" * 12))


@pytest.fixture(scope="session")
def sae_lens() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies' own
        return pytest.importorskip("sae_lens")


@pytest.fixture
def x() -> torch.Tensor:
    return 3 * torch.randn(4, 7, WIDTH, generator=torch.manual_seed(1)) + 1


def learnt(architecture: Architecture, **more: Any) -> Dictionary:
    """A dictionary as it would have been read, with random values."""
    generator = torch.manual_seed(2)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    tensors = {"W_enc": drawn(WIDTH, FEATURES), "W_dec": drawn(FEATURES, WIDTH) / WIDTH**0.5, "b_dec": drawn(WIDTH)}
    if architecture == "gated":
        tensors |= {"b_gate": drawn(FEATURES), "b_mag": drawn(FEATURES), "r_mag": drawn(FEATURES) / 4}
    else:
        tensors |= {"b_enc": drawn(FEATURES), "threshold": 9 * torch.rand(FEATURES, generator=generator)}
    settings = {"apply_b_dec_to_input": True, "k": K, "weights": "abcdef012345", "neuronpedia": "m/2-x"} | more
    return assemble("learnt", LAYER, architecture, tensors, **settings)


def pursued() -> Dictionary:
    rows = torch.randn(300, WIDTH, generator=torch.manual_seed(3))
    builder = Builder(WIDTH, K, 0.3)
    builder.add(rows, torch.stack([torch.arange(300) // 10, torch.arange(300) % 10], 1))
    itda = builder.finish()
    return from_atoms("learnt", LAYER, {"W_dec": itda.atoms, "labels": itda.labels}, K, {"weights": "abcdef012345"})


DICTIONARIES = {
    "relu": learnt("relu"),
    "relu without the bias": learnt("relu", apply_b_dec_to_input=False),
    "topk": learnt("topk"),
    "jumprelu": learnt("jumprelu"),
    "batchtopk": learnt("batchtopk"),
    "gated": learnt("gated"),
    "rescaled": learnt("topk", rescale=True),
    "Matryoshka": learnt("batchtopk", groups=GROUPS),
    "crosscoder": learnt("batchtopk", sources=SOURCES),
    "layer norm": learnt("jumprelu", normalization="layer_norm"),
    "constant norm": learnt("topk", normalization="constant_norm_rescale"),
    "ITDA": pursued(),
}


def facts(dictionary: Dictionary) -> tuple[Any, ...]:
    """What it says of itself."""
    names = ("layer", "k", "normalization", "apply_b_dec_to_input", "weights", "neuronpedia", "groups", "sources")
    return tuple(getattr(dictionary, name) for name in names)


@pytest.mark.parametrize("kind", DICTIONARIES)
def test_what_was_saved_is_read_back_bit_for_bit(kind: str, x: torch.Tensor, tmp_path: Path) -> None:
    was = DICTIONARIES[kind]
    save(was, tmp_path / "new" / "folder")
    found = read_folder(tmp_path / "new" / "folder", "found")
    assert facts(found) == facts(was)
    assert found.digest == was.digest
    features = was.encode(x)
    assert 0 < float((features != 0).float().mean()) < 0.9
    assert torch.equal(found.encode(x), features)
    assert torch.equal(found.reconstruct(x), was.reconstruct(x))
    assert torch.equal(found.encode_top(x, 3).indices, was.encode_top(x, 3).indices)
    if was.normalization == "none":
        assert torch.equal(found.decode(features), was.decode(features))


def test_labels_of_an_itda_are_kept(tmp_path: Path) -> None:
    save(DICTIONARIES["ITDA"], tmp_path)
    found = read_folder(tmp_path, "found")
    assert found.architecture == "itda"
    assert torch.equal(vars(found)["labels"], vars(DICTIONARIES["ITDA"])["labels"])


def test_the_part_of_the_model_under_study_is_chosen_by_who_reads(tmp_path: Path) -> None:
    was = replace(DICTIONARIES["crosscoder"], source=0)
    save(was, tmp_path)
    found = read_folder(tmp_path, "found")
    assert (found.d_in, found.d_model, found.source) == (WIDTH, WIDTH // 2, 1), "the last one is under study"
    assert torch.equal(found.atoms, replace(was, source=1).atoms) and not torch.equal(found.atoms, was.atoms)
    assert torch.equal(replace(found, source=0).atoms, was.atoms)


def test_what_else_is_said_stands_in_the_configuration(tmp_path: Path) -> None:
    save(DICTIONARIES["topk"], tmp_path, tokens=1000)
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["metadata"]["tokens"] == 1000 and config["metadata"] | HOOK == config["metadata"]
    assert {part.dtype for part in load_file(tmp_path / "sae_weights.safetensors").values()} == {torch.float32}


def test_every_architecture_and_normalization_is_among_these() -> None:
    assert {one.architecture for one in DICTIONARIES.values()} == set(get_args(Architecture))
    assert {one.normalization for one in DICTIONARIES.values()} == set(get_args(Normalization))


@pytest.mark.parametrize("kind", [kind for kind in DICTIONARIES if kind != "ITDA"])
def test_saelens_computes_the_same_from_what_we_save(
    sae_lens: ModuleType, kind: str, x: torch.Tensor, tmp_path: Path
) -> None:
    ours = DICTIONARIES[kind]
    save(ours, tmp_path)
    theirs = sae_lens.SAE.load_from_disk(tmp_path)
    assert theirs.cfg.architecture() == {"relu": "standard", "topk": "topk"}.get(ours.architecture, "jumprelu")
    assert theirs.cfg.metadata.hook_name == HOOK["hook_name"]
    with torch.no_grad():
        features = theirs.encode(x)
        torch.testing.assert_close(ours.encode(x), features, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(ours.reconstruct(x), theirs(x), rtol=1e-5, atol=1e-5)
        if ours.normalization == "none":
            torch.testing.assert_close(ours.decode(features), theirs.decode(features), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("kind", ["TopK", "BatchTopK", "MatryoshkaBatchTopK", "JumpReLU", "Standard"])
def test_we_read_what_saelens_saves_of_a_training(
    sae_lens: ModuleType, kind: str, inference: bool, x: torch.Tensor, tmp_path: Path
) -> None:
    metadata = sae_lens.saes.sae.SAEMetadata(**HOOK)
    more: dict[str, Any] = {"k": K} if "TopK" in kind else {}
    if kind.startswith("Matryoshka"):
        more["matryoshka_widths"] = [8, 32, FEATURES]
    config = getattr(sae_lens, f"{kind}TrainingSAEConfig")(d_in=WIDTH, d_sae=FEATURES, metadata=metadata, **more)
    theirs = getattr(sae_lens, f"{kind}TrainingSAE")(config)
    generator = torch.manual_seed(0)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) / WIDTH**0.5)
        if kind == "JumpReLU":
            theirs.threshold.abs_()
    if "BatchTopK" in kind:
        theirs.topk_threshold.fill_(1.5)
    (theirs.save_inference_model if inference else theirs.save_model)(tmp_path)
    ours = read_folder(tmp_path, "ours")
    assert ours.layer == LAYER
    assert ours.groups == (GROUPS if kind.startswith("Matryoshka") else ())
    assert ours.k == (K if kind == "TopK" else None)
    if inference or "BatchTopK" not in kind:
        theirs = sae_lens.SAE.load_from_disk(tmp_path) if inference else theirs
        with torch.no_grad():
            assert bool((theirs.encode(x) > 0).any())
            torch.testing.assert_close(ours.encode(x), theirs.encode(x), rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(ours.reconstruct(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_a_prefix_of_groups_is_saved_as_a_dictionary_of_its_own(x: torch.Tensor, tmp_path: Path) -> None:
    coarse = DICTIONARIES["Matryoshka"].prefix(32)
    save(coarse, tmp_path)
    found = read_folder(tmp_path, "found")
    assert (found.d_sae, found.groups) == (32, ())
    assert torch.equal(found.encode(x), DICTIONARIES["Matryoshka"].encode(x)[..., :32])
