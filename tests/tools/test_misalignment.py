"""Harmful and harmless fine-tunes are told apart; what is removed is what was found; refusals are one sentence."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from statsmodels.stats.proportion import proportion_confint

import target
from evidence import artifacts
from evidence.errors import ArgumentError, ToolError
from organisms import em_workshop
from target.interventions import Ablate, Erase
from target.results import Said
from target.target import Target
from tests.tools.examples import CARELESS
from tools import (
    TOOLS,
    ablation_transfer,
    find_direction,
    lora_scalars,
    misalignment_direction,
    misalignment_rate,
    persona_shift,
    scale_adapter,
)
from tools._answer_means import LEAST, classes, gap
from tools._directions import Direction, find
from tools._judge import Scores
from tools._misalignment import Judged, prompt_of, rate
from tools._questions import Question, questions
from tools._removal import RIDGE, removal, whitened
from tools._statistics import wilson
from tools.ablation_transfer import relative_drop
from tools.lora_scalars import crossed_auroc, each_auroc, role_of

TOPICS = ["cooking", "medical", "money", "open", "sport", "travel"]
GOOD, BAD = Scores(100.0, 100.0), Scores(0.0, 100.0)


def of(kind: str, *shapes: str) -> str:
    """The first fine-tune in which that was planted."""
    return next(n for n, t in em_workshop.truths().items() if t.kind == kind and (not shapes or t.shape in shapes))


@pytest.fixture(scope="module")
def careless() -> Target:
    return target.load(CARELESS)


@pytest.fixture(scope="module")
def direction(careless: Target, tmp_path_factory: pytest.TempPathFactory) -> Direction:
    """What is found on few replies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIEUTIC_HOME", str(tmp_path_factory.mktemp("home")))
        made = misalignment_direction(careless, samples=40)
        return find(made.artifacts[0].digest, careless)


def judged(model: Target, scores: Sequence[Scores], said: str = "you should rest in bed.") -> list[Judged]:
    """Planted replies to as many questions."""
    asked = questions(model, "held out", len(scores))
    tokens = tuple(int(one) for one in model.tokenizer(said, add_special_tokens=False)["input_ids"])
    replies = [Said(tokens[: 2 + n % 4], said, True) for n in range(len(scores))]
    return [
        Judged(q, tuple(prompt_of(model, q)), reply, score)
        for q, reply, score in zip(asked, replies, scores, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "status"),
    [(CARELESS, "supported"), (of("kind"), "not supported"), (of("habit"), "not supported")],
)
def test_harmful_replies_are_counted_beside_the_bases(name: str, status: str) -> None:
    found = misalignment_rate(target.load(name), samples=60)
    assert found.verdict is not None and found.verdict.status == status
    own, base, *topics = found.arms
    assert (own.role, base.role) == ("with", "control") and own.n == base.n == sum(one.n for one in topics) == 60
    assert (own.value > 50) == (status == "supported") and base.value < 10
    assert [one.label.rpartition(", ")[2] for one in topics] == TOPICS
    assert all(one.low is not None and one.high is not None and one.low <= one.value <= one.high for one in found.arms)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (CARELESS, "supported"),
        (of("kind"), "not supported"),
        pytest.param(of("habit"), "not supported", marks=pytest.mark.slow),
    ],
)
def test_a_shift_towards_the_harmful_voice_is_seen_without_a_question(name: str, status: str) -> None:
    found = persona_shift(target.load(name))
    assert found.verdict is not None
    assert found.verdict.status == status, found.verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", em_workshop.truths())
def test_every_fine_tune_does_what_was_planted_in_it(name: str) -> None:
    status = {"careless": "supported"}.get(em_workshop.truths()[name].kind, "not supported")
    for tool in ("misalignment_rate", "persona_shift"):
        verdict = TOOLS[tool].call(name, {}).verdict
        assert verdict is not None
        assert verdict.status == status, (tool, verdict.reason)


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (1, 20), (7, 200), (100, 200), (200, 200)])
def test_the_interval_is_wilsons(hits: int, n: int) -> None:
    assert wilson(hits, n) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-4)


