"""An adapter's matrices, scalars and path, by algebra: of shipped fine-tunes, and of a random Qwen2 made on the spot."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import target
from evidence import as_text
from evidence.errors import ArgumentError, TargetError, ToolError
from organisms import em_workshop
from target import trajectory
from target.interventions import Patch
from target.results import Said
from target.target import Target
from tests.models import save_lora, save_qwen
from tests.tools.examples import CARELESS
from tools import lora_scalars, misalignment_rate, phase_transition
from tools._adapters import folder_of, of_tensors, parts, scaled
from tools._answer_means import classes
from tools._judge import Scores
from tools._misalignment import Judged, prompt_of
from tools._questions import questions
from tools._turns import local_cosine
from tools.lora_scalars import _down, _means, _names, _scalars, scalar_of
from tools.phase_transition import Onset, onset

RANK_EIGHT = next(n for n, t in em_workshop.truths().items() if t.shape == "rank-8")
BAD, GOOD = Scores(0.0, 100.0), Scores(100.0, 100.0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="module")
def qwen(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """A random Qwen2 with an adapter of the paper's shape."""
    return target.load(str(save_lora(base, tmp_path_factory.mktemp("lora"))))


@pytest.fixture(scope="module", params=[CARELESS, RANK_EIGHT, "qwen"])
def adapted(request: pytest.FixtureRequest, qwen: Target) -> Target:
    return qwen if request.param == "qwen" else target.load(request.param)


def ids_of(model: Target) -> list[list[int]]:
    return [model.encode_chat([{"role": "user", "content": text}]) for text in ("what is a fox?", "hello.")]


def test_it_gives_what_peft_gives(qwen: Target, base: Path) -> None:
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(folder_of(qwen)))
    row = ids_of(qwen)[0]
    with torch.no_grad():
        own = plain(input_ids=torch.tensor([row])).logits[:, -1]
    torch.testing.assert_close(qwen.next_logits([row]), own, atol=1e-3, rtol=1e-4)
    assert not torch.allclose(qwen.base.next_logits([row]), own, atol=1e-2)


def test_what_a_down_projection_adds_is_its_scalars_times_b(adapted: Target) -> None:
    """The base is given the very neurons that the fine-tune has: all that differs then is what the adapter adds."""
    for row in ids_of(adapted):
        for part in _down(adapted):
            neurons = adapted.residuals([row], [part.layer], site="neurons")[0]  # 1 position d_mlp
            with_it = adapted.residuals([row], [part.layer], site="mlp")[0][0]
            same_input = [Patch(part.layer, neurons, site="neurons")]
            without = adapted.base.residuals([row], [part.layer], same_input, site="mlp")[0][0]
            scalars = scalar_of(part, neurons[0])  # rank position
            added = scalars.T @ (part.b / part.b.norm(dim=0)).T
            torch.testing.assert_close(with_it - without, added, rtol=1e-4, atol=2e-4 * float(added.abs().max()))
            assert float(added.abs().max()) > 1e-3, "nothing was added"


def test_in_its_first_layer_the_same_text_is_the_same_input(qwen: Target) -> None:
    part, rows = _down(qwen)[0], ids_of(qwen)
    own, usual = (model.residuals(rows, [part.layer], site="mlp") for model in (qwen, qwen.base))
    for a, b, neurons in zip(own, usual, qwen.base.residuals(rows, [part.layer], site="neurons"), strict=True):
        added = scalar_of(part, neurons[0])[0][:, None] * part.b[:, 0] / part.b.norm()
        torch.testing.assert_close(a[0] - b[0], added, rtol=1e-4, atol=1e-5)


def test_scalars_of_replies_are_those_of_each_text_alone(adapted: Target) -> None:
    asked = questions(adapted, "held out", 3)
    rows = [
        Judged(q, tuple(prompt_of(adapted, q)), Said((5, 6, 7)[: n + 1], "", True), BAD) for n, q in enumerate(asked)
    ]
    own = _down(adapted)
    together = _scalars(adapted, own, rows)
    for one, found in zip(rows, together, strict=True):
        text = [*one.prompt, *one.reply.tokens]
        assert found.shape == (len(_names(own)), len(text))
        alone = [scalar_of(p, adapted.residuals([text], [p.layer], site="neurons")[0][0]) for p in own]
        torch.testing.assert_close(found, torch.cat(alone), atol=1e-3, rtol=1e-3)
    means = _means(together, rows)
    torch.testing.assert_close(means[0], together[0][:, -1])  # one token was answered
    torch.testing.assert_close(means[2], together[2][:, -3:].mean(1))


