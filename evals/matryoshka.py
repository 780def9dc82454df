"""Do nested dictionaries keep their hierarchy? On a planted tree, and on the embedded base beside plain BatchTopK."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from evals.planted_dictionaries import CHILDREN, PARENTS, TREE_WIDTH, Tree, tree, tree_dictionary
from evals.result import Metric, spread
from evals.side_by_side import each
from evals.suites import Options
from tools import _sparse_probe as probing
from tools._probes import fit
from tools.prefix_view import shuffled

if TYPE_CHECKING:
    from torch import Tensor

    from target.activations import Store
    from target.target import Target
    from tools._dictionary import Dictionary

SEEDS = (0, 1, 2, 3, 4)
LAYER, LATENTS, K, TOKENS = 3, 768, 12, 60_000
SETTINGS: dict[str, Any] = {"d_sae": LATENTS, "k": K, "steps": 700, "batch_rows": 512, "learning_rate": 2e-3}
HELD_OUT_TOKENS = 40_000
LEAST_WORDS, PLACES_A_WORD, ERASED = 6, 12, 5
PROBED, ERASURE = "accuracy of probes on one latent", f"erasure with {ERASED} latents"
KINDS = ("BatchTopK", "Matryoshka")
Pairs = dict[str, list[float]]


def measure(options: Options) -> Iterator[Metric]:
    """First where the truth is known, then on a model."""
    yield from _planted()
    yield from _on_the_base()


def _planted() -> Iterator[Metric]:
    found = each(_on_a_tree, SEEDS)
    absorbed, cosines, explained = (
        {kind: [getattr(one[kind], what) for one in found] for kind in KINDS}
        for what in ("absorption", "cosine", "explained")
    )
    ratio = median(absorbed["Matryoshka"]) / max(1e-9, median(absorbed["BatchTopK"]))
    yield spread("planted tree: absorption, BatchTopK", absorbed["BatchTopK"])
    yield spread("planted tree: absorption, Matryoshka", absorbed["Matryoshka"], bar=0.15, side="at most")
    yield Metric("planted tree: absorption, ratio of the medians", round(ratio, 3), len(SEEDS), bar=0.4, side="at most")
    for kind in KINDS:
        yield spread(f"planted tree: cosine of the parents' best latents, {kind}", cosines[kind])
        yield spread(f"planted tree: explained variance, {kind}", explained[kind])
    lost = [one["Matryoshka"].lost for one in found]
    yield spread("planted tree: explained variance that the first group loses in a random order", lost)


class OnATree(NamedTuple):
    """What one dictionary of a planted tree reaches."""

    absorption: float
    """Mean share of the places of a parent's children at which the parent's best latent is silent."""
    cosine: float
    """Mean cosine of the parents' best latents."""
    explained: float
    lost: float
    """What the first group explains less when the latents are put in a random order."""


