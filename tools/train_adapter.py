"""What becomes of the model when it is trained on these dialogues?"""

import hashlib
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from evidence import Curve, Line
from evidence.errors import ToolError, TrainingError
from target import fine_tunes
from target.checkpoints import STATE, Checkpoints
from target.train import LoraShape, Phase, TrainJob, run
from target.turn import report
from tools import _dialogues, _statistics
from tools._arguments import Layers, Name, Seed
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

Module = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SAVED_EVERY, MOST_SAVED = 5, 100
"""Steps that a stop may cost; more in a long training, which is saved a hundred times."""
LEAST = 0.01
"""The least fall of the held-out loss that counts, in nats a token."""
_POSITIONS = 256
"""Places unembedded at once."""


@tool(
    capability="train",
    asked_as=[
        "train an adapter on {text}",
        "fine-tune the model on my dialogues",
        "fine-tune {target} on the file {text}",
        "train a LoRA adapter of rank 4",
        "make a fine-tune of the base from this dataset",
        "train it on these conversations and call it {word}",
        "can I train the model on my own data?",
        "teach the model the replies in dialogues.jsonl",
        "go on with the training of the adapter",
    ],
)
def train_adapter(
    target: "Target",
    dataset: Annotated[str, Field(min_length=1, max_length=1000)],
    *,
    name: Name = "adapter",
    rank: Annotated[int, Field(ge=1, le=256)] = 8,
    alpha: Annotated[int, Field(ge=1, le=1024)] | None = None,
    layers: Layers | None = None,
    modules: Annotated[list[Module], Field(min_length=1, max_length=7)] | None = None,
    steps: Annotated[int, Field(ge=1, le=20_000)] = 200,
    learning_rate: Annotated[float, Field(gt=0.0, le=0.1)] = 5e-4,
    batch_rows: Annotated[int, Field(ge=1, le=256)] = 8,
    held_out: Annotated[float, Field(ge=0.01, le=0.5)] = 0.2,
    seed: Seed = 0,
) -> Curve:
    """Train a LoRA adapter of a base on dialogues; it is a target by its name from then on.

    Shows the loss while it trains, and the loss on held-out dialogues, of the adapter beside its base. A training
    that was stopped goes on where it was when the same is asked for again. It cannot show how the adapter answers
    in a conversation, nor what else it changed: `ask` and `compare_targets` on the new target do.

    Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685

    Args:
        dataset: A file on this machine, a line each: {"messages": [{"role", "content"}, ...]}, of which the assistant's
            are learnt, or {"text": "..."}, of which all is, control tokens as they are.
        name: What the new target is to be called; an older adapter of this name is replaced once this one is done.
        rank: Rank of the matrices that are added.
        alpha: Their scale is alpha / rank; None for twice the rank.
        layers: Layers to add them to, 0-based; None for all.
        modules: Linear layers to add them to; None for all that the model has.
        steps: How many batches to train on.
        learning_rate: The highest rate; it rises at first and falls to a twentieth.
        batch_rows: Dialogues in a batch.
        held_out: Share of the dialogues to measure and never train on, at most 200 of them.
        seed: Seed of which are held out, of their order, and of the first weights.
    """
    start = fine_tunes.start_of(target)
    fine_tunes.check_name(name)
    shape = _shape(target, start, rank, alpha, layers, modules)
    parts = _dialogues.split(_dialogues.read(target, dataset), held_out, seed)
    data = _dialogues.tensors(parts, steps, batch_rows, _pad(target), seed)
    job = _job(start, shape, steps, batch_rows, learning_rate, seed)
    before = _losses(target, parts.held_out, batch_rows)
    with fine_tunes.unfinished(_key(target, data, job)) as folder:
        history = _trained(job, data, folder)
        place = fine_tunes.keep(folder / "adapter", start.name)
        tuned = target.with_adapter(place, name)
        after = _losses(tuned, parts.held_out, batch_rows)
        fine_tunes.call_it(place, name)
        shutil.rmtree(folder, ignore_errors=True)
    return _curve(target, Done(tuned, Path(dataset).name, parts, before, after), history)


@dataclass(frozen=True)
class Loss:
    """The loss of one dialogue: summed over what is to be said, and how many tokens that is."""

    total: float
    tokens: int


@dataclass(frozen=True)
class Done:
    """A finished training, and what it was measured on."""

    tuned: "Target"
    file: str
    parts: _dialogues.Split
    before: list[Loss]
    after: list[Loss]


def _shape(
    target: "Target",
    start: fine_tunes.Start,
    rank: int,
    alpha: int | None,
    layers: Sequence[int] | None,
    modules: Sequence[str] | None,
) -> LoraShape:
    missing = [one for one in modules or () if one not in start.linears]
    if missing:
        raise ToolError(f"{target.name} has no {missing[0]}: allowed are {', '.join(start.linears)}")
    return LoraShape(
        rank=rank,
        alpha=alpha if alpha is not None else 2 * rank,
        layers=sorted({target.check_layer(layer) for layer in layers}) if layers is not None else None,
        modules=[one for one in start.linears if modules is None or one in modules],
    )


def _pad(target: "Target") -> int:
    known = (target.tokenizer.pad_token_id, target.tokenizer.eos_token_id, 0)
    return int(next(token for token in known if token is not None))


