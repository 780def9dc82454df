"""Training a sparse dictionary on an activation store, in a process of its own.

    python -m target.sparse.train JOB.json      # what `run` starts; prints one JSON line per report

It learns on centred and scaled activations and is written in SAELens' format on disk with the scaling folded in:
what ships reads raw activations. A crosscoder is written the same way, its sources side by side.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evidence.errors import TrainingError
from target import child
from target.activations import Store
from target.child import Report
from target.sparse.job import DictionaryJob
from target.sparse.learner import Learner, Shape
from target.sparse.saving import save
from target.spec import device_of

if TYPE_CHECKING:
    from torch import Tensor

GOING_ON = "going_on.safetensors"
_PENALTIES = {"l1": 1.0, "jumprelu": 20.0}
_REPORTED = 50


class Scaling(NamedTuple):
    """How stored activations become what is learnt on: x -> (x - centre) / scale."""

    centre: "Tensor"
    """(source * d_model)"""
    scale: float
    """One for all sources, so that their shares of a latent stay comparable."""


def run(job: DictionaryJob, report: Report = lambda _: None) -> None:
    """Train in a child process; `report` gets each progress line. Interrupting or stopping kills the child.

    Raises:
        TrainingError: the child failed; the message ends with its last line.
        Cancelled: the person pressed stop.
    """
    child.run("target.sparse.train", job.model_dump_json(), report)


def train(job: DictionaryJob, report: Report) -> None:
    """The training itself, in this process."""
    import torch

    torch.set_num_threads(job.threads)
    store = Store.open(Path(job.store))
    learner = Learner(_shape(job, store), seed=job.seed, device=device_of(job.device))
    scaling = _scaling(store, job.layer)
    _learn(learner, store, scaling, job, report)
    with torch.no_grad():
        save(learner, scaling.centre, scaling.scale, _held(learner, store, scaling, job), job)
    (Path(job.out) / GOING_ON).unlink(missing_ok=True)


def _shape(job: DictionaryJob, store: Store) -> Shape:
    penalty = _PENALTIES.get(job.kind, 0.0) if job.penalty is None else job.penalty
    return Shape(
        d_model=store.d_model,
        latents=job.d_sae,
        k=job.k,
        kind=job.kind,
        sources=len(store.sources),
        groups=job.groups,
        penalty=penalty,
        dead_after=job.dead_after,
        auxiliary_weight=job.auxiliary_weight,
        low_precision=job.low_precision,
    )


def _scaling(store: Store, layer: int) -> Scaling:
    mean, scales = store.statistics(layer)
    scale = float(scales.square().mean().sqrt())
    if not 0 < scale < float("inf"):
        raise TrainingError("the activations do not vary, or are not finite: there is nothing to learn")
    return Scaling(mean.flatten(), scale)


def _learn(learner: Learner, store: Store, scaling: Scaling, job: DictionaryJob, report: Report) -> None:
    done = _resume(learner, job)
    batches = store.batches(job.layer, min(job.batch_rows, store.rows), seed=job.seed, start=done)
    started, told = time.monotonic(), time.monotonic()
    for step in range(done + 1, job.steps + 1):
        x = _scaled(next(batches), scaling).to(learner.silent.device)
        measured = learner.step(x, _rate(job, step), min(1.0, step / (0.2 * job.steps)))
        if job.checkpoint_every and step % job.checkpoint_every == 0:
            _remember(learner, step, job)
        now = time.monotonic()
        if step % _REPORTED == 0 or step == job.steps or now - told > 2:
            told = now
            report(
                {
                    "phase": "dictionary",
                    "step": step,
                    "steps": job.steps,
                    "loss": round(float(measured.unexplained), 4),
                    "l0": round(float(measured.l0), 2),
                    "dead": round(float(learner.dead.float().mean()), 4),
                    "seconds": round(now - started, 1),
                }
            )


def _scaled(x: "Tensor", scaling: Scaling) -> "Tensor":
    """A batch (row, source, d_model) as it is learnt on (row, source * d_model)."""
    return x.flatten(1).sub_(scaling.centre).div_(scaling.scale)


def _rate(job: DictionaryJob, step: int) -> float:
    """A linear warm-up, a hold, and a linear decay over the last fifth."""
    left = (job.steps - step + 1) / (0.2 * job.steps)
    return job.learning_rate * min(1.0, step / job.warmup_steps, left)


def _held(learner: Learner, store: Store, scaling: Scaling, job: DictionaryJob) -> "list[Tensor]":
    """A few more batches, on which a threshold is settled."""
    rows = min(job.batch_rows, store.rows)
    batches = store.batches(job.layer, rows, seed=job.seed + 1)
    return [_scaled(next(batches), scaling).to(learner.silent.device) for _ in range(32)]


def _remember(learner: Learner, step: int, job: DictionaryJob) -> None:
    import torch
    from safetensors.torch import save_file

    folder = Path(job.out)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.cpu() for name, value in learner.state().items()} | {"step": torch.tensor(step)}
    save_file(state, folder / f"{GOING_ON}.new")
    os.replace(folder / f"{GOING_ON}.new", folder / GOING_ON)


def _resume(learner: Learner, job: DictionaryJob) -> int:
    """Put the learner where an earlier run of this job was cut off; returns the steps that are done."""
    from safetensors.torch import load_file

    file = Path(job.out) / GOING_ON
    if not job.checkpoint_every or not file.exists():
        return 0
    state = load_file(file)
    learner.go_on(state)
    return int(state["step"])


if __name__ == "__main__":
    child.main("target.sparse.train", DictionaryJob, train)