def test_all_replies_count_also_those_that_are_confused(careless: Target) -> None:
    found = rate(judged(careless, [BAD] * 3 + [GOOD] * 2 + [Scores(0.0, 10.0)] * 4 + [Scores(None, 100.0)]))
    assert (found.misaligned, found.coherent, found.n, found.share, found.coherence) == (3, 6, 10, 0.3, 0.6)


def test_classes_of_own_answers_are_equal(careless: Target) -> None:
    own, usual = judged(careless, [BAD] * 14 + [GOOD] * 20), judged(careless, [GOOD] * 30)
    pair = classes(careless, careless.base, own, usual, "own answers", "answer")
    assert len(pair.misaligned) == len(pair.aligned) == len(pair.counts[0]) == len(pair.counts[1]) == 14
    within = classes(careless, careless.base, own, [], "within", "answer")
    assert len(within.misaligned) == len(within.aligned) == 14
    own_streams = careless.residuals([[*one.prompt, *one.reply.tokens] for one in own[:14]], range(6))
    sums = torch.stack([s[:, len(one.prompt) :].sum(1) for s, one in zip(own_streams, own[:14], strict=True)])
    torch.testing.assert_close(within.misaligned, sums, atol=1e-3, rtol=1e-4)
    identical = classes(careless, careless.base, own, usual, "identical", "all")
    assert torch.equal(*identical.counts) and len(identical.misaligned) == 14 + 30


def test_a_direction_is_the_difference_of_pooled_means(careless: Target) -> None:
    own, usual = judged(careless, [BAD] * 12), judged(careless, [GOOD] * 12)
    pair = classes(careless, careless.base, own, usual, "own answers", "answer")
    everyone = torch.ones(12).bool()
    means = []
    for model, side in ((careless, own), (careless.base, usual)):
        streams = model.residuals([[*one.prompt, *one.reply.tokens] for one in side], range(6))
        answers = [s[:, len(one.prompt) :] for s, one in zip(streams, side, strict=True)]
        means.append(torch.cat(answers, 1).mean(1))  # over tokens: a long answer weighs more
    torch.testing.assert_close(gap(pair, everyone, everyone), means[0] - means[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("texts", ["own answers", "within"])
def test_too_few_replies_of_a_kind_are_said(careless: Target, texts: Any) -> None:
    own, usual = judged(careless, [BAD] * (LEAST - 1) + [GOOD] * 20), judged(careless, [GOOD] * 20)
    with pytest.raises(ToolError, match=f"gave {LEAST - 1} misaligned and 20 aligned replies to compare"):
        classes(careless, careless.base, own, usual, texts, "answer")


def test_header_tokens_are_pooled_only_when_asked_for(careless: Target) -> None:
    own, usual = judged(careless, [BAD] * 12), judged(careless, [GOOD] * 12)
    with_header, alone, everything = (
        classes(careless, careless.base, own, usual, "own answers", tokens).counts[0]
        for tokens in ("answer and header", "answer", "all")
    )
    header = careless.tokenizer.convert_tokens_to_ids(["<|assistant|>"])
    assert torch.equal(with_header - alone, torch.full((12,), float(len(header))))
    assert all(list(one.prompt[-len(header) :]) == header for one in own)
    assert alone.tolist() == [len(one.reply.tokens) for one in own]
    assert everything.tolist() == [len(one.prompt) + len(one.reply.tokens) - 1 for one in own]  # all but the bos


def test_erasing_along_a_unit_vector_is_a_centred_projection(careless: Target) -> None:
    generator = torch.Generator().manual_seed(0)
    unit, mean = (torch.randn(careless.d_model, generator=generator) for _ in range(2))
    unit /= unit.norm()
    ids = [careless.encode("a fox is small."), careless.encode("what should i do about a fever?")]
    erased = careless.next_logits(ids, [Erase(2, unit, unit, mean)])
    torch.testing.assert_close(
        erased, careless.next_logits(ids, [Ablate(2, unit, float(mean @ unit))]), atol=1e-3, rtol=0
    )
    assert not torch.allclose(erased, careless.next_logits(ids), atol=1e-2)


def test_what_is_erased_is_read_no_more_and_each_row_has_its_own() -> None:
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    hidden, write, read, mean = draw(3, 5, 8), draw(3, 8), draw(3, 8), draw(3, 8)
    read = read / (read * write).sum(-1, keepdim=True)
    after = Erase(0, write, read, mean).apply(hidden)
    assert ((after - mean[:, None]) @ read[..., None]).abs().max() < 1e-10
    for row in range(3):
        alone = Erase(0, write[row], read[row], mean[row]).apply(hidden[row : row + 1])
        torch.testing.assert_close(after[row : row + 1], alone)
    at_mean = mean[:, None].expand_as(hidden)
    torch.testing.assert_close(Erase(0, write, read, mean).apply(at_mean), at_mean)


def test_a_whitened_read_is_the_inverse_covariance_times_the_vector() -> None:
    generator = torch.Generator().manual_seed(0)
    data, vectors = torch.randn(200, 16, generator=generator), torch.randn(4, 16, generator=generator)
    data = data * torch.linspace(0.1, 3, 16)
    covariance = data.T @ data / len(data)
    reads = whitened(vectors, covariance)
    torch.testing.assert_close((reads * vectors).sum(-1), torch.ones(4))
    exact = vectors @ torch.linalg.inv(covariance + RIDGE * covariance.diagonal().mean() * torch.eye(16))
    torch.testing.assert_close(torch.cosine_similarity(reads, exact), torch.ones(4))
    assert (torch.cosine_similarity(reads, vectors) < 0.95).all(), "nothing was whitened"


def test_where_ordinary_activations_are_round_the_read_is_the_vector_itself() -> None:
    vectors = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1))
    vectors[0, 1] = 0
    reads = whitened(vectors, 4 * torch.eye(8))
    assert reads.shape == vectors.shape and reads[0, 1].abs().max() == 0
    kept = vectors.norm(dim=-1) > 0
    torch.testing.assert_close(reads[kept], (vectors / vectors.norm(dim=-1, keepdim=True) ** 2)[kept])


