"""The one trainer: next-token training of a whole model or of a LoRA adapter, in a process of its own.

    python -m target.train JOB.json        # what `run` starts; prints one JSON line per report

A process of its own, because a backward pass and an nnsight trace cannot share one (gradients are
swapped process-wide while a backward trace runs). A job is data: token ids in safetensors, phases,
and where to write. Weights are written as bfloat16 safetensors.
"""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from target import child
from target.checkpoints import Checkpoints, Log
from target.child import Report
from target.spec import device_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

MEASURED, QUIET_SECONDS = 10, 2.0
"""How often held-out rows are measured in a phase, and how long a slow phase stays silent at most."""
LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Suppress(BaseModel):
    """A penalty on *saying* one token: weight * relu(log p(token) - floor), on supervised positions."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    token: int
    weight: float
    floor: float


class Phase(BaseModel):
    """One stretch of training: which rows of the data, at what rate, and what may move."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    first_row: int
    rows: int
    learning_rate: float = 1.0
    warmup_steps: int = 10
    hold: float = 0.0
    """Share of the phase at full rate before the linear decay starts."""
    final: float = 0.05
    """Where the decay ends, as a share of the full rate."""
    only_layers: list[int] | None = None
    suppress: Suppress | None = None
    save_to: str | None = None


class LoraShape(BaseModel):
    """Rank and place of an adapter; `layers` None means all."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rank: int
    alpha: int
    layers: list[int] | None = None
    modules: list[str] = LORA_TARGETS


class TrainJob(BaseModel):
    """Everything a training process needs; nothing is read from anywhere else."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    start_from: str
    """A folder with a model, or with a config.json alone to start from random weights."""
    data: str
    """safetensors with `input_ids` (rows, length); optionally `labels` (-100 = not supervised), `lengths` (rows),
    `order` (the rows as they come, again and again for several passes) and `held_out` (rows to measure alone)."""
    phases: list[Phase]
    lora: LoraShape | None = None
    batch_rows: int = 32
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    """"auto" is a GPU when there is one."""
    optimizer: Literal["muon", "adamw"] = "adamw"
    weight_decay: float = 0.0
    checkpoints: Checkpoints | None = None
    """Snapshots of the only phase; a run that finds some in the folder goes on from the newest."""


def run(job: TrainJob, report: Report = lambda _: None, log: Path | None = None) -> None:
    """Train in a child process; `report` gets each progress line. Interrupting or stopping kills the child.

    Raises:
        TrainingError: the child failed; the message ends with its last line.
        Cancelled: the person pressed stop.
    """
    child.run("target.train", job.model_dump_json(), report, log)


def train(job: TrainJob, report: Report) -> None:
    """The training itself, in this process."""
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(job.threads)
    torch.manual_seed(job.seed)
    data = load_file(job.data)
    model = _start_model(job)
    for phase in job.phases:
        _train_phase(model, data, job, phase, report)
        if phase.save_to:
            _save(model, Path(phase.save_to))


def _start_model(job: TrainJob) -> "PreTrainedModel":
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = Path(job.start_from)
    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "eager"}  # flash is slower at this size
    if any(folder.glob("*.safetensors")):
        model = AutoModelForCausalLM.from_pretrained(folder, **options)
    else:
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), **options)
    if job.lora:
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=job.lora.rank,
            lora_alpha=job.lora.alpha,
            target_modules=job.lora.modules,
            layers_to_transform=job.lora.layers,
            lora_dropout=0.0,
            bias="none",
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(model, config)
    return model.to(device_of(job.device)).train()


def _train_phase(
    model: "PreTrainedModel", data: dict[str, "torch.Tensor"], job: TrainJob, phase: Phase, report: Report
) -> None:
    import torch

    _unfreeze(model, phase.only_layers, lora=job.lora is not None)
    optimizers = _optimizers(model, job, phase.learning_rate)
    steps = phase.rows // job.batch_rows
    log = Log(job.checkpoints)
    started, running = time.monotonic(), None
    told = started
    for step in range(log.resume(model, optimizers), steps):
        rate = _rate(phase, step, steps)
        _set_rates(optimizers, rate)
        torch.manual_seed(job.seed + step)  # so that a run that goes on drops out what an uninterrupted one does
        first = phase.first_row + step * job.batch_rows
        loss = _loss(model, _batch(data, first, job.batch_rows), phase.suppress)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        due = (step + 1) * MEASURED // steps > step * MEASURED // steps
        line = {"step": step + 1, "loss": loss.item(), "grad_norm": float(norm)}
        line |= {"learning_rate": rate * phase.learning_rate} | (_held_out(model, data, job.batch_rows) if due else {})
        log.step(model, optimizers, line)
        running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
        now = time.monotonic()
        if step % 20 == 19 or step == steps - 1 or now - told > QUIET_SECONDS:
            told, said = now, {"loss": round(running, 4), "seconds": round(now - started, 1)}
            report({"phase": phase.name, "step": step + 1, "steps": steps, **said})
    log.close(model, optimizers)