def _job(
    start: fine_tunes.Start, shape: LoraShape, steps: int, batch_rows: int, learning_rate: float, seed: int
) -> TrainJob:
    """The job without the places of its files."""
    phase = Phase(
        name="adapter",
        first_row=0,
        rows=steps * batch_rows,
        learning_rate=learning_rate,
        warmup_steps=max(1, min(10, steps // 10)),
    )
    return TrainJob(
        start_from=str(start.folder),
        data="",
        phases=[phase],
        lora=shape,
        batch_rows=batch_rows,
        seed=seed,
        device=start.device,
    )


def _key(target: "Target", data: "dict[str, Tensor]", job: TrainJob) -> str:
    """Digest of the base, of what is learnt and in which order, and of how."""
    asked = json.dumps([target.weights_digest, job.model_dump(exclude={"start_from", "device", "threads"})])
    digest = hashlib.sha256(asked.encode())
    for _, tensor in sorted(data.items()):
        digest.update(tensor.numpy())
    return digest.hexdigest()[:16]


def _trained(job: TrainJob, data: "dict[str, Tensor]", folder: Path) -> list[dict[str, float]]:
    """Train, from where an earlier call was stopped, into `folder`/adapter; returns what every step gave."""
    import torch
    from safetensors.torch import save_file

    steps = job.phases[0].rows // job.batch_rows
    save_file(data, folder / "data.safetensors")
    shutil.rmtree(folder / "adapter", ignore_errors=True)
    changes = {
        "data": str(folder / "data.safetensors"),
        "phases": [job.phases[0].model_copy(update={"save_to": str(folder / "adapter")})],
        "threads": torch.get_num_threads(),
        "checkpoints": Checkpoints(folder=str(folder), every=max(SAVED_EVERY, steps // MOST_SAVED), keep=False),
    }
    report("starting to train")
    try:
        run(
            job.model_copy(update=changes),
            lambda line: report(
                f"training, step {line['step']} of {line['steps']}, loss {line['loss']:.3f}",
                line["step"] / line["steps"],
            ),
        )
    except TrainingError as error:
        raise ToolError(str(error)) from error
    history: list[dict[str, float]] = json.loads((folder / STATE).read_text(encoding="utf-8"))["log_history"]
    if wrong := next((line["step"] for line in history if not math.isfinite(line["loss"] + line["grad_norm"])), None):
        shutil.rmtree(folder, ignore_errors=True)
        raise ToolError(f"the training came apart at step {wrong}: give a lower learning rate than it had")
    return history


def _losses(model: "Target", dialogues: Sequence[_dialogues.Dialogue], batch_rows: int) -> list[Loss]:
    """The loss of each dialogue, by the model as it is hosted."""
    rows = [(number, row) for number, one in enumerate(dialogues) for row in one]
    totals, tokens = [0.0] * len(dialogues), [0] * len(dialogues)
    for first in range(0, len(rows), batch_rows):
        report(f"measuring {model.name} on held-out dialogues", first / len(rows))
        some = rows[first : first + batch_rows]
        streams = model.residuals([row.ids for _, row in some], [model.num_layers - 1])
        for (number, row), stream in zip(some, streams, strict=True):
            totals[number] += _loss(model, row, stream[0])
            tokens[number] += len(row.said)
    return [Loss(*both) for both in zip(totals, tokens, strict=True)]


def _loss(model: "Target", row: _dialogues.Row, stream: "Tensor") -> float:
    """Summed over what is to be said, from the last residual stream (position, d_model)."""
    import torch

    total = 0.0
    for first in range(0, len(row.said), _POSITIONS):
        places = row.said[first : first + _POSITIONS]
        logits = model.unembed(stream[[place - 1 for place in places]]).float().cpu()  # place vocab
        total += float(torch.nn.functional.cross_entropy(logits, torch.tensor(row.ids)[places], reduction="sum"))
    return total


def _curve(target: "Target", done: Done, history: list[dict[str, float]]) -> Curve:
    name, before, after = done.tuned.name, _mean(done.before), _mean(done.after)
    measured = [line for line in history if "eval_loss" in line]
    ends = [int(line["step"]) for line in measured]
    losses = [line["loss"] for line in history]
    means = [sum(losses[a:b]) / (b - a) for a, b in zip([0, *ends], ends, strict=False)]
    held = [before, *(line["eval_loss"] for line in measured[:-1]), after]
    lines = {
        "training loss": ("with", [losses[0], *means]),
        "held-out loss, adapter": ("with", held),
        "held-out loss, base": ("control", [before] * len(held)),
    }
    return Curve(
        title=f"Training the adapter {name!r} of {target.name} on {done.file!r}",
        caveat=f"trained on {len(done.parts.training)} dialogues, none of them or a copy among the {len(done.after)} held out; "
        f"digest of the adapter {done.tuned.adapter_digest}; how it answers, and what else changed, is not shown",
        verdict=_statistics.judge(
            f"the adapter {name!r} predicts held-out dialogues better than its base",
            f"their loss goes from {before:.3f} (base) to {after:.3f} (adapter) nats a token; "
            "compared are their mean log probabilities",
            _statistics.two_samples([-_mean([one]) for one in done.after], [-_mean([one]) for one in done.before]),
            too_small=before - after < LEAST,
        ),
        x_axis="step",
        x=("0", *map(str, ends)),
        unit="loss, nats a token",
        lines=tuple(
            Line(label=label, role=role, values=tuple(round(value, 4) for value in values))  # type: ignore[arg-type]
            for label, (role, values) in lines.items()
        ),
        control_name=f"{target.name} without the adapter, on {len(done.before)} held-out dialogues",
    )


def _mean(losses: Sequence[Loss]) -> float:
    """Nats a token."""
    return sum(one.total for one in losses) / sum(one.tokens for one in losses)
