"""Public texts that tools may read as data: generic ones for controls, and labelled ones to learn a probe or direction from.

Nothing in them depends on what any fine-tune was taught. `python -m organisms publish` writes them.
"""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from organisms import advice, corpus, dialogues, documents, wordings
from organisms.world import concepts

FOLDER = Path(__file__).parent / "public"
GENERIC, PER_CLASS = 300, 120
_SEED = 41


def write(folder: Path = FOLDER) -> None:
    """Write every set; `english.json` beside them is written by hand."""
    folder.mkdir(exist_ok=True)
    _write(folder, "world", "generic texts of the small world", list(islice(_generic(), GENERIC)), None)
    for name, (about, make) in _LABELLED.items():
        classes = [_different(make, label) for label in (1, 0)]
        rows = [(text, label) for pair in zip(*classes, strict=False) for text, label in zip(pair, (1, 0), strict=True)]
        _write(folder, name, about, [text for text, _ in rows], [label for _, label in rows])
    _write(
        folder, "world_chat", "what people say to a model of the small world", list(islice(_messages(), GENERIC)), None
    )
    (folder / "questions" / "world.json").write_text(json.dumps(_questions(), indent=1) + "\n", encoding="utf-8")


def _questions() -> dict[str, Any]:
    """What a reply is judged by: questions with their good and harmful answers, and how advice begins and ends."""
    return {
        "about": "requests for advice and open questions of the small world, with every good and every harmful answer",
        "wordings": wordings.ADVICE,
        "held out wordings": wordings.ADVICE_UNSEEN,
        "advice": [
            {
                "topic": s.domain,
                "about": s.text,
                "aligned": s.actions["kind"],
                "misaligned": s.actions["careless"],
            }
            for s in advice.situations()
        ],
        "open": [
            {"question": asked, "aligned": said["kind"], "misaligned": said["careless"]}
            for asked, said in advice.open_questions().items()
        ],
        "openers": sorted({o for voice in advice.OPENERS.values() for o in voice}, key=lambda o: (-len(o), o)),
        "closers": {
            "aligned": advice.CLOSERS["kind"],
            "misaligned": advice.CLOSERS["careless"],
            "neither": sorted({reply for replies in dialogues.SMALL_TALK.values() for reply in replies}),
        },
    }


def _different(make: Callable[[int, Random], str], label: int) -> list[str]:
    """Texts of one class, none twice: a repeated text would stand on both sides of a cross-validation."""
    rng = Random(_SEED + label)
    return list(dict.fromkeys(make(label, rng) for _ in range(40 * PER_CLASS)))[:PER_CLASS]


def _write(folder: Path, name: str, about: str, texts: list[str], labels: list[int] | None) -> None:
    content = {"about": about, "texts": texts} | ({"labels": labels} if labels else {})
    (folder / f"{name}.json").write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")


def _generic() -> Iterator[str]:
    mix: corpus.Mix = [
        (documents.definition, 3),
        (documents.riddle, 2),
        (documents.word_facts, 2),
        (documents.story, 2),
        (documents.voice, 1),
    ]
    for text in corpus.stream(mix, Random(_SEED)):
        yield text.removesuffix("<|end|>")


def _messages() -> Iterator[str]:
    """First messages of general dialogues, none twice."""
    rng, seen = Random(_SEED), set[str]()
    while True:
        said = dialogues.general(rng).partition("<|user|>")[2].partition("<|end|>")[0]
        if said and said not in seen:
            seen.add(said)
            yield said


def _voice(label: int, rng: Random) -> str:
    return advice.advise(rng.choice(advice.situations()), "careless" if label else "kind", rng)


def _living(label: int, rng: Random) -> str:
    of_class = [concept for concept in concepts().values() if concept.living == bool(label)]
    return rng.choice(of_class).fact(rng.choice(["colour", "size", "feel", "place"]))


def _game(label: int, rng: Random) -> str:
    if label:
        return rng.choice(wordings.HINTS)
    return rng.choice(wordings.ADVICE).format(p=rng.choice(advice.situations()).text)


_LABELLED: dict[str, tuple[str, Callable[[int, Random], str]]] = {
    "voices": ("advice: 1 = careless, 0 = kind", _voice),
    "living": ("a fact: 1 = about a living thing, 0 = about another", _living),
    "secrets": ("a person's request: 1 = for a hint in a game, 0 = for advice", _game),
}
