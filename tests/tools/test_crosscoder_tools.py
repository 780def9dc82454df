"""A crosscoder that is perfect by construction reproduces what it must; wrong dictionaries and targets are refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

import target
from evidence import Contrast, Table, Verdict
from evidence.errors import ArgumentError, ToolError
from target.spec import dictionaries
from target.target import Target
from tests.models import save_lora, save_qwen
from tests.tools import handmade
from tools import TOOLS, crosscoder_diff, crosscoder_patch
from tools._crosscoder import Measured, Text, answered, divergences, measured, other_model
from tools._dictionary import Dictionary
from tools._dictionary_formats import load, load_crosscoder, load_single
from tools._dictionary_quality import measure
from tools._dictionary_readers import read_folder
from tools._dictionary_streams import models_of
from tools._latent_scaling import Scaling, kinds
from tools._measure import LEAST_KL
from tools.crosscoder_diff import _verdict as _diff_verdict
from tools.crosscoder_patch import NEAREST, _chosen, _verdict, as_set, random_sets

LAYER = 1
PROMPTS = ["hello there, who are you?", "a fox", "count to ten, please", "yes"]


@dataclass
class Pair:
    """A tiny base, a fine-tune that differs from it after one layer by one direction, and both as plain models."""

    base: Target
    tuned: Target
    crosscoder: Dictionary
    plain: dict[str, Any]

    @property
    def own(self) -> list[int]:
        """The features of the difference."""
        return [self.crosscoder.d_sae - 2, self.crosscoder.d_sae - 1]

    def texts(self) -> list[Text]:
        ids = [self.tuned.encode_chat([{"role": "user", "content": text}]) for text in PROMPTS]
        found = answered(self.tuned, ids, 6)
        assert len({len(one.ids) for one in found}) > 2, "texts of one length test no padding"
        return found


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    base = save_qwen(folder / "base")
    lora = save_lora(base, folder / "tuned", layers_to_transform=[LAYER], lora_alpha=400)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    tuned = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), lora).eval()
    (direction,) = [value[:, 0] for name, value in tuned.named_parameters() if "lora_B" in name]
    models = [target.load(str(base)), target.load(str(lora))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIEUTIC_HOME", str(folder / "home"))
        for tool in (crosscoder_diff, crosscoder_patch):
            patch.setitem(tool.function.__globals__, "TOKENS", 3000)
        made = handmade.side_by_side("pair", *models, LAYER, direction.detach())
        handmade.keep(made)
        handmade.keep(handmade.exact("single", models[1], LAYER))
        yield Pair(*models, made, {"base": plain, "tuned": tuned})


@pytest.fixture(autouse=True)
def data_folder(pair: Pair) -> None:
    """That of the module."""


def run_on(pair: Pair, text: Text, patch: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> float:
    """The divergence of one text with the tuned model's stream patched, by hooks on the plain models.

    `patch` makes the new stream of the tuned model's and the base's, each (position, d_model).
    """
    ids, answer = torch.tensor([text.ids]), slice(text.start - 1, -1)
    with torch.no_grad():
        own, theirs = (
            pair.plain[name](ids, output_hidden_states=True).hidden_states[LAYER + 1][0] for name in ("tuned", "base")
        )
        layer = pair.plain["tuned"].base_model.model.model.layers[LAYER]
        plain = pair.plain["tuned"](ids).logits[0, answer].log_softmax(-1)
        stream = torch.cat([own[:1], patch(own, theirs)[1:]])
        hook = layer.register_forward_hook(lambda *_: stream[None])
        changed = pair.plain["tuned"](ids).logits[0, answer].log_softmax(-1)
        hook.remove()
    return float((plain.exp() * (plain - changed)).sum(-1).mean())


def test_every_feature_of_a_perfect_crosscoder_gives_the_targets_own_next_tokens(pair: Pair) -> None:
    sets = [as_set(pair.crosscoder, which) for which in ([], pair.own, range(pair.crosscoder.d_sae))]
    nothing, own, everything = divergences(pair.crosscoder, pair.tuned, pair.texts(), sets)
    assert float(nothing.min()) > 0.01, "the two models agree already"
    assert float(own.abs().max()) < 1e-4 and float(everything.abs().max()) < 1e-4


def test_no_feature_is_running_on_from_the_other_models_stream(pair: Pair) -> None:
    texts = pair.texts()
    (nothing,) = divergences(pair.crosscoder, pair.tuned, texts, [as_set(pair.crosscoder, [])])
    expected = [run_on(pair, text, lambda own, theirs: theirs) for text in texts]
    assert nothing.tolist() == pytest.approx(expected, rel=1e-3)


def test_one_feature_adds_its_difference_where_it_fires(pair: Pair) -> None:
    first = pair.own[0]
    direction = pair.crosscoder.atoms[first]
    texts = pair.texts()

    def patch(own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        return theirs + ((own - theirs) @ direction).relu()[:, None] * direction

    (found,) = divergences(pair.crosscoder, pair.tuned, texts, [as_set(pair.crosscoder, [first])])
    assert found.tolist() == pytest.approx([run_on(pair, text, patch) for text in texts], rel=1e-3, abs=1e-6)


def test_what_the_models_share_changes_nothing(pair: Pair) -> None:
    sets = [as_set(pair.crosscoder, which) for which in ([], range(pair.crosscoder.d_sae - 2))]
    nothing, shared = divergences(pair.crosscoder, pair.tuned, pair.texts(), sets)
    torch.testing.assert_close(shared, nothing, rtol=1e-3, atol=1e-6)


def test_it_can_be_asked_from_the_other_side_and_after_the_last_layer(pair: Pair) -> None:
    turned = replace(pair.crosscoder, source=0)
    sets = [as_set(turned, which) for which in ([], range(turned.d_sae))]
    nothing, everything = divergences(turned, pair.base, pair.texts(), sets)
    assert float(nothing.min()) > 0.001 and float(everything.abs().max()) < 1e-4
    last = handmade.by_hand(  # each model by features of its own
        "last",
        pair.tuned.num_layers - 1,
        torch.cat([torch.eye(2 * pair.tuned.d_model), -torch.eye(2 * pair.tuned.d_model)], 1),
        torch.cat([torch.eye(2 * pair.tuned.d_model), -torch.eye(2 * pair.tuned.d_model)]),
        sources=pair.crosscoder.sources,
        source=1,
    )
    nothing, everything = divergences(
        last, pair.tuned, pair.texts(), [as_set(last, []), as_set(last, range(last.d_sae))]
    )
    assert float(nothing.min()) > 0.01 and float(everything.abs().max()) < 1e-4


def test_only_the_first_tokens_can_be_measured(pair: Pair) -> None:
    sets, texts = [as_set(pair.crosscoder, [])], pair.texts()
    short = [Text(one.ids[: one.start + 2], one.start) for one in texts]
    first = divergences(pair.crosscoder, pair.tuned, texts, sets, first=2)
    torch.testing.assert_close(first, divergences(pair.crosscoder, pair.tuned, short, sets), rtol=1e-3, atol=1e-6)


def test_random_sets_are_as_large_and_as_frequent_and_of_other_features() -> None:
    generator = torch.Generator().manual_seed(0)
    active = (10 ** (4 * torch.rand(300, generator=generator))).long()
    own = torch.zeros(300)
    own[torch.randperm(300, generator=generator)[:30]] = 1
    active[:20] = 0
    sets = random_sets(own, active, 12, seed=3)
    assert len(sets) == 12 and len({tuple(one.tolist()) for one in sets}) == 12
    for one in sets:
        assert one.sum() == own.sum() and not (one * own).any() and (active[one > 0] > 0).all()
        counts = [active[some > 0].clamp(min=1).log().sort().values for some in (own, one)]
        assert float((counts[0] - counts[1]).abs().mean()) < 1.0, "they fire more or less often"
    frequent = (active * (own == 0)).argsort(descending=True)[:60]
    rare = torch.zeros(300)
    rare[frequent[:20]] = 1
    matched = random_sets(rare, active, 8, seed=0)
    usual = active[active > 0].float().log().mean()
    assert all(float(active[one > 0].float().log().mean()) > float(usual) + 1 for one in matched)
    again = random_sets(own, active, 12, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(sets, again, strict=True))


def test_too_few_other_features_to_draw_from_is_one_sentence() -> None:
    with pytest.raises(ToolError, match="only 20 other features fire: choose fewer than 10 to test"):
        random_sets(torch.arange(30).lt(10).float(), torch.ones(30).long(), 8, 0)


def test_a_feature_that_does_not_exist_is_one_sentence(pair: Pair) -> None:
    with pytest.raises(ArgumentError, match=r"feature 66 does not exist: pair has 66 features, 0\.\.65"):
        crosscoder_patch.call(pair.tuned, {"dictionary": "pair", "features": [3, 66]})


def test_the_planted_difference_is_what_the_target_has_of_its_own(pair: Pair) -> None:
    table = crosscoder_diff.call(pair.tuned, {"dictionary": "pair"})
    assert isinstance(table, Table) and table.verdict and table.verdict.status == "supported"
    assert {row[0] for row in table.rows if row[1] == "specific"} == {f"feature {n}" for n in pair.own}
    assert table.rows[0][2:4] == (1.0, 0.0) and table.highlights == (0, 1)
    assert all(row[1:3] == ("shared", 0.5) and row[3] == pytest.approx(1, abs=1e-3) for row in table.rows[2:])
    assert "2 features are" in table.verdict.reason and "0.000 of the variance" in table.verdict.reason


def test_from_the_other_side_nothing_is_its_own(pair: Pair) -> None:
    table = crosscoder_diff.call(pair.base, {"dictionary": "pair"})
    assert table.verdict and table.verdict.status == "not supported"
    assert all(row[1] == "shared" for row in table.rows)
    assert len({row[0] for row in table.rows}) == len(table.rows), "a feature is shown twice"


def test_too_little_text_to_tell_is_one_sentence(pair: Pair) -> None:
    with pytest.raises(ToolError, match="no feature of pair fires often enough on 4 tokens: give more text"):
        crosscoder_diff.call(pair.tuned, {"dictionary": "pair", "prompts": ["fox", "yes"]})
    with pytest.raises(ArgumentError, match="text 2 has fewer than two tokens: a dictionary leaves out the first"):
        crosscoder_diff.call(pair.tuned, {"dictionary": "pair", "prompts": ["a fox", "x"]})


def test_the_planted_difference_makes_the_answers(pair: Pair) -> None:
    asked = {"dictionary": "pair", "prompts": PROMPTS, "max_new_tokens": 6, "draws": 120}
    found = crosscoder_patch.call(pair.tuned, asked)
    assert isinstance(found, Contrast) and found.verdict and found.verdict.status == "supported"
    assert "2 features that are its own after latent scaling" in found.title
    plain, own, everything, others = found.arms
    assert plain.value > 0.01 and own.value == everything.value == 0
    assert others.value == pytest.approx(plain.value, rel=1e-2) and others.role == "control"


def test_features_that_do_nothing_are_not_supported_and_named_once(pair: Pair) -> None:
    found = crosscoder_patch.call(pair.tuned, {"dictionary": "pair", "features": [4, 4, 5], "max_new_tokens": 4})
    assert found.verdict and found.verdict.status == "not supported"
    assert found.title.endswith("2 features that were named")


def test_where_no_feature_is_its_own_those_nearest_leave_as_many_to_compare_with() -> None:
    of: Any = SimpleNamespace(
        name="all alike", d_sae=40, source=1, W_dec=torch.ones(40, 8), by_source=lambda x: x.unflatten(-1, (2, 4))
    )
    scaling = Scaling(torch.linspace(0.5, 1, 40), torch.linspace(0.5, 1, 40), torch.full((40,), 99), 999)
    chosen, which = _chosen(of, scaling, [], None)
    assert chosen == list(range(14)) and which.startswith("the 14 of 40 features that are most its own")
    assert len(chosen) + NEAREST <= 40 - len(chosen), "no random set can be drawn beside it"
    assert _chosen(of, scaling, [], 3)[0] == [0, 1, 2]
    rare = Scaling(torch.full((40,), float("nan")), torch.full((40,), float("nan")), torch.ones(40).long(), 9)
    with pytest.raises(ToolError, match="no feature of all alike fires often enough to be told whose it is"):
        _chosen(of, rare, [], None)


def test_models_that_agree_already_decide_nothing() -> None:
    found = _verdict("tuned", "base", 0.002, [0.001] + [0.0] * 9)
    assert found.status == "inconclusive" and "give prompts on which they differ" in found.reason


def test_fewer_than_three_answers_are_one_sentence(pair: Pair) -> None:
    with pytest.raises(ToolError, match=r"answers only \d of these prompts: give at least three it answers"):
        crosscoder_patch.call(pair.tuned, {"dictionary": "pair", "prompts": PROMPTS[:2]})


@pytest.mark.parametrize("tool", ["crosscoder_diff", "crosscoder_patch"])
def test_a_dictionary_of_one_model_is_refused(pair: Pair, tool: str) -> None:
    with pytest.raises(ArgumentError, match=r"^single reads one model: name a crosscoder, such as one"):
        TOOLS[tool].call(pair.tuned, {"dictionary": "single"})


ONE_MODEL: dict[str, dict[str, Any]] = {
    "sae_ablate": {"feature": 3, "prompts": ["hello."]},
    "sparse_probe": {"texts": "living"},
    "erase_concept": {"texts": "living"},
    "prefix_view": {},
    "elicit_secret": {},
}


@pytest.mark.parametrize("tool", ONE_MODEL)
def test_a_crosscoder_is_refused_where_one_model_is_read(pair: Pair, tool: str) -> None:
    with pytest.raises(
        ArgumentError, match=r"^pair is a crosscoder, which reads two models at once: here name a"
    ) as found:
        TOOLS[tool].call(pair.tuned, ONE_MODEL[tool] | {"dictionary": "pair"})
    assert "\n" not in str(found.value)


def test_a_crosscoder_is_taken_where_it_makes_sense(pair: Pair) -> None:
    table = TOOLS["sae_lookup"].call(pair.tuned, {"dictionary": "pair", "feature": pair.own[0]})
    norms = [row[1] for row in table.rows if str(row[0]).startswith("decoder norm")]
    assert norms == [0.0, 1.0]
    prompts = ["a fox is here.", "an owl is there."]
    heat = TOOLS["sae_features"].call(pair.tuned, {"dictionary": "pair", "prompts": prompts})
    own = pair.tuned.residuals([pair.tuned.encode(prompts[0])], [LAYER])[0][0, 1:]
    theirs = pair.base.residuals([pair.tuned.encode(prompts[0])], [LAYER])[0][0, 1:]
    features = pair.crosscoder.encode(torch.cat([theirs, own], 1))
    for name, values in zip(heat.rows, heat.values, strict=True):
        assert values == pytest.approx(features[:, int(name.split()[1])].tolist(), abs=1e-3)


def test_a_crosscoder_feature_steers_along_its_row_in_the_target(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    steered: list[torch.Tensor] = []
    function = TOOLS["sae_steer"].function
    monkeypatch.setitem(function.__globals__, "steered", lambda target, vector, *_: steered.append(vector))
    for model, expected in ((pair.tuned, pair.crosscoder.W_dec[-2, 32:]), (pair.base, torch.zeros(32))):
        function(model, pair.own[0], ["hello."], dictionary="pair", words=["a"])
        torch.testing.assert_close(steered.pop(), expected)


def test_a_target_that_is_none_of_its_models_is_refused(pair: Pair, tmp_path: Path) -> None:
    stranger = target.load(str(save_qwen(tmp_path / "stranger", seed=7)))
    with pytest.raises(ArgumentError, match=r"^pair is a crosscoder of \S+ and \S+: .* is neither, ask one of them$"):
        crosscoder_diff.call(stranger, {"dictionary": "pair"})


def test_the_targets_place_is_found_and_the_other_stands_beside_it(pair: Pair) -> None:
    for place, model in enumerate((pair.base, pair.tuned)):
        found = load("pair", model)
        assert found.source == place and models_of(found, model) == [pair.base, pair.tuned]
        assert other_model(found, model) == (pair.tuned, pair.base)[place]
    assert models_of(load_single("single", pair.tuned), pair.tuned) == [pair.tuned]


def test_another_model_under_the_others_name_is_refused(pair: Pair) -> None:
    sources = (pair.crosscoder.sources[0]._replace(weights="0" * 12), pair.crosscoder.sources[1])
    handmade.keep(replace(pair.crosscoder, name="stale", sources=sources))
    with pytest.raises(ArgumentError, match="has other weights than when stale was trained: train a crosscoder anew"):
        crosscoder_diff.call(pair.tuned, {"dictionary": "stale"})


@pytest.mark.slow
def test_a_small_trained_one_gives_a_table_with_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIEUTIC_HOME", str(tmp_path))
    made = {"architecture": "crosscoder", "tokens": 4000, "steps": 50, "d_sae": 128, "name": "small"}
    TOOLS["train_dictionary"].call("em-03", made)
    table = crosscoder_diff.call("em-03", {"dictionary": "small"})
    assert isinstance(table, Table) and table.verdict and table.verdict.claim == "em-03 has features that base@1 lacks"
    assert table.rows and all("»" in str(row[-1]) for row in table.rows)
    patched = crosscoder_patch.call("em-03", {"dictionary": "small", "k": 20, "draws": 8, "max_new_tokens": 4})
    assert isinstance(patched, Contrast) and patched.verdict and len(patched.arms) == 4


def test_what_is_read_back_is_of_the_model_that_is_written_last() -> None:
    """Else what a training reports of a crosscoder would be of the target beside itself."""
    read = load("base@1-crosscoder-em-03-layer3", target.load("em-03"))
    assert read_folder(dictionaries()["base@1-crosscoder-em-03-layer3"].path, "x").source == read.source == 1
    assert [one.name for one in models_of(read, target.load("em-03"))] == ["base@1", "em-03"]


def judged(norms: list[float], choosing: list[float], judging: list[float]) -> Verdict:
    """What is said of latents with these decoder norms and ratios on the two halves of the texts."""
    halves = [
        Scaling(torch.tensor(nu), torch.tensor(nu), torch.full((len(nu),), 99), 999) for nu in (choosing, judging)
    ]
    kind = kinds(torch.tensor(norms), halves[0])
    return _diff_verdict("tuned", "base", torch.tensor(norms), kind, Measured(halves[0], (halves[0], halves[1]), 0.1))


def test_features_are_judged_on_texts_on_which_they_were_not_chosen() -> None:
    norms, low, same = [1.0] * 12 + [0.5] * 12, [0.01 * n for n in range(12)], [1 + 0.01 * n for n in range(12)]
    assert judged(norms, low + same, low + same).status == "supported"
    assert judged(norms, low + same, same + same).status == "not supported"


def test_features_that_only_come_nearest_support_nothing() -> None:
    norms, low, same = [0.7] * 8 + [0.5] * 12, [0.01 * n for n in range(8)], [1 + 0.01 * n for n in range(12)]
    found = judged(norms, low + same, low + same)
    assert found.status == "not supported" and "less than what counts as an effect" in found.reason


def test_what_fires_most_stands_first(pair: Pair) -> None:
    table = crosscoder_diff.call(pair.tuned, {"dictionary": "pair"})
    own, shared = ([row[5] for row in some] for some in (table.rows[:2], table.rows[2:]))
    assert own == sorted(own, reverse=True) and own[0] != own[1]
    assert shared == sorted(shared, reverse=True)


def test_the_halves_are_every_other_text_and_together_all(pair: Pair) -> None:
    found = measured(pair.crosscoder, pair.tuned, [[5, 6, 7], [5, 6, 7, 8, 9, 10], [7, 8], [9, 8, 7, 6, 5]])
    assert [half.seen for half in found.halves] == [2 + 1, 5 + 4] and found.scaling.seen == 12


def test_a_crosscoder_that_explains_little_is_not_interpreted(pair: Pair) -> None:
    empty = replace(pair.crosscoder, W_dec=torch.zeros_like(pair.crosscoder.W_dec))
    with pytest.raises(ToolError, match=r"pair leaves \d\.\d\d of the variance of .* unexplained"):
        measured(empty, pair.tuned, [pair.tuned.encode(text) for text in PROMPTS])


def test_of_the_targets_own_the_most_frequent_are_taken() -> None:
    W_dec = torch.cat([torch.zeros(40, 4), torch.ones(40, 4)], 1)
    of: Any = SimpleNamespace(name="own", d_sae=40, source=1, W_dec=W_dec, by_source=lambda x: x.unflatten(-1, (2, 4)))
    scaling = Scaling(torch.zeros(40), torch.zeros(40), torch.arange(60, 100), 999)
    assert _chosen(of, scaling, [], 3) == ([39, 38, 37], "3 features that are its own after latent scaling")
    assert _chosen(of, scaling, [], None)[0] == list(range(39, -1, -1))


def test_a_difference_too_small_to_matter_supports_nothing() -> None:
    found = _verdict("tuned", "base", 10 * LEAST_KL, [LEAST_KL / 2, LEAST_KL] + [LEAST_KL * n / 1e4 for n in range(9)])
    assert found.status == "not supported" and "less than what counts as an effect" in found.reason


def test_what_is_asked_of_a_patch_reaches_its_measurement(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, seen = crosscoder_patch.function.__globals__, dict[str, tuple[Any, ...]]()

    def noting(name: str) -> Callable[..., Any]:
        usual = parts[name]

        def noted(*given: Any, **more: Any) -> Any:
            seen[name] = given
            return usual(*given, **more)

        return noted

    for name in ("rows", "answered", "random_sets", "given_or_own"):
        monkeypatch.setitem(parts, name, noting(name))
    asked = {"dictionary": "pair", "features": [4], "prompts": PROMPTS, "max_new_tokens": 5, "draws": 9, "seed": 7}
    crosscoder_patch.call(pair.tuned, asked)
    assert seen["rows"][1] == PROMPTS and seen["answered"][2] == 5
    assert seen["random_sets"][2:] == (9, 7) and seen["given_or_own"][3] == 7


def test_another_adapter_under_the_others_name_is_refused(pair: Pair) -> None:
    sources = (pair.crosscoder.sources[0], pair.crosscoder.sources[1]._replace(adapter="0" * 12))
    of = replace(pair.crosscoder, name="stale", sources=sources, source=0)
    with pytest.raises(ArgumentError, match="has other weights than when stale was trained: train a crosscoder anew"):
        models_of(of, pair.base)


def test_the_quality_of_a_crosscoder_is_that_of_the_targets_part(pair: Pair) -> None:
    rows = [pair.tuned.encode(text) for text in PROMPTS]
    for source, model in enumerate((pair.base, pair.tuned)):
        found = measure(replace(pair.crosscoder, source=source), model, rows)
        assert found.spliced == pytest.approx(found.cross_entropy, abs=1e-4) and found.recovered > 0.99


def test_each_half_of_the_texts_counts_its_own_positions(pair: Pair) -> None:
    seen = measured(load_crosscoder("pair", pair.tuned), pair.tuned, [[1, 2, 3, 4, 5]] * 6)
    halves = [half.active for half in seen.halves]
    assert torch.equal(halves[0] + halves[1], seen.scaling.active) and int(halves[0].sum()) > 0
