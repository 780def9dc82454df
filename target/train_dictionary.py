"""Training a sparse dictionary on stored activations, in a process of its own.

    python -m target.train_dictionary JOB.json      # what `run` starts; prints one JSON line per report

It learns as BatchTopK on centred and scaled activations, and is written as a JumpReLU in SAELens' format on
disk with one learnt threshold and the scaling folded in: what ships reads raw activations. A crosscoder will
need an axis of sources before the last one of `activations`; everything else stays.
"""

import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evidence.errors import TrainingError
from target import child
from target.batchtopk import Learner, Parameters, batch_top_k
from target.child import Report

if TYPE_CHECKING:
    from torch import Tensor

_THRESHOLD_BATCHES = 32
_FORMAT = "6.0.0"
"""The version of SAELens whose format on disk is written."""


class DictionaryJob(BaseModel):
    """Everything a training process needs; nothing is read from anywhere else."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    data: str
    """safetensors with `activations` (row, d_model) of any float type."""
    out: str
    """The folder for cfg.json and sae_weights.safetensors."""
    d_sae: int = Field(ge=2)
    k: int = Field(ge=1)
    """Features kept per row, on average over a batch."""
    groups: list[int] = []
    """Sizes of the groups whose nested prefixes must each reconstruct alone; [] is one group of all."""
    steps: int = Field(default=1000, ge=1)
    batch_rows: int = Field(default=1024, ge=1)
    learning_rate: float = 2e-3
    warmup_steps: int = 30
    dead_after: int = 10_000
    """Rows without firing after which a feature counts as dead and is helped by the auxiliary loss."""
    auxiliary_weight: float = 1 / 32
    precision: Literal["float16", "float32"] = "float32"
    """Of the two matrices on disk; biases and thresholds are float32."""
    metadata: dict[str, Any] = {}
    """Goes into cfg.json: `hook_name`, and `weights` (digest of the model the activations came from)."""
    seed: int = 0
    threads: int = 2

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.k >= self.d_sae:
            raise ValueError(f"k={self.k} is not sparse: it must be below d_sae={self.d_sae}")
        if self.groups and (sum(self.groups) != self.d_sae or min(self.groups) < 1):
            raise ValueError(f"groups={self.groups} must be positive and sum to d_sae={self.d_sae}")
        return self


def run(job: DictionaryJob, report: Report = lambda _: None) -> None:
    """Train in a child process; `report` gets each progress line. Interrupting or stopping kills the child.

    Raises:
        TrainingError: the child failed; the message ends with its last line.
        Cancelled: the person pressed stop.
    """
    child.run("target.train_dictionary", job.model_dump_json(), report)


def train(job: DictionaryJob, report: Report) -> None:
    """The training itself, in this process."""
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(job.threads)
    torch.manual_seed(job.seed)
    data = load_file(job.data)["activations"]  # row d_model
    centre = data.mean(0, dtype=torch.float32)
    scale = float(data.float().var(0, correction=0).mean().sqrt())
    if not 0 < scale < float("inf"):
        raise TrainingError("the activations do not vary, or are not finite: there is nothing to learn")
    batches = ((raw - centre) / scale for raw in _batches(data, job.batch_rows))
    options = job.model_dump(include={"d_sae", "k", "groups", "dead_after", "auxiliary_weight"})
    learner = Learner(data.shape[-1], **options)
    _learn(learner, batches, job, report)
    with torch.no_grad():
        threshold = _threshold(learner, batches)
        _save(learner.parameters, threshold, centre, scale, job)


def _learn(learner: Learner, batches: "Iterator[Tensor]", job: DictionaryJob, report: Report) -> None:
    started = time.monotonic()
    for step, x in enumerate(islice(batches, job.steps), start=1):
        unexplained = learner.step(x, _rate(job, step))
        if step % 50 == 0 or step == job.steps:
            report(
                {
                    "phase": "dictionary",
                    "step": step,
                    "steps": job.steps,
                    "loss": round(unexplained, 4),
                    "dead": round(float(learner.dead.float().mean()), 4),
                    "seconds": round(time.monotonic() - started, 1),
                }
            )


def _batches(data: "Tensor", rows: int) -> "Iterator[Tensor]":
    """Batches (row, d_model) in float32 without end, each row once before any comes again."""
    import torch

    rows = min(rows, len(data))
    while True:
        for chosen in torch.randperm(len(data)).split(rows):
            if len(chosen) == rows:
                yield data[chosen].float()


def _rate(job: DictionaryJob, step: int) -> float:
    """A linear warm-up, a hold, and a linear decay over the last fifth."""
    left = (job.steps - step + 1) / (0.2 * job.steps)
    return job.learning_rate * min(1.0, step / job.warmup_steps, left)


def _threshold(learner: Learner, batches: "Iterator[Tensor]") -> float:
    """One threshold for all features: the mean over batches of the smallest activation that was kept."""
    import torch

    kept = (batch_top_k(learner.parameters.encode(x), learner.k) for x in islice(batches, _THRESHOLD_BATCHES))
    return float(torch.stack([features[features > 0].min() for features in kept]).mean())


def _save(learnt: Parameters, threshold: float, centre: "Tensor", scale: float, job: DictionaryJob) -> None:
    """Write a JumpReLU that reads raw activations: features in their units, decoder rows still of length one."""
    import torch
    from safetensors.torch import save_file

    folder, matrix = Path(job.out), getattr(torch, job.precision)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        "W_enc": learnt.W_enc.to(matrix).contiguous(),
        "b_enc": learnt.b_enc * scale,
        "W_dec": learnt.W_dec.to(matrix),
        "b_dec": learnt.b_dec * scale + centre,
        "threshold": torch.full((job.d_sae,), threshold * scale),
    }
    save_file(tensors, folder / "sae_weights.safetensors")
    about = {"sae_lens_version": _FORMAT, "training_architecture": "batchtopk"}
    config = {
        "architecture": "jumprelu",
        "d_in": len(centre),
        "d_sae": job.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": about | {"k": job.k, "groups": job.groups} | job.metadata,
    }
    (folder / "cfg.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Read a job file, train, print one JSON line per report."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m target.train_dictionary JOB.json")
    job = DictionaryJob.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    train(job, lambda line: print(json.dumps(line), flush=True))


if __name__ == "__main__":
    main()