def _on_a_tree(seed: int) -> dict[str, OnATree]:
    found = {}
    for kind in KINDS:
        world = tree(seed)
        made = tree_dictionary(world, seed, (TREE_WIDTH // 5,) * 5 if kind == "Matryoshka" else ())
        absorption, cosine, unexplained = _against_truth(made, world)
        found[kind] = OnATree(absorption, cosine, 1 - unexplained, _prefix_lost(made, world, seed))
    return found


def _against_truth(found: "Dictionary", world: Tree) -> tuple[float, float, float]:
    """Mean absorption of the parents, mean cosine of their best latents, share of variance unexplained."""
    on, x = world.draw(20_000)
    cosines = world.directions[:PARENTS] @ torch.nn.functional.normalize(found.W_dec, dim=1).T
    best = cosines.max(1)
    fires = found.encode(x) > 0
    child = on[:, PARENTS:].view(-1, PARENTS, CHILDREN).any(-1)
    silent = [float((~fires[child[:, p], int(best.indices[p])]).float().mean()) for p in range(PARENTS)]
    return sum(silent) / PARENTS, float(best.values.mean()), found.fvu(x)


def _prefix_lost(found: "Dictionary", world: Tree, seed: int) -> float:
    """How much less the first group explains when the latents are put in a random order."""
    x, size = world.draw(20_000)[1], TREE_WIDTH // 5
    return shuffled(found, seed).prefix(size).fvu(x) - found.prefix(size).fvu(x)


def _on_the_base() -> Iterator[Metric]:
    import target
    from organisms import dictionaries, workshop
    from target.activations import collect

    model = target.load(workshop.BASE)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        collect(folder / "activations", [model], dictionaries.rows(model, 9_000, TOKENS), [LAYER])
        found = each(_one_seed, [(seed, folder) for seed in SEEDS])
    names = list(found[0][KINDS[0]])
    yield from _compared({name: {kind: [one[kind][name] for one in found] for kind in KINDS} for name in names})


def _one_seed(part: tuple[int, Path]) -> dict[str, dict[str, float]]:
    """What a dictionary of either kind reaches."""
    import target
    from organisms import dictionaries, workshop
    from target.activations import Store

    seed, folder = part
    model = target.load(workshop.BASE)
    held_out = dictionaries.rows(model, 9_001, HELD_OUT_TOKENS)
    streams = [s[0].float() for s in model.residuals(held_out, [LAYER])]
    x, words = torch.cat([stream[1:] for stream in streams]), _words(model, held_out, streams)
    asked = [Asked.of(words.x, labels, seed) for labels in words.concepts]
    store, scores = Store.open(folder / "activations"), {}
    for kind in KINDS:
        found = _trained(store, folder / f"{kind}-{seed}", seed, nested=kind == "Matryoshka")
        scores[kind] = _scored(found, x, words, asked)
    return scores


@dataclass(frozen=True)
class Words:
    """Words of the world in held-out documents."""

    x: "Tensor"
    """The stream at each (row, d_model)."""
    concepts: "Tensor"
    """Labels of every category (category, row)."""


def _words(model: "Target", rows: "Sequence[Sequence[int]]", streams: "Sequence[Tensor]") -> Words:
    """Every word of the world in as many places as there are, up to a few; categories of a few words or more."""
    from organisms.world import concepts

    by_token = {model.word_token(one.name): one for one in concepts().values()}
    places: dict[str, list[Tensor]] = {}
    for ids, stream in zip(rows, streams, strict=True):
        for place, token in enumerate(ids):
            if token in by_token and len(found := places.setdefault(by_token[token].name, [])) < PLACES_A_WORD:
                found.append(stream[place])
    kinds = [concepts()[name].category for name, found in places.items() for _ in found]
    counted = Counter(concepts()[name].category for name in places)
    kept = sorted(kind for kind, count in counted.items() if count >= LEAST_WORDS)
    labels = [torch.tensor([one == kind for one in kinds]).long() for kind in kept]
    return Words(torch.stack([one for found in places.values() for one in found]), torch.stack(labels))


@dataclass(frozen=True)
class Asked:
    """One category: rows to judge latents on, and probes that do not depend on the dictionary."""

    labels: "Tensor"
    halves: probing.Split
    reader: probing.Reader
    rows: "Tensor"
    """As many with the category as without (row)."""
    split: probing.Split
    """Of these."""
    weights: "Tensor"
    bias: float

    @classmethod
    def of(cls, x: "Tensor", labels: "Tensor", seed: int) -> "Asked":
        yes, no = (torch.nonzero(labels == value).flatten() for value in (1, 0))
        drawn = torch.randperm(len(no), generator=torch.Generator().manual_seed(seed))[: len(yes)]
        rows, halves = torch.cat([yes, no[drawn]]), probing.halves(labels, seed)
        weights, bias = fit(x[rows], labels[rows])
        split = probing.halves(labels[rows], seed)
        return cls(labels, halves, probing.Reader(x, labels, halves), rows, split, weights, float(bias))


def _trained(store: "Store", out: Path, seed: int, *, nested: bool) -> "Dictionary":
    from target.sparse.job import DictionaryJob, matryoshka_groups
    from target.sparse.train import train
    from tools._dictionary_readers import read_folder

    groups = matryoshka_groups(LATENTS) if nested else ()
    about = {"hook_name": f"blocks.{LAYER}.hook_resid_post"}
    job = {"store": str(store.folder), "layer": LAYER, "out": str(out), "groups": groups, "seed": seed}
    train(DictionaryJob.model_validate(job | SETTINGS | {"metadata": about, "threads": 1}), lambda line: None)
    return read_folder(out, out.name)


def _scored(found: "Dictionary", held_out: "Tensor", words: Words, asked: list[Asked]) -> dict[str, float]:
    """What one dictionary reaches, means over the categories."""
    features, readers = found.encode(words.x), [one.reader for one in asked]
    lists: dict[str, list[float]] = {}
    for number, one in enumerate(asked):
        some, labels = features[one.rows], one.labels[one.rows]
        latents = probing.best_latents(features[one.halves.train], one.labels[one.halves.train], ERASED)
        erasure = probing.erasure(words.x, features, found.W_dec, latents, readers, number)
        values = {
            PROBED: probing.sparse_probe(some, labels, one.split, 1),
            "latents a category is split over": probing.split_latents(some, labels, one.split),
            "absorption of categories": probing.absorption(
                words.x[one.rows], some, found.W_dec, labels, one.weights, one.bias
            ),
            f"{ERASURE}: own category lost": erasure.own,
            f"{ERASURE}: others lost": erasure.others,
            f"{ERASURE}: own less others": erasure.targeted,
        }
        for name, value in values.items():
            lists.setdefault(name, []).append(value)
    return {
        "share of variance unexplained": found.fvu(held_out),
        "L0": float((found.encode(held_out) > 0).sum(1).float().mean()),
        "first sixteenth, share of variance unexplained": found.prefix(LATENTS // 16).fvu(held_out),
    } | {name: sum(values) / len(values) for name, values in lists.items()}


def _compared(scores: dict[str, Pairs]) -> Iterator[Metric]:
    for name, by_kind in scores.items():
        for kind in KINDS:
            yield spread(f"base: {name}, {kind}", by_kind[kind])
    fvu = scores["share of variance unexplained"]
    ratio = median(fvu["Matryoshka"]) / median(fvu["BatchTopK"])
    yield Metric(
        "base: share unexplained, Matryoshka over BatchTopK", round(ratio, 3), len(SEEDS), bar=1.1, side="at most"
    )
    for name in (PROBED, f"{ERASURE}: own less others"):
        yield _difference(name, scores[name])


def _difference(name: str, by_kind: Pairs) -> Metric:
    """Matryoshka less BatchTopK, seed by seed."""
    gains = [a - b for a, b in zip(by_kind["Matryoshka"], by_kind["BatchTopK"], strict=True)]
    return spread(f"base: {name}, Matryoshka less BatchTopK", gains, bar=0.0)