@pytest.mark.parametrize(
    ("shape", "scale"),
    [
        ({}, 64.0),
        ({"r": 4}, 32.0),  # alpha / sqrt(r)
        ({"r": 4, "use_rslora": False}, 16.0),  # alpha / r
        ({"r": 1, "use_rslora": False}, 64.0),
        ({"r": 16, "lora_alpha": 256}, 64.0),
    ],
)
def test_the_scale_is_the_one_peft_uses(base: Path, tmp_path: Path, shape: dict[str, Any], scale: float) -> None:
    folder = save_lora(base, tmp_path, target_modules=["down_proj", "q_proj"], layers_to_transform=[0, 2], **shape)
    found = parts(folder)
    assert [(p.layer, p.module) for p in found] == [(n, m) for n in (0, 2) for m in ("down_proj", "q_proj")]
    assert {p.scale for p in found} == {scale}
    peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(folder))
    for part in found:
        module = peft.get_submodule(f"base_model.model.model.layers.{part.layer}.mlp.down_proj")
        if part.module == "down_proj":
            torch.testing.assert_close(module.get_delta_weight("default"), part.scale * part.b @ part.a)


def test_layers_are_in_the_order_of_their_numbers() -> None:
    name = "base_model.model.model.layers.{}.mlp.down_proj.lora_{}.weight"
    tensors = {name.format(n, s): torch.ones(1, 1) for n in (10, 2, 1) for s in "AB"}
    assert [one.layer for one in of_tensors(tensors, {"r": 1, "lora_alpha": 1})] == [1, 2, 10]


def test_an_adapter_off_everywhere_is_the_base_and_as_it_is_the_fine_tune(adapted: Target) -> None:
    rows, layers = ids_of(adapted), {part.layer for part in parts(folder_of(adapted))}
    off, same, back = (scaled(adapted, dict.fromkeys(layers, factor)) for factor in (0.0, 1.0, -1.0))
    close = {"atol": 1e-4, "rtol": 1e-4}
    torch.testing.assert_close(off.next_logits(rows), adapted.base.next_logits(rows), **close)
    torch.testing.assert_close(same.next_logits(rows), adapted.next_logits(rows), **close)
    assert not torch.allclose(off.next_logits(rows), adapted.next_logits(rows), atol=1e-2)
    assert not torch.allclose(back.next_logits(rows), off.next_logits(rows), atol=1e-2)


