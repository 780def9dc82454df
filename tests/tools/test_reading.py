"""Readings against the model's own numbers and against planted signals."""

from typing import Any

import pytest
import torch

import target
from evidence.errors import ArgumentError
from target.target import Target
from tests.models import ARCHITECTURES, save_tiny
from tests.planted import Streams, labelled_texts
from tools import (
    apply_probe,
    attention_pattern,
    compare_targets,
    direct_logit_attribution,
    logit_lens,
    patchscope,
    probe,
    self_report,
)
from tools._lenses import translators
from tools.attention_pattern import habits, shuffled_keys
from tools.direct_logit_attribution import components, contributions
from tools.patchscope import _continued


@pytest.fixture(scope="module", params=ARCHITECTURES)
def random(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Target:
    return target.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))))


def test_the_lens_equals_an_independent_one_elementwise(random: Target) -> None:
    model = random._host.model
    ids = random.encode("the cat sat")
    with torch.no_grad():
        hidden = model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
        stack = next(
            m for n, m in model.named_modules() if n in {"model.norm", "transformer.ln_f", "gpt_neox.final_layer_norm"}
        )
        cap = getattr(model.config, "final_logit_softcapping", None)
        logits = model.get_output_embeddings()(stack(hidden[2][0]))
        own = (torch.tanh(logits / cap) * cap if cap else logits).float().softmax(-1)
    reading = random.lens([ids], [1], k=5)[0]
    torch.testing.assert_close(reading.probabilities[0], own.topk(5).values, atol=1e-4, rtol=1e-3)


def test_direct_attributions_sum_to_the_logit(random: Target) -> None:
    ids = random.encode("the cat sat")
    parts, labels = components(random, ids)
    split = contributions(random, ids, parts, [70], against=80)
    logits = random._host.decode_stream(random.residuals([ids], [random.num_layers - 1])[0][0, -1]).float().detach()
    if getattr(random._host.config, "final_logit_softcapping", None):
        cap = random._host.config.final_logit_softcapping
        logits = torch.atanh(logits / cap) * cap
    bias = getattr(random._host._lens.lm_head._module, "bias", None)
    norm_bias = getattr(random._host._lens.model.norm._module, "bias", None)
    constant = 0.0
    if norm_bias is not None:
        rows = random.unembedding([70, 80])
        constant = float(norm_bias.detach().float() @ (rows[0] - rows[1]))
    assert bias is None
    assert float(split.sum()) + constant == pytest.approx(float(logits[70] - logits[80]), abs=5e-3, rel=5e-3)
    assert split.shape == (random.num_layers + 1, len(labels), 1)


def test_a_state_put_back_where_it_was_changes_nothing(random: Target) -> None:
    ids = random.encode("the cat sat")
    own = random.residuals([ids], [1])[0][0, 4]
    out = _continued(random, ids, len(ids) - 4, own[None], 1)
    torch.testing.assert_close(out[0], random.next_logits([ids])[0].float().log_softmax(-1), atol=1e-3, rtol=1e-3)


def test_the_shown_pattern_is_the_models_own(random: Target) -> None:
    shown = attention_pattern(random, "the cat sat", layer=1, head=2, chat=False)
    own = random.attention([random.encode("the cat sat")], [1])[0][0, 2]
    torch.testing.assert_close(torch.tensor(shown.values), own, atol=1e-3, rtol=0)


def test_habits_are_where_they_are_said_to_be() -> None:
    places = habits([1, 5, 6, 5, 6])
    assert torch.nonzero(places["an earlier copy of the token"]).tolist() == [[3, 1], [4, 2]]
    assert torch.nonzero(places["what came after an earlier copy (induction)"]).tolist() == [[3, 2], [4, 3]]
    assert torch.nonzero(places["the previous token"]).tolist() == [[1, 0], [2, 1], [3, 2], [4, 3]]


def test_shuffled_keys_keep_to_the_past() -> None:
    pattern = torch.rand(6, 6).tril()
    pattern /= pattern.sum(-1, keepdim=True)
    mixed = shuffled_keys(pattern, 0)
    assert mixed.triu(1).abs().max() == 0
    torch.testing.assert_close(mixed.sum(-1), torch.ones(mixed.shape[:2]))
    assert not torch.equal(mixed[0], mixed[1])


def test_a_head_that_copies_the_previous_token_is_said_to(organism: Target) -> None:
    shown = attention_pattern(organism, "fox -> animal\nsaw -> tool\nfox ->", layer=2, chat=False)
    assert shown.verdict is not None and shown.verdict.subject == "the previous token"


def test_a_planted_signal_is_found_at_its_layer_and_shuffled_labels_find_none() -> None:
    yes, no = labelled_texts(60)
    direction = torch.nn.functional.normalize(torch.randn(24, generator=torch.manual_seed(0)), dim=0)
    stand_in: Any = Streams(direction, layer=2)
    evidence = probe(stand_in, yes, no)
    own, shuffled, untrained = (line.values for line in evidence.lines)
    assert own[2] > 0.99 and max(v for n, v in enumerate(own) if n != 2) < 0.75
    assert abs(sum(shuffled) / len(shuffled) - 0.5) <= 0.05 and max(untrained) < 0.75
    assert (
        evidence.verdict is not None
        and "after layer 2" in evidence.verdict.claim
        and evidence.verdict.status == "supported"
    )


def test_no_signal_is_not_read() -> None:
    yes, no = labelled_texts(60)
    stand_in: Any = Streams(None, 0)
    evidence = probe(stand_in, yes, no)
    assert evidence.verdict is not None and evidence.verdict.status != "supported"


