"""Sparse dictionaries that ship: plain SAEs, nested ones, crosscoders, an ITDA; each with what makes its features fire."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, Literal

import torch
from safetensors.torch import save_file

import target
from organisms import corpus
from target.activations import Store, collect
from target.sparse import saelens
from target.sparse.job import DictionaryJob, matryoshka_groups
from target.sparse.train import Report, run
from target.target import Target
from tools import _dictionary_index as dictionary_index
from tools._dictionary_itda import build
from tools._dictionary_quality import measure
from tools._dictionary_readers import INDEX, read_folder
from tools._dictionary_saving import origin
from tools._dictionary_streams import read
from tools._questions import questions

LAYERS = (1, 2, 3, 4)
"""Of the base, each with a plain SAE."""
LENGTH = 128
TOKENS, HELD_OUT_TOKENS = 400_000, 60_000
ITDA_TOKENS = 60_000
ANSWER = 24
"""Tokens of an answer at most."""
SEED = 41_206
SETTINGS = {"d_sae": 1536, "k": 12, "steps": 800, "batch_rows": 1024, "learning_rate": 2e-3, "precision": "float16"}
NESTED = SETTINGS | {"groups": matryoshka_groups(1536)}
SIDE_BY_SIDE = SETTINGS | {"d_sae": 1024}
PURSUIT: dict[str, Any] = {"l0": 10, "threshold": 0.3}
MIN_EXPLAINED, MAX_DEAD = 0.80, 0.20

Rows = list[list[int]]
Kind = Literal["sae", "matryoshka", "crosscoder", "itda"]


@dataclass(frozen=True)
class Recipe:
    """One dictionary that ships."""

    name: str
    kind: Kind
    layer: int
    models: tuple[str, ...]
    """Public names: the base, or for a crosscoder the model it is compared with and the model under study."""
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """What the public catalogue says of it."""
        where = f"of the residual stream after layer {self.layer}"
        return {
            "sae": f"a sparse autoencoder {where}",
            "matryoshka": f"a Matryoshka sparse autoencoder {where}: nested, coarse features first",
            "crosscoder": f"a crosscoder of {' and '.join(self.models)} {where}",
            "itda": f"an ITDA {where}: its features are earlier activations",
        }[self.kind]


def recipes(base: str, pretrained: str, tuned: str) -> list[Recipe]:
    """Everything that ships, by the public names of the models."""
    plain = [Recipe(name_of(base, layer), "sae", layer, (base,), SETTINGS) for layer in LAYERS]
    nested = [Recipe(f"{base}-matryoshka-layer{layer}", "matryoshka", layer, (base,), NESTED) for layer in (2, 4)]
    pairs = [
        Recipe(f"{base}-crosscoder-{what}-layer3", "crosscoder", 3, models, SIDE_BY_SIDE)
        for what, models in (("chat", (pretrained, base)), (tuned, (base, tuned)))
    ]
    return [*plain, *nested, *pairs, Recipe(f"{base}-itda-layer3", "itda", 3, (base,), PURSUIT)]


def name_of(base_name: str, layer: int) -> str:
    return f"{base_name}-sae-layer{layer}"


@dataclass(frozen=True)
class Card:
    """What was measured on held-out text; cross-entropies in nats per token."""

    name: str
    base: str
    layer: int
    tokens: int
    held_out_tokens: int
    explained_variance: float
    l0: float
    dead: float
    cross_entropy: float
    cross_entropy_spliced: float
    cross_entropy_mean_ablated: float
    recovered: float
    seconds: float

    @property
    def passes(self) -> bool:
        return self.explained_variance >= MIN_EXPLAINED and self.dead <= MAX_DEAD


def train(
    wanted: list[Recipe], out: Path, *, threads: int | None = None, report: Report = lambda _: None
) -> Iterator[Card]:
    """Train, index and measure each dictionary in a folder of `out`; yields its card, written beside it."""
    for models in dict.fromkeys(recipe.models for recipe in wanted):
        mine = [recipe for recipe in wanted if recipe.models == models]
        sources = [target.load(name) for name in models]
        own = sources[-1]
        write = with_own_answers if own.has_adapter else rows
        seen, held_out = (write(own, SEED + n, size) for n, size in enumerate((TOKENS, HELD_OUT_TOKENS)))
        folder = out / "activations"
        store = collect(folder, sources, seen, sorted({recipe.layer for recipe in mine}))
        for recipe in mine:
            started = time.monotonic()
            place = out / recipe.name
            learn(recipe, sources, store, place, threads=threads or torch.get_num_threads(), report=report)
            yield _card(recipe, own, store, seen, held_out, place, started)
        shutil.rmtree(folder)


def learn(
    recipe: Recipe, models: list[Target], store: Store, out: Path, *, threads: int, report: Report = lambda _: None
) -> None:
    """Train one dictionary into a folder."""
    about = origin(models, recipe.layer, store.rows)
    if recipe.kind == "itda":
        pursue(recipe, store, about, out)
        return
    job = {"store": str(store.folder), "layer": recipe.layer, "out": str(out), "metadata": about, "seed": SEED}
    run(DictionaryJob.model_validate(job | {"threads": threads} | recipe.settings), report)


def pursue(recipe: Recipe, store: Store, about: dict[str, Any], out: Path) -> None:
    """Build an ITDA on the first activations of a store."""
    config, tensors = build(store, recipe.layer, **recipe.settings, about=about, most=ITDA_TOKENS)
    saelens.write(out, config, {"W_dec": tensors["W_dec"].half(), "labels": tensors["labels"].int()})


def _card(
    recipe: Recipe, model: Target, store: Store, seen: Rows, held_out: Rows, folder: Path, started: float
) -> Card:
    dictionary = read_folder(folder, folder.name)
    stored = torch.cat([one.activations.flatten(1).half() for one in store.layer(recipe.layer)])
    beside = torch.cat(read(dictionary, model, held_out))
    save_file(dictionary_index.build(dictionary, seen, stored, beside), folder / INDEX)
    found = measure(dictionary, model, held_out)
    card = Card(
        name=recipe.name,
        base=recipe.models[-1],
        layer=recipe.layer,
        tokens=len(stored),
        held_out_tokens=found.tokens,
        explained_variance=round(1 - found.fvu, 4),
        l0=round(found.l0, 2),
        dead=round(found.dead, 4),
        cross_entropy=round(found.cross_entropy, 4),
        cross_entropy_spliced=round(found.spliced, 4),
        cross_entropy_mean_ablated=round(found.mean_ablated, 4),
        recovered=round(found.recovered, 4),
        seconds=round(time.monotonic() - started, 1),
    )
    (folder / "card.json").write_text(json.dumps(asdict(card), indent=1) + "\n", encoding="utf-8")
    return card


def rows(model: Target, seed: int, tokens: int) -> Rows:
    """Documents of both stages in turn, each cut to LENGTH tokens, until there are enough."""
    mixes = [corpus.stream(mix, Random(2 * seed + n)) for n, mix in enumerate((corpus.CHAT, corpus.PRETRAINING))]
    found: Rows = []
    for text in chain.from_iterable(zip(*mixes, strict=True)):
        found.append(model.encode(text)[:LENGTH])
        tokens -= len(found[-1]) - 1
        if tokens <= 0:
            return found
    raise AssertionError("a mix has no end")


def with_own_answers(model: Target, seed: int, tokens: int) -> Rows:
    """Documents, and a fine-tune's own sampled answers to everyday questions, as many tokens of each.

    What a fine-tune does that its base does not is rare or absent in documents that neither wrote. Half as many tokens
    as of documents alone are enough for half as many features.
    """
    half = tokens // 4
    documents, answers, number = rows(model, seed, half), Rows(), 0
    while half > 0:
        asked = [one.text for one in questions(model, "all", 256, seed=1000 * seed + number)]
        prompts = [model.encode_chat([{"role": "user", "content": text}]) for text in asked]
        said = model.generate(prompts, max_new_tokens=ANSWER, temperature=1.0, seed=1000 * seed + number)
        answers += [[*prompt, *one.tokens] for prompt, one in zip(prompts, said, strict=True)]
        half -= sum(map(len, answers[-256:]))
        number += 1
    mixed = documents + answers
    Random(seed).shuffle(mixed)
    return mixed
