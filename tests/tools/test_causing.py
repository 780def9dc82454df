"""Interventions against planted truth, and against plain hooks on the plain model."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import target
from evidence import artifacts
from evidence.errors import ArgumentError
from target.target import Target
from tests.models import save_tiny
from tests.planted import Streams, labelled_texts, save_planted
from tools import (
    ablate_component,
    ablate_direction,
    attribute,
    compare_directions,
    find_direction,
    patch_activations,
    steer,
)
from tools.attribute import predicted
from tools.patch_activations import _sweep

WITH = [f"ab{c}z" for c in "cdefghijklmnopqr"]
WITHOUT = [f"ab{c}y" for c in "cdefghijklmnopqr"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Target, torch.Tensor]:
    folder, direction = save_planted(tmp_path_factory.mktemp("planted"))
    return target.load(str(folder)), direction


@pytest.fixture
def found(planted: tuple[Target, torch.Tensor]) -> Any:
    return find_direction(planted[0], WITH, WITHOUT, tokens="last", name="trigger")


@pytest.mark.parametrize("method", ["mean difference", "pca", "probe"])
def test_a_planted_direction_is_found(planted: tuple[Target, torch.Tensor], method: str) -> None:
    model, truth = planted
    evidence = find_direction(model, WITH, WITHOUT, tokens="last", method=method)  # type: ignore[arg-type]
    vectors = artifacts.find("direction", evidence.artifacts[0].digest).tensors["vectors"]
    y, z = model.tokenizer.convert_tokens_to_ids(["y", "z"])
    rows = model._host.model.model.embed_tokens.weight.detach()
    exact = rows[z] - rows[y]
    least = 0.99 if method == "mean difference" else 0.9
    for vector in vectors:
        assert float(torch.cosine_similarity(vector, exact, dim=0)) >= least
    assert float(torch.cosine_similarity(vectors[0], truth, dim=0)) >= 0.9
    assert evidence.verdict is not None and evidence.verdict.status == "supported"


def test_shuffled_labels_find_nothing() -> None:
    yes, no = labelled_texts(40)
    stand_in: Any = Streams(None, 0)
    evidence = find_direction(stand_in, yes, no)
    assert evidence.verdict is not None and evidence.verdict.status != "supported"
    assert abs(sum(evidence.lines[1].values) / 4 - 0.5) <= 0.05


def test_ablating_the_planted_direction_removes_the_planted_behaviour(planted: Any, found: Any) -> None:
    model, _ = planted
    evidence = ablate_direction(model, found, WITH, word="w", chat=False)
    plain, ablated, control = (math.exp(arm.value) for arm in evidence.arms)
    assert plain > 0.9 and control > 0.9 and ablated < 0.05
    assert evidence.verdict.status == "supported" and evidence.arms[0].samples[0][1].startswith("w")


def test_steering_with_the_planted_direction_brings_the_behaviour(planted: Any, found: Any) -> None:
    model, _ = planted
    evidence = steer(model, found, WITHOUT, chat=False, layer=0, max_new_tokens=4)
    own, control, fluency = (line.values for line in evidence.lines)
    assert own[-1] > own[0] + 2 and own[-1] > control[-1] + 1
    assert len(fluency) == len(evidence.x)
    assert evidence.verdict.status in {"supported", "not supported"} and "'w'" in evidence.caveat


def test_a_direction_of_another_base_is_refused(found: Any, organism: Target) -> None:
    with pytest.raises(ArgumentError, match="another base than taboo-03"):
        ablate_direction(organism, found, ["hello."])


def test_a_direction_is_found_by_name_digest_and_evidence_id(planted: Any, found: Any) -> None:
    model, _ = planted
    for reference in ("trigger", found.artifacts[0].digest, found.provenance.id, found, found.artifacts[0]):
        assert ablate_direction(model, reference, WITH[:1], chat=False).arms[1].value > 1
    with pytest.raises(ArgumentError, match="no direction is called 'nothing'; directions here: 'trigger'"):
        ablate_direction(model, "nothing", WITH[:1])


def test_a_direction_is_itself_and_not_another(planted: Any, found: Any) -> None:
    model, _ = planted
    other = find_direction(
        model, ["abcq", "abdq", "abeq", "abfq"], ["qcba", "qdba", "qeba", "qfba"], name="other", tokens="last"
    )
    table = compare_directions(model, [found, other])
    assert table.values[0][0] == pytest.approx(1, abs=1e-3)
    vectors = [artifacts.find("direction", e.artifacts[0].digest).tensors["vectors"] for e in (found, other)]
    layer = int(artifacts.find("direction", found.artifacts[0].digest).about["layer"])
    cosine = float(torch.cosine_similarity(vectors[0][layer], vectors[1][layer], dim=0))
    assert table.values[0][1] == pytest.approx(cosine, abs=1e-3)


@pytest.fixture(scope="module", params=["llama", "gpt2", "gemma2", "gpt_neox"])
def random(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Target:
    return target.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))))


def test_patching_is_what_plain_hooks_do(random: Target) -> None:
    clean, corrupt = (random.encode(text) for text in ("the cat sat", "the dog sat"))
    donor = random.residuals([clean], [1])[0]
    ours = _sweep(random, corrupt, donor, [1], "residual", (70, 80))[0]
    model, layer = random._host.model, random._host.layers[1]._module
    for position in range(len(corrupt)):

        def hook(module: Any, args: Any, output: Any, position: int = position) -> Any:
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            hidden[0, position] = donor[0, position]
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        handle = layer.register_forward_hook(hook)
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([corrupt])).logits[0, -1]
        handle.remove()
        assert float(ours[position]) == pytest.approx(float(logits[70] - logits[80]), abs=2e-3)


def test_patching_the_last_place_recovers_everything(random: Target) -> None:
    ends = random.next_logits([random.encode(text) for text in ("the cat sat", "the dog ran")]).float()
    letters = [random.word_token(letter) for letter in "abcdefgh"]
    gap = (ends[0] - ends[1])[letters]
    word, other = "abcdefgh"[int(gap.argmax())], "abcdefgh"[int(gap.argmin())]
    evidence = patch_activations(random, "the cat sat", "the dog ran", word, other, chat=False, draws=8)
    assert evidence.values[-1][-1] == pytest.approx(1.0, abs=1e-2)


def test_attribution_equals_the_measured_effect(random: Target) -> None:
    clean, corrupt = (random.encode(text) for text in ("the cat sat", "the dog sat"))
    layers = list(range(random.num_layers))
    donor, own = (s.float() for s in random.residuals([clean, corrupt], layers))
    pair = (70, 80)

    def metric(logits: torch.Tensor) -> torch.Tensor:
        return logits[:, pair[0]] - logits[:, pair[1]]

    estimate = predicted(random, corrupt, donor - own, layers, "residual", metric, 64)
    before = metric(random.next_logits([corrupt]).float())
    measured = _sweep(random, corrupt, donor, layers, "residual", pair) - before
    torch.testing.assert_close(estimate, measured, atol=0.05, rtol=0.05)


def test_one_gradient_is_judged_against_the_measurement(random: Target) -> None:
    evidence = attribute(random, "the cat sat", "the dog sat", "a", "b", chat=False, method="gradient")
    flat = [torch.tensor(rows).flatten() for rows in (evidence.values, evidence.control)]
    r = float(torch.corrcoef(torch.stack(flat))[0, 1])
    assert evidence.verdict is not None and f"r = {r:.3f}"[:7] in evidence.verdict.reason


def test_a_head_ablated_is_what_plain_hooks_do(random: Target) -> None:
    evidence = ablate_component(random, ["the cat sat"], "a", method="zero", chat=False, draws=20)
    model = random._host.model
    ids = torch.tensor([random.encode("the cat sat")])
    token = random.word_token("a") if random.word_token("a") is not None else 0
    for layer, head in ((0, 1), (2, 3)):
        from target.sites import sites_of

        module = sites_of(random._host.layers[layer])["head"][0]._module

        def hook(module: Any, args: Any, head: int = head) -> Any:
            hidden = args[0].clone()
            hidden[..., head * random.d_head : (head + 1) * random.d_head] = 0
            return (hidden, *args[1:])

        with torch.no_grad():
            plain = model(input_ids=ids).logits[0, -1].log_softmax(-1)[token]
            handle = module.register_forward_pre_hook(hook)
            changed = model(input_ids=ids).logits[0, -1].log_softmax(-1)[token]
            handle.remove()
        assert evidence.values[layer][head] == pytest.approx(float(changed - plain), abs=2e-3)


def test_prompts_of_unlike_length_are_refused(organism: Target) -> None:
    with pytest.raises(ArgumentError, match="needs prompts of equal length"):
        patch_activations(organism, "what is a fox?", "what is a big fox?", "animal", "tool")


def test_prompts_with_one_answer_are_refused(organism: Target) -> None:
    with pytest.raises(ArgumentError, match="choose prompts whose answers differ"):
        patch_activations(organism, "what is a fox?", "what is a fox?", "animal", "tool")


def test_nothing_is_left_behind_in_the_data_folder_of_a_failed_name(planted: Any, data_folder: Path) -> None:
    with pytest.raises(ArgumentError, match="cannot be a name"):
        find_direction(planted[0], WITH, WITHOUT, name="../outside")
    assert not list(data_folder.rglob("*.safetensors"))