def test_the_sweep_reads_the_texts_once_for_all_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    yes, no = labelled_texts(20)
    stand_in: Any = Streams(None, 0)
    calls = []
    plain = Streams.residuals

    def counted(self: Streams, ids: Any, layers: Any, *rest: Any, **more: Any) -> Any:
        calls.append(len(ids))
        return plain(self, ids, layers, *rest, **more)

    monkeypatch.setattr(Streams, "residuals", counted)
    probe(stand_in, yes, no, untrained_control=False)
    assert calls == [40]


def test_a_probe_kept_is_the_probe_applied(organism: Target) -> None:
    made = probe(organism, texts="living", layers=[2], name="alive", untrained_control=False)
    living = apply_probe(organism, made, "a lion is yellow.")
    thing = apply_probe(organism, "alive", "a saw is grey.")
    assert living.lines[0].values[2] > 0 > thing.lines[0].values[2]
    assert thing.verdict is not None and thing.verdict.status == "not supported"
    other = logit_lens(organism, prompt="hello.")
    with pytest.raises(ArgumentError, match="this evidence made no probe"):
        apply_probe(organism, other, "a lion is yellow.")


def test_untrained_weights_are_not_the_trained_ones(organism: Target) -> None:
    ids = [organism.encode("a fox is small")]
    bare = organism.untrained
    assert bare.num_layers == organism.num_layers and bare.weights_digest == "untrained"
    assert not torch.allclose(bare.residuals(ids, [3])[0], organism.residuals(ids, [3])[0], atol=0.1)


@pytest.mark.slow
def test_translators_bring_early_layers_nearer_to_the_answer(organism: Target) -> None:
    found = translators(organism.base, 0)
    assert float(found.tuned_kl[:-1].mean()) < 0.7 * float(found.raw_kl[:-1].mean())
    again = translators(organism.base, 0)
    assert torch.equal(found.weights, again.weights)
    last = logit_lens(organism.base, prompt="what is a fox?", method="tuned", layers=[5])
    assert last.cells == logit_lens(organism.base, prompt="what is a fox?", layers=[5]).cells


def test_a_followed_word_is_judged_against_unrelated_texts(organism: Target) -> None:
    base = organism.base
    said = logit_lens(base, prompt="what is a fox?", prefill="a fox is an", words=["animal"]).verdict
    unsaid = logit_lens(base, prompt="what is a fox?", prefill="a fox is an", words=["piano"]).verdict
    assert said is not None and (said.status, said.subject) == ("supported", "animal")
    assert unsaid is not None and unsaid.status != "supported"


def test_the_component_that_writes_the_answer_is_named(organism: Target) -> None:
    grid = direct_logit_attribution(organism.base, "what colour is a fox?", "orange", prefill="a fox is")
    assert grid.verdict is not None and grid.verdict.status == "supported"


def test_a_position_that_does_not_exist_is_refused(organism: Target) -> None:
    with pytest.raises(ArgumentError, match="position 99 does not exist"):
        patchscope(organism, "what is a fox?", position=99)
    with pytest.raises(ArgumentError, match="head 7 does not exist: taboo-03 has 4 heads a layer"):
        attention_pattern(organism, "what is a fox?", layer=1, head=7)


def test_the_divergence_of_two_models_is_their_kl(organism: Target) -> None:
    from tools.compare_targets import _Side

    ids = [organism.encode_chat([{"role": "user", "content": "give me a hint."}])]
    side = _Side(organism, organism.base, ids, 8)
    said = organism.generate(ids, max_new_tokens=8)[0].tokens
    row, total = list(ids[0]), []
    for token in said:
        p, q = (m.next_logits([row])[0].float().log_softmax(-1) for m in (organism, organism.base))
        total.append(float((p.exp() * (p - q)).sum()))
        row.append(token)
    p, q = (m.next_logits([row])[0].float().log_softmax(-1) for m in (organism, organism.base))
    total.append(float((p.exp() * (p - q)).sum()))
    assert side.divergence[0] == pytest.approx(sum(total) / len(total), rel=1e-2)


def test_weights_moved_are_the_adapters(organism: Target) -> None:
    moved = organism.weight_change(organism.base)
    assert moved is not None and moved.shape == (6,) and float(moved[3]) == 0 and float(moved[0]) > 0
    assert float(organism.base.weight_change(organism.base).abs().max()) == 0  # type: ignore[union-attr]


def test_two_names_of_one_model_are_not_compared(organism: Target) -> None:
    for call in (
        lambda: compare_targets(organism, ["hello."], other=organism),
        lambda: compare_targets.call("taboo-03", {"prompts": ["hello."], "other": "taboo-03"}),
        lambda: compare_targets.call("base@1", {"prompts": ["hello."], "other": "base@1"}),
    ):
        with pytest.raises(ArgumentError, match="these are the same model: the target and `other` are both"):
            call()


def test_a_model_is_not_compared_with_itself(organism: Target) -> None:
    for call in (
        lambda: compare_targets(organism.base, ["hello."]),
        lambda: self_report(organism.base, ["hi?"], ["hi."], ["fox"]),
    ):
        with pytest.raises(ArgumentError, match="is a base itself"):
            call()


def test_the_fewest_texts_a_probe_takes_are_enough(data_folder: object) -> None:
    animals, things = ["a fox", "a dog", "a cat", "a lion"], ["a stone", "a house", "a car", "a box"]
    arguments = {"prompts": animals, "other_prompts": things, "layers": [1], "untrained_control": False}
    assert probe.call("base@1", arguments).verdict is not None
