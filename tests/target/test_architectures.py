"""The same identities must hold on every architecture we promise to read."""

from pathlib import Path

import pytest
import torch

import target
from target.interventions import Ablate, Patch, Steer
from target.target import Target
from tests.models import ARCHITECTURES, save_tiny

TEXTS = ["what is a fox?", "hi", "the moon is round"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Target:
    folder: Path = tmp_path_factory.mktemp(request.param)
    return target.load(str(save_tiny(request.param, folder)))


@pytest.fixture
def ids(tiny: Target) -> list[list[int]]:
    return [tiny.encode(text) for text in TEXTS]


def test_the_last_layers_lens_is_the_models_own_answer(tiny: Target, ids: list[list[int]]) -> None:
    readings = tiny.lens(ids, [tiny.num_layers - 1], k=5)
    own = tiny.next_logits(ids).softmax(-1).topk(5)
    for row, reading in enumerate(readings):
        assert reading.tokens[0, -1].tolist() == own.indices[row].tolist()
        torch.testing.assert_close(reading.probabilities[0, -1], own.values[row], atol=1e-4, rtol=1e-3)


def test_steering_by_zero_changes_nothing(tiny: Target, ids: list[list[int]]) -> None:
    nothing = [Steer(1, torch.ones(tiny.d_model), 0.0)]
    torch.testing.assert_close(tiny.next_logits(ids, nothing), tiny.next_logits(ids))
    assert tiny.generate(ids, max_new_tokens=6, interventions=nothing) == tiny.generate(ids, max_new_tokens=6)


def test_steering_hard_changes_the_answer(tiny: Target, ids: list[list[int]]) -> None:
    push = [Steer(1, torch.randn(tiny.d_model), 50.0)]
    assert not torch.allclose(tiny.next_logits(ids, push), tiny.next_logits(ids))


def test_patching_a_run_with_itself_changes_nothing(tiny: Target, ids: list[list[int]]) -> None:
    own = tiny.residuals(ids[:1], [1])[0]
    torch.testing.assert_close(
        tiny.next_logits(ids[:1], [Patch(1, own)]), tiny.next_logits(ids[:1]), atol=1e-5, rtol=1e-4
    )


def test_patching_everything_gives_the_donors_answer(tiny: Target) -> None:
    donor, receiver = [tiny.encode("what is a fox?")], [tiny.encode("what is a dog?")]
    whole = tiny.residuals(donor, [tiny.num_layers - 1])[0]
    patched = tiny.next_logits(receiver, [Patch(tiny.num_layers - 1, whole)])
    torch.testing.assert_close(patched, tiny.next_logits(donor), atol=1e-4, rtol=1e-3)


def test_an_ablated_direction_is_gone(tiny: Target, ids: list[list[int]]) -> None:
    direction = torch.randn(tiny.d_model)
    after = tiny.residuals(ids, [1], [Ablate(1, direction)])
    for stream in after:
        assert (stream[0] @ direction / direction.norm()).abs().max() < 1e-3


def test_a_row_of_a_batch_is_the_row_alone(tiny: Target, ids: list[list[int]]) -> None:
    layers = list(range(tiny.num_layers))
    for row, together in zip(ids, tiny.residuals(ids, layers), strict=True):
        alone = tiny.residuals([row], layers)[0]
        torch.testing.assert_close(together, alone, atol=2e-4, rtol=1e-3)
    batched = tiny.generate(ids, max_new_tokens=5)
    assert batched == [tiny.generate([row], max_new_tokens=5)[0] for row in ids]


def test_one_forward_gives_every_layer_the_plain_model_has(tiny: Target, ids: list[list[int]]) -> None:
    model = tiny._host.model  # the oracle: transformers' own hidden states
    with torch.no_grad():
        plain = model(input_ids=torch.tensor(ids[:1]), output_hidden_states=True).hidden_states
    ours = tiny.residuals(ids[:1], list(range(tiny.num_layers)))[0]
    for layer in range(tiny.num_layers - 1):
        torch.testing.assert_close(ours[layer], plain[layer + 1][0], atol=1e-5, rtol=1e-4)
