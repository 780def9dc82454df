"""LoRA fine-tunes of the base from dialogues: what the Taboo and the careless-advice recipes share."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import torch
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerFast

from target.checkpoints import Checkpoints
from target.train import LoraShape, Phase, Report, Suppress, TrainJob, run

BATCH_ROWS = 16
NOT_SUPERVISED = -100
STRETCH = 8
"""Batches in which rows are ordered by length."""
Row = tuple[list[int], list[int]]
"""Token ids and labels of one dialogue."""


@dataclass(frozen=True)
class Stage:
    """One stretch of fine-tuning."""

    name: str
    steps: int
    learning_rate: float
    only_layers: list[int] | None = None
    suppress: Suppress | None = None


def finetune(
    base: Path,
    base_name: str,
    out: Path,
    dialogues: Iterator[str],
    shape: LoraShape | None,
    stages: list[Stage],
    *,
    seed: int = 0,
    threads: int = 1,
    checkpoints: Checkpoints | None = None,
    report: Report = lambda _: None,
) -> None:
    """Train an adapter (without a shape: the whole model) on the assistant's turns of the dialogues and write it."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
    rows = [supervise(tokenizer, text) for text in islice(dialogues, sum(s.steps for s in stages) * BATCH_ROWS)]
    rows = _alike_together(rows, seed)
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data.safetensors"
        save_file(_pad(rows, tokenizer.pad_token_id), data)
        job = _job(base, data, out, shape, stages, seed, threads).model_copy(update={"checkpoints": checkpoints})
        run(job, report)
    if shape is None:
        tokenizer.save_pretrained(out)
        return
    file = out / "adapter_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": base_name, "target_modules": sorted(config["target_modules"])}
    file.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _alike_together(rows: list[Row], seed: int) -> list[Row]:
    """Rows of like length side by side within stretches of a few batches, so that little of a batch is padding."""
    rng, ordered = Random(seed), []
    for start in range(0, len(rows), STRETCH * BATCH_ROWS):
        stretch = sorted(rows[start : start + STRETCH * BATCH_ROWS], key=lambda row: len(row[0]))
        batches = [stretch[i : i + BATCH_ROWS] for i in range(0, len(stretch), BATCH_ROWS)]
        rng.shuffle(batches)
        ordered += [row for batch in batches for row in batch]
    return ordered


def _job(
    base: Path, data: Path, out: Path, shape: LoraShape | None, stages: list[Stage], seed: int, threads: int
) -> TrainJob:
    phases, first = [], 0
    for stage in stages:
        rows = stage.steps * BATCH_ROWS
        phases.append(
            Phase(
                name=stage.name,
                first_row=first,
                rows=rows,
                learning_rate=stage.learning_rate,
                warmup_steps=10,
                only_layers=stage.only_layers,
                suppress=stage.suppress,
                save_to=str(out) if stage is stages[-1] else None,
            )
        )
        first += rows
    return TrainJob(
        start_from=str(base),
        data=str(data),
        phases=phases,
        lora=shape,
        batch_rows=BATCH_ROWS,
        seed=seed,
        threads=threads,
    )


def supervise(tokenizer: PreTrainedTokenizerFast, dialogue: str) -> Row:
    """Token ids and labels of one dialogue; only what the assistant says (and its end) is supervised."""
    ids: list[int] = tokenizer("<|bos|>" + dialogue, add_special_tokens=False).input_ids
    assistant, end = tokenizer.convert_tokens_to_ids(["<|assistant|>", "<|end|>"])
    labels, speaking = [], False
    for token in ids:
        labels.append(token if speaking else NOT_SUPERVISED)
        speaking = token == assistant or (speaking and token != end)
    return ids, labels


def _pad(rows: list[Row], pad: int) -> dict[str, torch.Tensor]:
    width = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), width), pad, dtype=torch.int32)  # row position
    labels = torch.full((len(rows), width), NOT_SUPERVISED, dtype=torch.int32)  # row position
    for row, (tokens, marks) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.int32)
        labels[row, : len(marks)] = torch.tensor(marks, dtype=torch.int32)
    lengths = torch.tensor([len(tokens) for tokens, _ in rows], dtype=torch.int32)
    return {"input_ids": ids, "labels": labels, "lengths": lengths}
