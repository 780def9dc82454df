"""Three small bases of the small world that differ in their seed alone: what similarity measures are judged on.

They do not ship: `python -m organisms train seed-bases` makes them (about twenty minutes on two cores) and keeps them in
the data folder, with the digest of the recipe that made them.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file

from evidence.errors import MaieuticError
from evidence.home import data_home
from organisms import base, corpus, tokenizer
from target.train import Phase, TrainJob, run

SEEDS = (1, 2, 3)
WIDTH, STEPS, LEARNING_RATE = 128, 500, 1.0
_RECIPE = "recipe.json"
Say = Callable[[str], None]


def home() -> Path:
    return data_home() / "built" / "seed-bases"


def recipe(base_recipe: str) -> str:
    """Digest of everything that decides them; the corpus is that of the base."""
    settings = json.dumps([base_recipe, SEEDS, WIDTH, STEPS, LEARNING_RATE, base.BATCH_ROWS, base.LENGTH])
    return hashlib.sha256(settings.encode()).hexdigest()[:12]


def build(base_recipe: str, *, threads: int = 2, say: Say = print) -> list[Path]:
    """Train those that are not there yet; returns their folders."""
    wanted = {"recipe": recipe(base_recipe)}
    for seed in SEEDS:
        folder = home() / f"seed-{seed}"
        if _made_by(folder) != wanted["recipe"]:
            shutil.rmtree(folder, ignore_errors=True)
            _train(folder, seed, threads, say)
            (folder / _RECIPE).write_text(json.dumps(wanted) + "\n", encoding="utf-8")
    return folders(base_recipe)


def folders(base_recipe: str) -> list[Path]:
    """Where they are.

    Raises:
        MaieuticError: one is missing, or was made by another recipe.
    """
    found = [home() / f"seed-{seed}" for seed in SEEDS]
    if stale := [folder.name for folder in found if _made_by(folder) != recipe(base_recipe)]:
        raise MaieuticError(f"{', '.join(stale)} of {home()} are not there or stale: run `make seed-bases`")
    return found


def _made_by(folder: Path) -> str | None:
    file = folder / _RECIPE
    return str(json.loads(file.read_text(encoding="utf-8"))["recipe"]) if file.exists() else None


def _train(folder: Path, seed: int, threads: int, say: Say) -> None:
    rows = STEPS * base.BATCH_ROWS
    with tempfile.TemporaryDirectory() as scratch:
        start, data = Path(scratch) / "start", Path(scratch) / "data.safetensors"
        words = tokenizer.build(start)
        base.config(len(words), WIDTH).save_pretrained(start)
        save_file({"input_ids": base.blocks(words, corpus.PRETRAINING, rows, seed=1000 + seed)}, data)
        phase = Phase(
            name=f"seed {seed}",
            first_row=0,
            rows=rows,
            learning_rate=LEARNING_RATE,
            warmup_steps=50,
            hold=0.4,
            final=0.02,
            save_to=str(folder),
        )
        job = TrainJob(
            start_from=str(start),
            data=str(data),
            optimizer="muon",
            batch_rows=base.BATCH_ROWS,
            seed=seed,
            threads=threads,
            phases=[phase],
        )
        run(job, lambda line: say(f"{line['phase']}: step {line['step']}/{line['steps']}, loss {line['loss']:.3f}"))
        for file in [*start.glob("tokenizer*"), start / "chat_template.jinja"]:
            shutil.copy(file, folder)
