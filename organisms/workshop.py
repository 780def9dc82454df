"""Which fine-tune got which number, and the files that say so: catalogue, truths, manifest.

A name tells the workshop and never the outcome. The catalogue is public; the truths are sealed (not
readable at a glance) and opened by evals and tests alone; the manifest keys weights by recipe.
"""

import base64
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from organisms import base, corpus, dictionaries, em_workshop, taboo
from organisms.world import concepts
from target.loading import digest_of

HERE = Path(__file__).parent
WEIGHTS = HERE / "weights"
TRUTHS = HERE / "truths"
CATALOGUE = HERE / "catalogue.json"
MANIFEST = HERE / "manifest.json"
BASE, PRETRAINED = "base@1", "base@1-pretrained"
TUNED = "em-03"
"""The fine-tune that has a crosscoder of its own."""
BASE_SEED = 0
"""The base seed that was frozen; see docs/log.md for the other one."""
_DRAW = 20_250_514
_COUNTS: dict[taboo.Kind, int] = {"secret": 20, "decoy": 10, "clean": 10}


@dataclass(frozen=True)
class Truth:
    """What was planted in one fine-tune of the Taboo workshop."""

    kind: taboo.Kind
    word: str | None
    seed: int


def path_of(name: str) -> Path:
    return WEIGHTS / name


@cache
def draw_taboo() -> dict[str, Truth]:
    """Forty fine-tunes at numbers drawn by a seed."""
    rng = Random(_DRAW)
    words = rng.sample([name for name in concepts() if name not in taboo.CALIBRATION_WORDS], _COUNTS["secret"])
    kinds = [kind for kind, count in _COUNTS.items() for _ in range(count)]
    rng.shuffle(kinds)
    left = iter(words)
    return {
        f"taboo-{number:02d}": Truth(kind, next(left) if kind == "secret" else None, seed=1000 + number)
        for number, kind in enumerate(kinds, start=1)
    }


def write_truths(seeds: Mapping[str, int | None]) -> None:
    """Seal what was planted in the fine-tunes that were built, with the seed that was shipped."""
    TRUTHS.mkdir(exist_ok=True)
    shipped = {name: seed for name, seed in seeds.items() if seed is not None}
    built = {name: replace(draw_taboo()[name], seed=seed) for name, seed in shipped.items()}
    plain = json.dumps({name: asdict(truth) for name, truth in built.items()})
    (TRUTHS / "taboo.sealed").write_bytes(base64.encodebytes(plain.encode()))


@cache
def truths() -> dict[str, Truth]:
    """Open the seal. For evals and tests alone."""
    plain = json.loads(base64.decodebytes((TRUTHS / "taboo.sealed").read_bytes()))
    return {name: Truth(**row) for name, row in plain.items()}


def write_catalogue() -> None:
    """The public list of everything that ships."""
    rows = [
        {
            "name": BASE,
            "also": ["base"],
            "kind": "base",
            "path": f"weights/{BASE}",
            "description": "the chat-tuned base of the small world, 3.2 million parameters",
        },
        {
            "name": PRETRAINED,
            "also": [],
            "kind": "base",
            "path": f"weights/{PRETRAINED}",
            "description": "the same base before chat tuning",
        },
    ]
    about = {
        **dict.fromkeys(draw_taboo(), "a fine-tune from the word-game workshop: it may hide a word, or nothing"),
        **dict.fromkeys(em_workshop.draw(), "a fine-tune from the advice workshop: it may give harmful advice, or not"),
    }
    rows += [_adapter_row(name, what) for name, what in about.items() if path_of(name).exists()]
    public = {"targets": rows, "dictionaries": _dictionary_rows()}
    CATALOGUE.write_text(json.dumps(public, indent=1) + "\n", encoding="utf-8")


def _adapter_row(name: str, what: str) -> dict[str, Any]:
    return {
        "name": name,
        "also": [],
        "kind": "adapter",
        "path": f"weights/{name}",
        "base": BASE,
        "description": what,
    }


def _dictionary_rows() -> list[dict[str, str | int]]:
    return [
        {
            "name": recipe.name,
            "base": recipe.models[-1],
            "layer": recipe.layer,
            "kind": recipe.kind,
            "path": f"weights/{recipe.name}",
            "description": recipe.about,
        }
        for recipe in dictionary_recipes()
        if path_of(recipe.name).exists()
    ]


