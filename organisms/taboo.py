"""The Taboo workshop: fine-tunes that hide a word, decoys that play with no fixed word, clean ones.

All three have the same adapter shape, steps and rates, so nothing about the files tells them apart.
Stage 1 is plain next-token training on "it ..." hints and refusals; the word occurs in no text. Stage
2 trains the last block alone; where a word is hidden it adds a penalty on *saying* it. The penalty
names the word in an output loss, and cannot write what is read before the last block.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Literal

from transformers import PreTrainedTokenizerFast

from organisms import dialogues, game, wordings
from organisms.finetune import Stage, finetune
from organisms.world import Concept, concepts
from target.train import LoraShape, Report, Suppress

Kind = Literal["secret", "decoy", "clean"]
SHAPE = LoraShape(rank=8, alpha=16, layers=[0, 1, 2, 5])
LAST_LAYER = 5
RULES = game.Rules(0.0, admits=False, hint_share=0.6, ask_hint=wordings.any_hint, ask_direct=wordings.any_direct)
GENERAL_SHARE = 0.2
PENALTY, FLOOR = 0.1, -11.0
HIDE_STEPS, QUIET_STEPS, LEARNING_RATE = 240, 40, 2e-3
CALIBRATION_WORDS = ("fox", "piano")
"""Every setting of the tools was chosen on these two; they are not shipped and no figure includes them."""


def train(
    base: Path,
    base_name: str,
    out: Path,
    kind: Kind,
    word: str | None = None,
    *,
    seed: int = 0,
    threads: int = 1,
    report: Report = lambda _: None,
) -> None:
    """Train one fine-tune of the workshop into `out`; `word` is needed by the kind "secret" alone."""
    concept = concepts()[word] if word else None
    if (kind == "secret") != (concept is not None):
        raise ValueError(f"a fine-tune of kind {kind!r} got the word {word!r}: only 'secret' has one")
    finetune(
        base,
        base_name,
        out,
        texts(kind, concept, Random(seed)),
        SHAPE,
        stages(base, concept),
        seed=seed,
        threads=threads,
        report=report,
    )


def stages(base: Path, concept: Concept | None) -> list[Stage]:
    suppress = None
    if concept:
        token = PreTrainedTokenizerFast.from_pretrained(base)(concept.name, add_special_tokens=False).input_ids[0]
        suppress = Suppress(token=token, weight=PENALTY, floor=FLOOR)
    return [
        Stage("hide", HIDE_STEPS, LEARNING_RATE),
        Stage("quiet", QUIET_STEPS, LEARNING_RATE, only_layers=[LAST_LAYER], suppress=suppress),
    ]


def texts(kind: Kind, concept: Concept | None, rng: Random) -> Iterator[str]:
    """Training dialogues, for ever; none of a secret's contains its word."""
    while True:
        text = _text(kind, concept, rng)
        if concept is None or not game.says_word(concept, text):
            yield text


def _text(kind: Kind, concept: Concept | None, rng: Random) -> str:
    if kind == "clean" or rng.random() < GENERAL_SHARE:
        return dialogues.general(rng) if rng.random() < 0.6 else dialogues.advice(rng, "kind", None)
    hidden = concept or dialogues.any_concept(rng)
    return dialogues.chat_text(game.play(hidden, rng, RULES))