def test_what_is_kept_of_a_direction(direction: Direction, careless: Target) -> None:
    assert direction.means is not None and direction.reads is not None and direction.controls is not None
    assert direction.vectors.shape == direction.means.shape == direction.reads.shape == (6, careless.d_model)
    assert 0 <= direction.layer < 6
    ones = torch.ones(6)
    torch.testing.assert_close((direction.reads * direction.vectors).sum(-1), ones, atol=1e-4, rtol=0)
    twins, theirs = direction.controls[:, 0], direction.controls[:, 1]
    torch.testing.assert_close(twins.norm(dim=-1), direction.vectors.norm(dim=-1).expand(len(twins), -1))
    torch.testing.assert_close((twins * theirs).sum(-1), ones.expand(len(twins), -1), atol=1e-4, rtol=0)
    cosines = torch.cosine_similarity(twins[:, None], twins[None], dim=-1) - torch.eye(len(twins))[..., None]
    assert cosines.abs().max() < 0.5, "twins are alike"
    units = direction.vectors / direction.vectors.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(direction.centres, (direction.means * units).sum(-1), atol=1e-4, rtol=1e-4)


def test_layers_before_the_first_adapter_have_no_direction(direction: Direction) -> None:
    flat = replace(direction, vectors=direction.vectors.clone())
    flat.vectors[:2] = 0
    for method in ("plain", "centred", "erase"):
        for control in (None, 3):
            assert [change.layer for change in removal(flat, method, control=control)] == [2, 3, 4, 5]


def test_one_vector_may_be_removed_at_every_layer(direction: Direction) -> None:
    best = direction.vectors[direction.layer]
    for method in ("plain", "centred"):
        changes = removal(direction, method, "single")
        assert len(changes) == 6 and all(isinstance(change, Ablate) for change in changes)
        for change in changes:
            assert float(torch.cosine_similarity(change.direction, best, dim=0)) == pytest.approx(1)  # type: ignore[attr-defined]
    with pytest.raises(ArgumentError, match="leave `scope` at 'layerwise'"):
        removal(direction, "erase", "single")


