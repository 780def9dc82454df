"""From texts to a dictionary that other tools take: collected, trained or built, indexed, measured, kept."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evidence import Artifact, artifacts
from evidence.errors import ArgumentError, ToolError, TrainingError
from evidence.home import data_home
from target.activations import Store, collect
from target.locks import locked
from target.sparse import saelens
from target.sparse.job import DictionaryJob, matryoshka_groups
from target.sparse.train import run
from target.turn import report
from tools import _dictionary_index
from tools._dictionary import Dictionary
from tools._dictionary_itda import build
from tools._dictionary_quality import Quality, measure
from tools._dictionary_readers import from_saelens
from tools._dictionary_saving import origin
from tools._dictionary_streams import read
from tools._own_text import Rows

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

Architecture = Literal["topk", "batchtopk", "jumprelu", "matryoshka", "crosscoder", "l1_crosscoder", "itda"]
_KINDS = {"matryoshka": "batchtopk", "crosscoder": "batchtopk", "l1_crosscoder": "l1"}
CROSSCODERS = {"crosscoder", "l1_crosscoder"}
_CHECKPOINTS = 20


@dataclass(frozen=True)
class Plan:
    """What is to be learnt."""

    architecture: Architecture
    layer: int
    models: "Sequence[Target]"
    """The target; for a crosscoder the one it is compared with before it."""
    d_sae: int
    k: int
    steps: int
    batch_rows: int
    learning_rate: float
    threshold: float
    low_precision: bool
    seed: int

    @property
    def target(self) -> "Target":
        return self.models[-1]


@dataclass(frozen=True)
class Learnt:
    """A dictionary, how good it is, and the share of variance unexplained while it learnt."""

    artifact: Artifact
    dictionary: Dictionary
    quality: Quality
    history: list[tuple[int, float]] = field(default_factory=list)


def learn(plan: Plan, seen: Rows, held_out: Rows, name: str) -> Learnt:
    """Do it; what was stopped goes on where it was when the same is asked for again.

    Raises:
        ToolError: the same training is under way, the disk refuses, or the training failed.
        Cancelled: the person pressed stop.
    """
    import torch

    folder = data_home() / "dictionaries" / ".unfinished" / _key(plan, seen)
    with locked(folder, "the training"):
        store = _collected(folder, plan, seen)
        if plan.architecture == "itda":
            config, tensors = build(store, plan.layer, plan.k, plan.threshold, _about(plan, store))
            history = list[tuple[int, float]]()
        else:
            config, tensors, history = _trained(plan, store, folder / "out")
        dictionary = from_saelens(name, config, tensors)
        own = torch.cat([stored.activations.flatten(1).half() for stored in store.layer(plan.layer)])
        beside = torch.cat(read(dictionary, plan.target, held_out))
        report("looking for what makes each feature fire")
        wide = plan.target.vocab_size > 2**15
        index = _dictionary_index.build(dictionary, seen, own, beside, wide=wide)
        quality = measure(dictionary, plan.target, held_out)
        artifact = artifacts.keep("dictionary", name, tensors | index, config)
        shutil.rmtree(folder, ignore_errors=True)
    return Learnt(artifact, dictionary, quality, history)


def _collected(folder: Path, plan: Plan, seen: Rows) -> Store:
    try:
        return collect(folder / "activations", plan.models, seen, [plan.layer])
    except ArgumentError:  # there is nothing to go on with
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _key(plan: Plan, seen: Rows) -> str:
    """Digest of the models, of what is learnt from and in which order, and of how."""
    settings = {name: value for name, value in vars(plan).items() if name != "models"}
    models = [(model.weights_digest, model.adapter_digest) for model in plan.models]
    return hashlib.sha256(json.dumps([settings, models, seen]).encode()).hexdigest()[:16]


def _about(plan: Plan, store: Store) -> dict[str, Any]:
    return origin(plan.models, plan.layer, store.rows) | {"seed": plan.seed}


def _trained(
    plan: Plan, store: Store, out: Path
) -> "tuple[dict[str, Any], dict[str, Tensor], list[tuple[int, float]]]":
    """cfg.json, tensors, and the share unexplained by steps."""
    import torch

    job = DictionaryJob(
        store=str(store.folder),
        layer=plan.layer,
        out=str(out),
        d_sae=plan.d_sae,
        k=plan.k,
        kind=_KINDS.get(plan.architecture, plan.architecture),  # type: ignore[arg-type]
        groups=matryoshka_groups(plan.d_sae) if plan.architecture == "matryoshka" else (),
        steps=plan.steps,
        batch_rows=plan.batch_rows,
        learning_rate=plan.learning_rate,
        warmup_steps=max(1, min(30, plan.steps // 10)),
        low_precision=plan.low_precision,
        checkpoint_every=max(1, plan.steps // _CHECKPOINTS),
        metadata=_about(plan, store),
        seed=plan.seed,
        threads=torch.get_num_threads(),
        device="auto",
    )
    history: list[tuple[int, float]] = []
    report("starting to train")

    def heard(line: dict[str, Any]) -> None:
        history.append((line["step"], line["loss"]))
        report(
            f"training, step {line['step']} of {line['steps']}: {line['loss']:.3f} unexplained, "
            f"{line['l0']:.1f} features a token, {line['dead']:.0%} dead",
            line["step"] / line["steps"],
        )

    try:
        run(job, heard)
    except TrainingError as error:
        raise ToolError(str(error)) from error
    return *saelens.read(out), history