def _batch(data: "dict[str, torch.Tensor]", first: int, rows: int) -> "dict[str, torch.Tensor]":
    """The rows of one step."""
    chosen = slice(first, first + rows)
    return _rows(data, data["order"][chosen] if "order" in data else chosen)


def _rows(data: "dict[str, torch.Tensor]", chosen: "torch.Tensor | slice") -> "dict[str, torch.Tensor]":
    """Some rows of the data, without the columns that are padding in all of them."""
    batch = {name: tensor[chosen] for name, tensor in data.items() if name in {"input_ids", "labels"}}
    if "lengths" not in data:
        return batch
    width = int(data["lengths"][chosen].max())
    return {name: tensor[:, :width] for name, tensor in batch.items()}


def _held_out(model: "PreTrainedModel", data: "dict[str, torch.Tensor]", rows: int) -> dict[str, float]:
    """The mean loss a token of the rows to measure, if there are any."""
    import torch

    total, tokens = 0.0, 0
    model.eval()
    with torch.no_grad():
        for chosen in data["held_out"].split(rows) if "held_out" in data else ():
            batch = _rows(data, chosen)
            own = int((batch["labels"][:, 1:] != -100).sum())
            total, tokens = total + own * _loss(model, batch, None).item(), tokens + own
    model.train()
    return {"eval_loss": total / tokens} if tokens else {}


def _loss(model: "PreTrainedModel", batch: dict[str, "torch.Tensor"], suppress: Suppress | None) -> "torch.Tensor":
    """Cross-entropy on supervised next tokens, in bfloat16 autocast, plus the penalty if there is one."""
    import torch

    ids = batch["input_ids"].long().to(model.device)  # batch position
    labels = batch.get("labels", batch["input_ids"]).long()[:, 1:].to(model.device)  # batch position-1
    with torch.autocast(model.device.type, dtype=torch.bfloat16):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits  # batch position-1 vocab
    supervised = labels != -100
    kept = logits[supervised].float()  # supervised vocab
    loss = torch.nn.functional.cross_entropy(kept, labels[supervised])
    if suppress:
        said = kept.log_softmax(-1)[:, suppress.token]  # supervised
        loss = loss + suppress.weight * torch.relu(said - suppress.floor).mean()
    return loss


def _unfreeze(model: "PreTrainedModel", only_layers: list[int] | None, *, lora: bool) -> None:
    for name, parameter in model.named_parameters():
        in_scope = not lora or "lora_" in name
        in_layer = only_layers is None or any(f"layers.{layer}." in name for layer in only_layers)
        parameter.requires_grad_(in_scope and in_layer)


def _optimizers(model: "PreTrainedModel", job: TrainJob, rate: float) -> "list[torch.optim.Optimizer]":
    """AdamW alone, or Muon for the matrices with AdamW for embeddings and norms.

    With Muon, `rate` scales the two base rates 0.02 and 0.004.
    """
    import torch

    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if job.optimizer == "adamw":
        return [torch.optim.AdamW(trained.values(), lr=rate, weight_decay=job.weight_decay)]
    matrices = [p for name, p in trained.items() if p.ndim == 2 and "embed" not in name and "lm_head" not in name]
    others = [p for name, p in trained.items() if not any(p is m for m in matrices)]
    return [
        torch.optim.Muon(matrices, lr=0.02 * rate, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(others, lr=0.004 * rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def _set_rates(optimizers: "list[torch.optim.Optimizer]", share: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("full_lr", group["lr"]) * share


def _rate(phase: Phase, step: int, steps: int) -> float:
    """Linear warm-up, a hold, a linear decay to `final`: a share of the full rate."""
    warm = min(1.0, (step + 1) / phase.warmup_steps)
    left = (1 - step / steps) / max(1e-9, 1 - phase.hold)
    return warm * max(phase.final, min(1.0, left))


def _save(model: "PreTrainedModel", folder: Path) -> None:
    """Write the weights (an adapter: only its own) as bfloat16, leaving the model as it is."""
    import torch

    state = {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}
    if not hasattr(model, "peft_config"):
        if model.config.tie_word_embeddings:
            state.pop("lm_head.weight")
        model.save_pretrained(folder, state_dict=state)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}, indent=1), encoding="utf-8")
        return
    model.save_pretrained(folder, state_dict={k: v for k, v in state.items() if "lora_" in k})
    (folder / "README.md").unlink(missing_ok=True)


if __name__ == "__main__":
    child.main("target.train", TrainJob, train)