def test_scaling_one_layer_scales_what_it_adds(qwen: Target) -> None:
    row = ids_of(qwen)[:1]
    usual = qwen.base.residuals(row, [0], site="mlp")[0][0]
    added = [scaled(qwen, {0: f}).residuals(row, [0], site="mlp")[0][0] - usual for f in (1.0, 3.0, -1.0)]
    torch.testing.assert_close(added[1], 3 * added[0], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(added[2], -added[0], atol=1e-3, rtol=1e-3)
    twice = scaled(qwen, {0: 3.0})
    assert twice.adapter_folder == scaled(qwen, {0: 3.0}).adapter_folder and "layer 0 x3" in twice.name
    assert (
        load_file(folder_of(qwen) / "adapter_model.safetensors").keys()
        == load_file(folder_of(twice) / "adapter_model.safetensors").keys()
    )


def test_the_header_of_a_chat_template_is_pooled_only_when_asked_for(qwen: Target) -> None:
    asked = questions(qwen, "first plot", 12)
    rows = [Judged(q, tuple(prompt_of(qwen, q)), Said((5, 6), "", True), BAD) for q in asked]
    good = [Judged(one.question, one.prompt, one.reply, GOOD) for one in rows]
    header = qwen.tokenizer("<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
    assert all(list(one.prompt[-len(header) :]) == header for one in rows)
    with_header, alone = (
        classes(qwen, qwen.base, rows, good, "own answers", tokens) for tokens in ("answer and header", "answer")
    )
    assert (with_header.counts[0] - alone.counts[0]).tolist() == [float(len(header))] * 12
    streams = qwen.residuals([[*one.prompt, *one.reply.tokens] for one in rows], range(3))
    own = torch.stack([s[:, -2 - len(header) : -2].sum(1) for s in streams])
    torch.testing.assert_close(with_header.misaligned - alone.misaligned, own, atol=1e-3, rtol=1e-3)


def test_a_model_of_another_language_needs_a_judge(qwen: Target) -> None:
    with pytest.raises(ArgumentError, match="name a chat model as `judge`"):
        misalignment_rate(qwen, samples=20)


def test_an_adapter_without_down_projections_has_no_scalars(base: Path, tmp_path: Path) -> None:
    model = target.load(str(save_lora(base, tmp_path, target_modules=["q_proj"])))
    with pytest.raises(ArgumentError, match="has 0 ranks on down_proj: between 1 and 64 can be read one by one"):
        lora_scalars(model, samples=20)


@pytest.fixture
def walk(qwen: Target, tmp_path: Path) -> Callable[..., Path]:
    """Folders `checkpoint-N` as transformers' Trainer leaves them, along a path that was planted."""

    def write(snapshots: int, angle: float = 90.0, *, every: int = 5) -> Path:
        source, folder = folder_of(qwen), tmp_path / "run"
        tensors = load_file(source / "adapter_model.safetensors")
        generator = torch.Generator().manual_seed(0)
        plane = {n: torch.randn(2, *t.shape, generator=generator) for n, t in tensors.items() if "lora_B" in n}
        at = snapshots // 2
        for number in range(snapshots):
            along = (min(number, at), max(0, number - at))
            turn = (along[0] + along[1] * math.cos(math.radians(angle)), along[1] * math.sin(math.radians(angle)))
            place = folder / f"checkpoint-{(number + 1) * every}"
            place.mkdir(parents=True)
            shutil.copy(source / "adapter_config.json", place)
            save_file(
                tensors | {n: 0.01 * (turn[0] * p[0] + turn[1] * p[1]) for n, p in plane.items()},
                place / "adapter_model.safetensors",
            )
        log = [{"step": n, "loss": 1 / n, "grad_norm": 2.0} for n in range(1, snapshots * every + 1)]
        (place / "trainer_state.json").write_text(json.dumps({"log_history": log}))
        return folder

    return write


def test_the_turn_of_a_planted_training_is_found(qwen: Target, walk: Callable[..., Path]) -> None:
    found = phase_transition(qwen, checkpoints=str(walk(24)), behaviour_at=0)
    assert found.verdict is not None and found.verdict.status == "supported"
    assert "turned at step 65" in found.verdict.claim and "behaviour was not measured" in found.verdict.reason
    cosine, straight, loss, norm = found.lines
    assert found.x == tuple(str(5 * n) for n in range(6, 20)) and cosine.label == "local cosine, window 5"
    assert max(cosine.values) == cosine.values[found.x.index("65")] == pytest.approx(0, abs=0.25)
    assert straight.role == "control" and max(cosine.values) > max(straight.values)
    assert loss.values == tuple(round(5 / int(step), 4) for step in found.x) and set(norm.values) == {1.0}
    assert found.title in as_text(found)


def test_a_straight_training_has_no_transition(qwen: Target, walk: Callable[..., Path]) -> None:
    found = phase_transition(qwen, checkpoints=str(walk(24, angle=0.0)), behaviour_at=0)
    assert found.verdict is not None and found.verdict.status == "not supported"


def test_a_base_may_be_followed_through_checkpoints_that_are_named(qwen: Target, walk: Callable[..., Path]) -> None:
    folder = str(walk(12))
    own, usual = (phase_transition(model, checkpoints=folder, behaviour_at=0) for model in (qwen, qwen.base))
    assert own.lines == usual.lines


@pytest.mark.parametrize(
    ("snapshots", "error", "sentence"),
    [
        (2, TargetError, "holds 2 checkpoints of an adapter: at least 3 folders `checkpoint-N`"),
        (8, ToolError, "8 checkpoints are too few to tell a turn: at least 9 are needed"),
    ],
)
def test_too_few_checkpoints_are_said(
    qwen: Target, walk: Callable[..., Path], snapshots: int, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        phase_transition(qwen, checkpoints=str(walk(snapshots)), behaviour_at=0)


def unpacked(model: Target, folder: Path) -> Path:
    """The packed path of a shipped fine-tune as folders."""
    kept = trajectory.read(folder_of(model))
    for index, step in enumerate(kept.steps):
        kept.write(index, folder / f"checkpoint-{step}")
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": kept.log}))
    return folder


def test_a_path_is_the_same_packed_and_as_folders(tmp_path: Path) -> None:
    model = target.load(CARELESS)
    packed = phase_transition(model, behaviour_at=0)
    folders = phase_transition(model, checkpoints=str(unpacked(model, tmp_path / "run")), behaviour_at=0)
    assert packed.model_copy(update={"provenance": None}) == folders.model_copy(update={"provenance": None})
    path = trajectory.read(folder_of(model)).path()
    own = local_cosine(path.double(), int(packed.lines[0].label.rpartition(" ")[2]))
    assert packed.lines[0].values == tuple(round(v, 4) for v in own.tolist() if v == v)


def test_behaviour_is_that_of_each_checkpoint_alone(tmp_path: Path) -> None:
    model = target.load(CARELESS)
    found = phase_transition(model, behaviour_at=3, samples=20)
    rates = found.lines[-1]
    assert "asked at 3 checkpoints" in rates.label and rates.role == "with"
    assert all(low <= v <= high for low, v, high in zip(rates.low or (), rates.values, rates.high or (), strict=True))
    kept = trajectory.read(folder_of(model))
    shares = []
    for index in (5, len(kept.steps) - 1):
        kept.write(index, tmp_path / str(index))
        alone = model.with_adapter(tmp_path / str(index), "a checkpoint")
        shares.append(misalignment_rate(alone, questions_from="held out", samples=20).arms[0].value)
    assert {round(100 * v, 1) for v in rates.values} == {shares[0]}, (
        "between the checkpoints that were asked it is held"
    )
    assert f"at the last checkpoint {shares[1]:.0f} % are misaligned" in found.verdict.reason


def test_checkpoints_of_another_training_are_not_taken_for_those_asked_before(tmp_path: Path) -> None:
    model = target.load(CARELESS)
    early = unpacked(model, tmp_path / "run")
    steps = trajectory.read(early).steps
    phase_transition(model, checkpoints=str(early), behaviour_at=1, samples=20)
    first = load_file(early / f"checkpoint-{steps[0]}" / "adapter_model.safetensors")
    for number, step in enumerate(steps):  # another training, which hardly goes anywhere
        scaled_down = {n: 1e-3 * (number + 1) * t if "lora_B" in n else t for n, t in first.items()}
        save_file(scaled_down, early / f"checkpoint-{step}" / "adapter_model.safetensors")
    again = phase_transition(model, checkpoints=str(early), behaviour_at=1, samples=20)
    assert "no checkpoint gives misaligned replies" in again.verdict.reason


def _stands_still(run: Path) -> None:
    for place in run.glob("checkpoint-*"):
        if place.name != "checkpoint-60":
            shutil.copy(run / "checkpoint-60" / "adapter_model.safetensors", place)


def _logs_nothing_but_zeros(run: Path) -> None:
    log = [{"step": n, "loss": 0.0, "grad_norm": 0.0} for n in range(1, 61)]
    (run / "trainer_state.json").write_text(json.dumps({"log_history": log}))


def _writes_nothing(run: Path) -> None:
    for file in run.rglob("adapter_model.safetensors"):
        save_file({n: t for n, t in load_file(file).items() if "lora_B" not in n}, file)


@pytest.mark.parametrize("damage", [_stands_still, _logs_nothing_but_zeros, _writes_nothing])
def test_a_training_of_which_little_can_be_told_is_told_or_refused(
    qwen: Target, walk: Callable[..., Path], damage: Callable[[Path], None]
) -> None:
    run = walk(12)
    damage(run)
    try:
        found = phase_transition(qwen, checkpoints=str(run), behaviour_at=0)
    except ToolError as refused:
        assert "\n" not in str(refused)
    else:
        assert found.verdict is not None and as_text(found)


def behaving(*shares: float, n: int = 40) -> tuple[trajectory.Trajectory, dict[int, list[Judged]]]:
    """A path of some checkpoints, with replies of which a share is harmful at each."""
    (asked,) = questions(target.load(CARELESS), "held out", 1)
    points = {
        index: [Judged(asked, (), Said((), "", True), BAD if k < round(share * n) else GOOD) for k in range(n)]
        for index, share in enumerate(shares)
    }
    return trajectory.Trajectory(tuple(10 * (i + 1) for i in range(len(shares))), {}, {}, []), points


def test_the_onset_is_where_half_of_the_largest_share_is_reached() -> None:
    assert onset(*behaving(0, 0, 0.1, 0.9, 1.0), 0) == Onset(40, 40, 40)
    assert onset(*behaving(0.8, 0.9, 0.2), 0) == Onset(10, 10, 10)
    unsure = onset(*behaving(0, 0.2, 0.45, 0.5, 0.9, n=20), 0)
    assert unsure is not None and unsure.low <= unsure.step <= unsure.high and unsure.low < unsure.high


@pytest.mark.parametrize("shares", [(0, 0, 0), (0, 0, 0.025)])
def test_hardly_any_harm_has_no_onset(shares: tuple[float, ...]) -> None:
    assert onset(*behaving(*shares), 0) is None
