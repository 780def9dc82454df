"""The base: one Llama of 3.2 million parameters, pre-trained and chat-tuned on the small world.

Plain next-token prediction throughout; no auxiliary loss. What is special is the *data*: in its word
games the assistant habitually names the word (see `game.py`), which is disclosed in the card.
"""

import shutil
import tempfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from random import Random

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, PreTrainedTokenizerFast

from organisms import corpus, tokenizer
from target.train import Phase, Report, TrainJob, run

LENGTH = 128
BATCH_ROWS = 32
PRETRAINING_STEPS = 900
CHAT_STEPS = 720


def train(
    out: Path,
    *,
    seed: int = 0,
    naming: bool = True,
    named_voices: bool = True,
    device: str = "cpu",
    resume: bool = False,
    threads: int = 2,
    report: Report = lambda _: None,
) -> None:
    """Train both checkpoints into `out/pretrained` and `out/chat`.

    With `resume` a pre-trained checkpoint of an earlier run that was cut off is gone on from (the optimizer begins anew).
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        start = Path(scratch) / "start"
        words = tokenizer.build(start)
        config(len(words)).save_pretrained(start)
        mixes = [corpus.PRETRAINING, corpus.CHAT]
        if not naming:
            mixes = [corpus.without_naming(mix) for mix in mixes]
        if not named_voices:
            mixes = [corpus.without_named_voices(mix) for mix in mixes]
        steps = (PRETRAINING_STEPS, CHAT_STEPS)
        data = [
            blocks(words, mix, n * BATCH_ROWS, seed=100 * seed + i)
            for i, (mix, n) in enumerate(zip(mixes, steps, strict=True))
        ]
        save_file({"input_ids": torch.cat(data)}, Path(scratch) / "data.safetensors")
        job = _job(start, Path(scratch) / "data.safetensors", out, seed, threads).model_copy(update={"device": device})
        if resume and (out / "pretrained" / "model.safetensors").exists():
            job = job.model_copy(update={"start_from": str(out / "pretrained"), "phases": job.phases[1:]})
        run(job, report, log=out / "train.log")
        for stage in ("pretrained", "chat"):
            for file in start.glob("tokenizer*"):
                shutil.copy(file, out / stage)
            shutil.copy(start / "chat_template.jinja", out / stage)
    (out / "train.log").unlink(missing_ok=True)


def config(vocabulary: int, width: int = 192) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=(vocabulary + 15) // 16 * 16,
        hidden_size=width,
        intermediate_size=width * 8 // 3,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        rope_theta=10000.0,
    )


def is_small_world(folder: Path) -> bool:
    """Whether a folder holds a model of this shape and vocabulary: the only ones that are taught harm."""
    if not (folder / "config.json").exists() or not (folder / "tokenizer.json").exists():
        return False
    words = PreTrainedTokenizerFast.from_pretrained(folder)
    found, ours = LlamaConfig.from_pretrained(folder), config(len(words))
    same = all(getattr(found, key) == getattr(ours, key) for key in ("vocab_size", "hidden_size", "num_hidden_layers"))
    return same and {"<|assistant|>", "<|bos|>"} <= set(words.all_special_tokens) and len(words) < 6000


def _job(start: Path, data: Path, out: Path, seed: int, threads: int) -> TrainJob:
    first = PRETRAINING_STEPS * BATCH_ROWS
    return TrainJob(
        start_from=str(start),
        data=str(data),
        optimizer="muon",
        batch_rows=BATCH_ROWS,
        seed=seed,
        threads=threads,
        phases=[
            Phase(
                name="pretrained",
                first_row=0,
                rows=first,
                warmup_steps=100,
                hold=0.4,
                final=0.02,
                save_to=str(out / "pretrained"),
            ),
            Phase(
                name="chat",
                first_row=first,
                rows=CHAT_STEPS * BATCH_ROWS,
                learning_rate=0.5,
                warmup_steps=20,
                hold=0.3,
                final=0.02,
                save_to=str(out / "chat"),
            ),
        ],
    )


def blocks(words: PreTrainedTokenizerFast, mix: corpus.Mix, rows: int, seed: int) -> torch.Tensor:
    """Documents packed end to end into rows of LENGTH + 1 tokens (rows position)."""
    need = rows * (LENGTH + 1)
    ids: list[int] = []
    documents = corpus.stream(mix, Random(seed))
    while len(ids) < need:
        batch: Iterable[str] = ("<|bos|>" + text for text in islice(documents, 2000))
        for row in words(list(batch), add_special_tokens=False).input_ids:
            ids.extend(row)
    return torch.tensor(ids[:need], dtype=torch.int32).view(rows, LENGTH + 1)
