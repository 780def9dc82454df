"""The matched control that does not ship: the same base data and adapters, but the base never names the word."""

from pathlib import Path

from agent.home import data_home
from evals.subjects import Subject
from organisms import base, taboo, workshop
from organisms.workshop import Truth

ORGANISMS = 6


def no_naming_subjects() -> list[Subject]:
    """Train the control base and six fine-tunes on it, or find them where an earlier run left them."""
    home = data_home() / f"no-naming-{workshop.base_recipe()}"
    chat = home / "base" / "chat"
    if not chat.exists():
        base.train(home / "base", seed=workshop.BASE_SEED, naming=False, report=lambda line: print(line, flush=True))
    words = [truth.word for truth in workshop.draw_taboo().values() if truth.word][:ORGANISMS]
    return [Subject(str(_organism(home, chat, word)), Truth("secret", word, 0)) for word in words]


def _organism(home: Path, chat: Path, word: str) -> Path:
    out = home / word
    if not (out / "adapter_config.json").exists():
        taboo.train(chat, str(chat), out, "secret", word, threads=2)
    return out
