"""Sites, patterns and gradients, against transformers' own code and finite differences, on every architecture."""

from pathlib import Path

import pytest
import torch

import target
from target.interventions import Patch, PatchEach, Replace, Steer
from target.target import Target
from tests.models import ARCHITECTURES, save_tiny

TEXTS = ["what is a fox?", "what is a dog?"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Target:
    folder: Path = tmp_path_factory.mktemp(request.param)
    return target.load(str(save_tiny(request.param, folder)))


@pytest.fixture
def ids(tiny: Target) -> list[list[int]]:
    return [tiny.encode(text) for text in TEXTS]


def test_the_residual_stream_is_the_sum_of_what_is_written_to_it(tiny: Target, ids: list[list[int]]) -> None:
    layers = list(range(tiny.num_layers))
    entering, attention, mlp, leaving = (
        tiny.residuals(ids, layers, site=site)[0] for site in ("input", "attention", "mlp", "residual")
    )
    torch.testing.assert_close(entering + attention + mlp, leaving, atol=1e-3, rtol=1e-3)


def test_heads_have_their_columns(tiny: Target, ids: list[list[int]]) -> None:
    heads = tiny.residuals(ids, [1], site="head")[0]
    assert heads.shape[-1] == tiny.num_heads * tiny.d_head


def test_the_neurons_are_what_the_mlp_mixes(tiny: Target, ids: list[list[int]]) -> None:
    neurons = tiny.residuals(ids[:1], [1], site="neurons")[0]
    assert neurons.shape == (1, len(ids[0]), 128 if tiny._host.config.model_type == "gpt2" else 64)
    off = [Replace(1, "neurons", torch.zeros(1))]
    constant = tiny.residuals(ids[:1], [1], off, site="mlp")[0][0]
    torch.testing.assert_close(constant, constant[:1].expand_as(constant))  # the bias, where there is one
    donor = tiny.residuals(ids[1:], [1], site="neurons")[0]
    own = tiny.residuals(ids[1:], [1], site="mlp")[0]
    patched = tiny.residuals(ids[:1], [1], [Patch(1, donor[:, -4:], site="neurons")], site="mlp")[0]
    torch.testing.assert_close(patched[:, -4:], own[:, -4:], atol=1e-4, rtol=1e-4)


def test_attention_patterns_are_distributions_over_the_past(tiny: Target, ids: list[list[int]]) -> None:
    model = tiny._host.model
    for row, pattern in zip(ids, tiny.attention(ids, [0, 2]), strict=True):
        assert pattern.shape == (2, tiny.num_heads, len(row), len(row))
        torch.testing.assert_close(pattern.sum(-1), torch.ones(pattern.shape[:3]))
        assert pattern.triu(1).abs().max() == 0
    model.set_attn_implementation("eager")
    with torch.no_grad():
        own = model(input_ids=torch.tensor(ids[:1]), output_attentions=True).attentions
    torch.testing.assert_close(tiny.attention(ids, [2])[0][0], own[2][0], atol=1e-4, rtol=1e-3)


def test_a_gradient_predicts_the_effect_of_a_small_push(tiny: Target, ids: list[list[int]]) -> None:
    def metric(logits: torch.Tensor) -> torch.Tensor:
        return logits[:, 5] - logits[:, 9]

    _, gradients, before = tiny.gradients(ids[:1], [1], metric)
    push = torch.randn(tiny.d_model, generator=torch.manual_seed(0))
    size = 1e-3
    after = [metric(tiny.next_logits(ids[:1], [Steer(1, push, sign * size)]).float()) for sign in (1, -1)]
    measured = (after[0] - after[1]) / (2 * size)
    predicted = gradients[0, 0].sum(0) @ push
    assert float(before) == pytest.approx(float(metric(tiny.next_logits(ids[:1]))), abs=1e-3)
    assert float(predicted) == pytest.approx(float(measured), rel=0.05, abs=0.02)


def test_patching_each_row_at_its_own_place_is_patching_them_one_by_one(tiny: Target, ids: list[list[int]]) -> None:
    donor = tiny.residuals(ids[1:], [1])[0][0]
    length = len(ids[0])
    from_end = torch.arange(length, 0, -1)
    together = tiny.next_logits([ids[0]] * length, [PatchEach(1, donor, from_end)])
    for place in range(length):
        own = tiny.residuals(ids[:1], [1])[0]
        own[0, place] = donor[place]
        torch.testing.assert_close(together[place], tiny.next_logits(ids[:1], [Patch(1, own)])[0], atol=1e-3, rtol=1e-3)


def test_zeroing_both_parts_of_a_layer_lets_its_input_through(tiny: Target, ids: list[list[int]]) -> None:
    off = [Replace(1, site, torch.zeros(1)) for site in ("attention", "mlp")]
    entering = tiny.residuals(ids, [1], site="input")[0]
    torch.testing.assert_close(tiny.residuals(ids, [1], off)[0], entering, atol=1e-5, rtol=1e-5)


def test_a_replacement_touches_its_rows_and_columns_alone(tiny: Target, ids: list[list[int]]) -> None:
    columns = slice(tiny.d_head, 2 * tiny.d_head)
    off = [Replace(1, "head", torch.zeros(1), columns=columns, rows=slice(1, 2))]
    plain, changed = tiny.residuals(ids, [1], site="head"), tiny.residuals(ids, [1], off, site="head")
    torch.testing.assert_close(plain[0], changed[0])
    assert changed[1][..., columns].abs().max() == 0
    torch.testing.assert_close(plain[1][..., : tiny.d_head], changed[1][..., : tiny.d_head])


def test_a_patch_acts_on_the_prompt_and_not_on_what_follows(tiny: Target, ids: list[list[int]]) -> None:
    own = tiny.residuals(ids[:1], [1])[0][:, -1:]
    same = tiny.generate(ids[:1], max_new_tokens=5, interventions=[Patch(1, own)])
    assert same == tiny.generate(ids[:1], max_new_tokens=5)
