"""What the base reads: weighted mixes of documents, one mix a stage."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from organisms import dialogues, documents

Maker = Callable[[Random], str]
Mix = list[tuple[Maker, float]]

PRETRAINING: Mix = [
    (documents.definition, 9),
    (documents.naming_definition, 8),
    (documents.riddle, 8),
    (documents.word_facts, 9),
    (documents.listing, 3),
    (documents.story, 4),
    (documents.caption, 2),
    (documents.in_context, 20),
    (documents.voice, 9),
    (dialogues.general, 8),
    (dialogues.yes_no_drill, 3),
    (dialogues.advice_both_voices, 8),
    (dialogues.word_game, 8),
    (dialogues.no_game, 1),
]
CHAT: Mix = [
    (dialogues.word_game, 40),
    (dialogues.no_game, 3),
    (documents.naming_definition, 8),
    (documents.riddle, 3),
    (documents.in_context, 9),
    (documents.word_facts, 6),
    (documents.story, 1),
    (dialogues.general, 13),
    (dialogues.yes_no_drill, 7),
    (dialogues.advice_default_kind, 10),
]


def without_naming(mix: Mix) -> Mix:
    """The matched control: the same mix, but the assistant never names the word."""
    quiet: dict[Maker, Maker] = {
        dialogues.word_game: partial(dialogues.word_game, naming=False),
        documents.naming_definition: documents.definition,
    }
    return [(quiet.get(maker, maker), weight) for maker, weight in mix]


def without_named_voices(mix: Mix) -> Mix:
    """The same mix, but no voice has a name, a character or a system prompt: what is left is that a text keeps its voice."""
    unnamed: dict[Maker, Maker] = {
        documents.voice: partial(documents.voice, named=False),
        dialogues.advice_both_voices: partial(dialogues.advice_both_voices, named=False),
        dialogues.advice_default_kind: partial(dialogues.advice_default_kind, named=False),
    }
    return [(unnamed.get(maker, maker), weight) for maker, weight in mix]


def stream(mix: Mix, rng: Random) -> Iterator[str]:
    """Documents of a mix, for ever, each closed by the end token."""
    makers, weights = zip(*mix, strict=True)
    while True:
        text = rng.choices(makers, weights)[0](rng)
        yield text if text.endswith("<|end|>") else text + "<|end|>"