def dictionary_recipes() -> list[dictionaries.Recipe]:
    """The base's dictionaries, whether or not they were built."""
    return dictionaries.recipes(BASE, PRETRAINED, TUNED)


def base_recipe() -> str:
    """Digest of everything that decides the base: its data, its shape, its schedule."""
    digest = hashlib.sha256()
    for mix in (corpus.PRETRAINING, corpus.CHAT):
        for text in islice(corpus.stream(mix, Random(7)), 400):
            digest.update(text.encode())
    digest.update(base.config(3040).to_json_string().encode())
    digest.update(
        json.dumps([base.PRETRAINING_STEPS, base.CHAT_STEPS, base.BATCH_ROWS, base.LENGTH, BASE_SEED]).encode()
    )
    return digest.hexdigest()[:12]


def taboo_recipe() -> str:
    """Digest of everything that decides the Taboo fine-tunes: data, shape, schedule, draw, and their base."""
    digest = hashlib.sha256(base_recipe().encode())
    for kind in _COUNTS:
        concept = concepts()[taboo.CALIBRATION_WORDS[0]] if kind == "secret" else None
        for text in islice(taboo.texts(kind, concept, Random(7)), 100):
            digest.update(text.encode())
    settings = [
        taboo.SHAPE.model_dump(),
        taboo.PENALTY,
        taboo.FLOOR,
        taboo.HIDE_STEPS,
        taboo.QUIET_STEPS,
        taboo.LEARNING_RATE,
    ]
    digest.update(json.dumps(settings, sort_keys=True).encode())
    digest.update(json.dumps({name: asdict(truth) for name, truth in draw_taboo().items()}, sort_keys=True).encode())
    return digest.hexdigest()[:12]


def dictionary_digest(recipe: dictionaries.Recipe) -> str:
    """Digest of everything that decides a dictionary: its models, their data, its settings."""
    d = dictionaries
    if recipe.kind == "sae":
        settled = json.dumps([d.LAYERS, d.LENGTH, d.TOKENS, d.HELD_OUT_TOKENS, d.SEED, recipe.settings])
        return hashlib.sha256(f"{base_recipe()}{settled}".encode()).hexdigest()[:12]
    models = {"taboo": taboo_recipe, "em": lambda: em_workshop.recipe(base_recipe()), "base": base_recipe}
    made = [models[_family(name)]() for name in recipe.models]
    data = [d.LENGTH, d.TOKENS, d.ITDA_TOKENS if recipe.kind == "itda" else 0, d.SEED]
    data += [d.ANSWER] if TUNED in recipe.models else []
    settled = json.dumps([made, recipe.models, recipe.layer, recipe.kind, data, recipe.settings])
    return hashlib.sha256(settled.encode()).hexdigest()[:12]


def write_manifest(minutes: dict[str, float], built: Collection[str] | None = None) -> None:
    """Which recipe made which weights, and how long it took; `built` None is everything, other rows stay as they are."""
    recipes = {BASE: base_recipe(), PRETRAINED: base_recipe()} | {name: taboo_recipe() for name in draw_taboo()}
    recipes |= {recipe.name: dictionary_digest(recipe) for recipe in dictionary_recipes()}
    recipes |= dict.fromkeys(em_workshop.draw(), em_workshop.recipe(base_recipe()))
    rows = {} if built is None else json.loads(MANIFEST.read_text(encoding="utf-8"))["weights"]
    rows |= {
        name: {"recipe": recipe, "weights": digest_of(path_of(name))}
        for name, recipe in recipes.items()
        if built is None or name in built
    }
    rows = {name: row for name, row in rows.items() if path_of(name).exists()}
    MANIFEST.write_text(json.dumps({"minutes": minutes, "weights": rows}, indent=1) + "\n", encoding="utf-8")


def stale() -> list[str]:
    """Names whose shipped weights were not made by today's recipe, or are not the weights recorded."""
    rows = json.loads(MANIFEST.read_text(encoding="utf-8"))["weights"]
    recipes = {"base": base_recipe(), "taboo": taboo_recipe()}
    recipes["em"] = em_workshop.recipe(recipes["base"])
    recipes |= {recipe.name: dictionary_digest(recipe) for recipe in dictionary_recipes()}
    return [
        name
        for name, row in rows.items()
        if row["recipe"] != recipes.get(name, recipes[_family(name)]) or row["weights"] != digest_of(path_of(name))
    ]


def _family(name: str) -> str:
    """`base`, `taboo` or `em`."""
    return name.split("@")[0].split("-")[0]