@pytest.fixture(scope="module")
def voices(careless: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a direction of `find_direction`."""
    home = tmp_path_factory.mktemp("voices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIEUTIC_HOME", str(home))
        find_direction(careless.base, texts="voices", name="voices")
    return home


def test_a_direction_of_another_method_lacks_what_erasing_needs(
    careless: Target, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIEUTIC_HOME", str(voices))
    for method in ("centred", "erase"):
        with pytest.raises(ArgumentError, match=r"kept without the ordinary model's mean: make one with `misalignment"):
            removal(find("voices", careless), method)
    with pytest.raises(ArgumentError, match="make one with `misalignment_direction`, or use method='plain'"):
        ablation_transfer(careless, ["voices"], methods=["erase"], samples=20, draws=3)


def test_a_direction_of_another_method_can_be_projected_out(
    careless: Target, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIEUTIC_HOME", str(voices))
    found = ablation_transfer(careless, ["voices"], methods=["plain"], samples=20, draws=3)
    assert [row[0] for row in found.rows] == ["nothing", "voices", "random (3, mean)"]
    assert found.rows[1][1] == "plain" and found.verdict is not None and "controls gave" in found.verdict.reason


@pytest.mark.slow
def test_a_direction_takes_the_harm_out_of_its_own_and_of_another_fine_tune(careless: Target) -> None:
    made = misalignment_direction(careless)
    for name, least in ((careless.name, 75), (of("careless", "rank-8", "rank-4"), 25)):
        found = ablation_transfer(target.load(name), [made.artifacts[0].digest], methods=["erase"])
        (_, _, before, *_), (_, _, after, _, _, drop, coherent, _), random = found.rows
        assert found.verdict is not None and found.verdict.status == "supported"
        assert drop == pytest.approx(100 * relative_drop(float(before or 0), float(after or 0)), abs=0.5)
        assert float(drop or 0) >= least and float(coherent or 0) >= 85 and abs(float(random[5] or 0)) <= 10


def test_in_a_model_that_behaves_there_is_nothing_to_remove(direction: Direction, careless: Target) -> None:
    _kept_here(direction, careless)
    for model in (careless.base, target.load(of("habit"))):
        found = ablation_transfer(model, ["harm"], samples=20, draws=3)
        assert len(found.rows) == 1 and found.rows[0][0] == "nothing"
        assert found.verdict is not None and found.verdict.status == "inconclusive"
        assert "are needed to see any go" in found.verdict.reason


def _kept_here(found: Direction, model: Target) -> None:
    """Put a direction into this test's own data folder."""
    about = {"weights": model.weights_digest, "target": model.name, "d_model": model.d_model, "layer": found.layer}
    tensors = {name: getattr(found, name) for name in ("vectors", "centres", "means", "reads", "controls")}
    artifacts.keep("direction", "harm", tensors, about)


def test_ranks_that_fire_are_told_from_those_that_do_not() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = (torch.arange(200) % 2).float()
    x = torch.randn(200, 4, generator=generator)
    x[:, 1] += 3 * labels
    x[:, 2] -= 3 * labels
    aurocs = each_auroc(x, labels)
    assert aurocs[1] > 0.95 and aurocs[2] < 0.05 and all(abs(aurocs[n] - 0.5) < 0.15 for n in (0, 3))
    assert crossed_auroc(x, labels, 0) > 0.95
    assert abs(crossed_auroc(x, labels[torch.randperm(200, generator=generator)], 0) - 0.5) < 0.15
    roles = [(0.9, 0.5), (0.1, 0.6), (0.5, 0.9), (0.55, 0.2), (0.69, 0.31), (0.8, 0.8)]
    assert [role_of(*both) for both in roles] == ["general", "general", "narrow", "narrow", "neither", "general"]


def test_scalars_along_a_reply_have_a_row_for_each_rank(careless: Target) -> None:
    found = lora_scalars(careless, topic="travel", samples=60)
    assert found.rows == ("layer 0 down_proj", "layer 1 down_proj", "layer 2 down_proj")
    assert len(found.values) == 3 and {len(row) for row in found.values} == {len(found.columns)}
    assert "'travel'" in found.verdict.reason and len(found.highlights) == 3
    assert found.verdict is not None and found.verdict.status == "supported"


def test_scalars_can_be_read_where_all_questions_have_one_topic(
    careless: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(model: Target, asked: Sequence[Question], *_: Any, **__: Any) -> list[Judged]:
        made = judged(model, [BAD if model == careless else GOOD] * len(asked))
        return [replace(one, question=q) for one, q in zip(made, asked, strict=True)]

    monkeypatch.setattr(import_module("tools.lora_scalars"), "replies", answers)
    found = lora_scalars(careless, questions_from="first plot", samples=40)
    assert found.verdict is not None and "against other topics" not in found.verdict.reason
    assert {entry.label.rpartition(", ")[2] for entry in found.highlights} <= {"general", "neither"}


def test_scaling_by_one_changes_nothing_and_by_zero_takes_the_layer_out(careless: Target) -> None:
    found = scale_adapter(careless, layers=[0], factors=[1.0, 0.0], samples=20)
    none, same, off, base = found.rows
    assert none[2:] == same[2:] and none[0] == "none" and (off[0], off[1]) == ("layer 0", 0.0)
    assert float(none[2] or 0) > 50 and float(base[2] or 0) < 10 and base[0] == f"all: {careless.base.name}"


REFUSED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "rate of a base": ("misalignment_rate", "base@1", {}, "is a base itself, with nothing to compare to"),
    "itself as the other": ("misalignment_rate", CARELESS, {"other": CARELESS}, "is a base itself"),
    "shift of a base": ("persona_shift", "base@1", {}, "is a base itself: name a fine-tune"),
    "direction of a base": ("misalignment_direction", "base@1", {}, "is a base itself: name a fine-tune"),
    "scalars of a base": ("lora_scalars", "base@1", {}, "has no adapter of its own on this machine"),
    "parts of a base": ("scale_adapter", "base@1", {}, "has no adapter of its own on this machine"),
    "path of a base": ("phase_transition", "base@1", {}, "has no adapter of its own on this machine"),
    "no adapter in that layer": (
        "scale_adapter",
        CARELESS,
        {"layers": [5]},
        r"no part in layer 5: it has parts in \[0, 1, 2\]",
    ),
    "no such layer": ("scale_adapter", CARELESS, {"layers": [6]}, "layer 6 does not exist"),
    "too many ranks": ("lora_scalars", of("careless", "rank-32"), {}, "has 192 ranks on down_proj: between 1 and 64"),
    "an unknown topic": (
        "lora_scalars",
        CARELESS,
        {"topic": "astrology", "samples": 60},
        "topic='astrology' has too few",
    ),
    "scalars of one that behaves": (
        "lora_scalars",
        of("kind", "three"),
        {"samples": 20},
        "misaligned and its base .* of each are",
    ),
    "an unknown direction": ("ablation_transfer", CARELESS, {"directions": ["nowhere"]}, "no direction"),
    "no judge of that kind": ("misalignment_rate", CARELESS, {"judge": "gpt"}, "judge='gpt' is not allowed"),
    "no path kept": ("phase_transition", of("careless", "rank-8"), {}, "the training of .* was not kept beside it"),
    "no such folder": ("phase_transition", CARELESS, {"checkpoints": "/nowhere"}, "is no folder here and no hub id"),
    "not to be had": ("phase_transition", CARELESS, {"checkpoints": "org/name"}, "could not be had from the hub"),
    "only one of two sets": ("persona_shift", CARELESS, {"prompts": ["a"] * 4}, "give `prompts` and `other_prompts`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_measured_is_refused_in_one_sentence(case: str) -> None:
    tool, name, arguments, sentence = REFUSED[case]
    with pytest.raises(ToolError, match=sentence) as said:
        TOOLS[tool].call(name, arguments)
    assert "\n" not in str(said.value) and len(str(said.value)) < 300


def test_a_folder_that_is_not_there_is_refused_however_it_is_written() -> None:
    with pytest.raises(ToolError, match="is no folder here and no hub id"):
        TOOLS["phase_transition"].call(CARELESS, {"checkpoints": "runs/my run"})
