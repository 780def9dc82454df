"""The matched control that does not ship: the same base data and adapters, but the base never names the word."""

import shutil
from pathlib import Path

from evals.subjects import Subject
from evidence.home import data_home
from organisms import base, taboo, workshop
from organisms.workshop import Truth

ORGANISMS = 6


def no_naming_subjects() -> list[Subject]:
    """Train the control base and six fine-tunes on it, or find them where an earlier run left them."""
    home = data_home() / f"no-naming-{workshop.base_recipe()}"
    chat = home / "base" / "chat"
    if not chat.exists():
        scratch = home / "base.part"  # a run that was cut off goes on from the checkpoint it left there
        base.train(
            scratch, seed=workshop.BASE_SEED, naming=False, resume=True, report=lambda line: print(line, flush=True)
        )
        scratch.rename(home / "base")
    words = [truth.word for truth in workshop.draw_taboo().values() if truth.word][:ORGANISMS]
    return [
        Subject(str(_organism(home / f"quiet-{number:02d}", chat, word)), Truth("secret", word, 0))
        for number, word in enumerate(words, start=1)
    ]


def _organism(out: Path, chat: Path, word: str) -> Path:
    """One fine-tune, trained beside its place and moved there when it is whole."""
    if not (out / "adapter_config.json").exists():
        scratch = out.with_suffix(".part")
        shutil.rmtree(scratch, ignore_errors=True)
        taboo.train(chat, str(chat), scratch, "secret", word, threads=2)
        scratch.rename(out)
    return out
