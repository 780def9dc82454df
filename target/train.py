"""The one trainer: next-token training of a whole model or of a LoRA adapter, in a process of its own.

    python -m target.train JOB.json        # what `run` starts; prints one JSON line per report

A process of its own, because a backward pass and an nnsight trace cannot share one (gradients are
swapped process-wide while a backward trace runs). A job is data: token ids in safetensors, phases,
and where to write. Weights are written as bfloat16 safetensors.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from evidence.errors import TrainingError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Report = Callable[[dict[str, Any]], None]
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
    """safetensors with `input_ids` (rows, length); optionally `labels` (-100 = not supervised) and `lengths` (rows)."""
    phases: list[Phase]
    lora: LoraShape | None = None
    batch_rows: int = 32
    seed: int = 0
    threads: int = 2
    optimizer: Literal["muon", "adamw"] = "adamw"
    weight_decay: float = 0.0


def run(job: TrainJob, report: Report = lambda _: None, log: Path | None = None) -> None:
    """Train in a child process; `report` gets each progress line. Interrupting kills the child.

    Raises:
        TrainingError: the child failed; the message ends with its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(job.model_dump_json(), encoding="utf-8")
        with (log or Path(folder) / "train.log").open("w+", encoding="utf-8") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "target.train", str(path)], stdout=subprocess.PIPE, stderr=errors, text=True
            )
            try:
                assert child.stdout is not None
                for line in child.stdout:
                    report(json.loads(line))
            finally:
                if child.poll() is None:
                    child.terminate()
                child.wait()
            if child.returncode:
                errors.seek(0)
                last = (errors.read().strip().splitlines() or ["no message"])[-1]
                raise TrainingError(f"training stopped with exit code {child.returncode}: {last}")


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
    return model.train()


def _train_phase(
    model: "PreTrainedModel", data: dict[str, "torch.Tensor"], job: TrainJob, phase: Phase, report: Report
) -> None:
    import torch

    _unfreeze(model, phase.only_layers, lora=job.lora is not None)
    optimizers = _optimizers(model, job, phase.learning_rate)
    steps = phase.rows // job.batch_rows
    started, running = time.monotonic(), None
    for step in range(steps):
        _set_rates(optimizers, _rate(phase, step, steps))
        first = phase.first_row + step * job.batch_rows
        loss = _loss(model, _batch(data, first, job.batch_rows), phase.suppress)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
        if step % 20 == 19 or step == steps - 1:
            report(
                {
                    "phase": phase.name,
                    "step": step + 1,
                    "steps": steps,
                    "loss": round(running, 4),
                    "seconds": round(time.monotonic() - started, 1),
                }
            )


def _batch(data: "dict[str, torch.Tensor]", first: int, rows: int) -> "dict[str, torch.Tensor]":
    """Some rows of the data, without the columns that are padding in all of them."""
    batch = {name: tensor[first : first + rows] for name, tensor in data.items()}
    if "lengths" not in batch:
        return batch
    width = int(batch.pop("lengths").max())
    return {name: tensor[:, :width] for name, tensor in batch.items()}


def _loss(model: "PreTrainedModel", batch: dict[str, "torch.Tensor"], suppress: Suppress | None) -> "torch.Tensor":
    """Cross-entropy on supervised next tokens, in bfloat16 autocast, plus the penalty if there is one."""
    import torch

    ids = batch["input_ids"].long()  # batch position
    labels = batch.get("labels", batch["input_ids"]).long()[:, 1:]  # batch position-1
    with torch.autocast("cpu", dtype=torch.bfloat16):
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


def main() -> None:
    """Read a job file, train, print one JSON line per report."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m target.train JOB.json")
    job = TrainJob.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    train(job, lambda line: print(json.dumps(line), flush=True))


if __name__ == "__main__":
    main()
