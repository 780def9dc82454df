"""What ITDA's atoms can and cannot say: invariance, layers of three models matched, the floors, cost against an SAE."""

import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.result import Metric
from evals.suites import Options

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target
    from tools._dictionary import Dictionary
    from tools._itda_layers import Layers

TOKENS, SEED = 24_000, 31
"""Twice as many with `--full`."""
FEW = 6_000
"""Tokens with which the matching is shown too: with few it is noisy."""
Pair = tuple[int, int]
SAE: dict[str, Any] = {"steps": 800, "batch_rows": 1024, "learning_rate": 2e-3}
SAE_TOKENS = 200_000


def measure(options: Options) -> Iterator[Metric]:
    """Invariance first, then models that differ in their seed, then the cost."""
    import target
    from organisms import dictionaries, seed_bases, workshop

    base = target.load(workshop.BASE)
    models = [target.load(str(folder)) for folder in seed_bases.folders(workshop.base_recipe())]
    rows = dictionaries.rows(base, SEED, TOKENS * (2 if options.full else 1))
    yield from _invariance(base, rows)
    few = dictionaries.rows(base, SEED, FEW)
    yield _mean(f"layers that find their own by ITDA, {FEW:,} tokens", *_found(models, few))
    yield from _matching(models, rows)
    yield from _beside_an_sae(base)


def _invariance(base: "Target", rows: "Sequence[Sequence[int]]") -> Iterator[Metric]:
    """The same activations turned and scaled, in float64."""
    import torch

    from tools._itda import Builder, jaccard
    from tools._itda_layers import L0, THRESHOLD

    x = torch.cat([s[0, 1:].double() for s in base.residuals(rows[:40], [base.num_layers // 2])])
    labels = torch.stack([torch.zeros(len(x), dtype=torch.long), torch.arange(len(x))], 1)
    generator = torch.Generator().manual_seed(SEED)
    turn = torch.linalg.qr(torch.randn(x.shape[1], x.shape[1], generator=generator, dtype=torch.float64)).Q
    built = []
    for some in (x, x @ turn, 3 * x):
        builder = Builder(x.shape[1], L0, THRESHOLD, dtype=torch.float64)
        builder.add(some, labels)
        built.append(builder.finish())
    yield Metric("overlap under rotation", jaccard(built[0], built[1]), len(built[0].atoms), bar=1.0)
    yield Metric("overlap under scaling", jaccard(built[0], built[2]), len(built[0].atoms), bar=1.0)


def _read(models: "list[Target]", rows: "Sequence[Sequence[int]]") -> "tuple[list[Layers], dict[Pair, Tensor]]":
    """The dictionaries of every layer of each model, and the overlaps (layer, layer) of every ordered pair."""
    from tools import _itda_layers as layers

    data = hashlib.sha256(repr(rows).encode()).hexdigest()
    read = [layers.read(model, rows, range(model.num_layers), data) for model in models]
    pairs = permutations(range(len(models)), 2)
    return read, {(a, b): layers.overlaps(read[a].dictionaries, read[b].dictionaries) for a, b in pairs}


def _found(models: "list[Target]", rows: "Sequence[Sequence[int]]") -> "tuple[Tensor, int]":
    """The share of layers (pair) that find their own, and how many are asked."""
    import torch

    from tools._similarity import match

    _, overlap = _read(models, rows)
    return torch.tensor([match(scores) for scores in overlap.values()]), models[0].num_layers * len(overlap)


def _matching(models: "list[Target]", rows: "Sequence[Sequence[int]]") -> Iterator[Metric]:
    """Every ordered pair of three models: does each layer find its own?"""
    import torch

    from tools import _itda_layers as layers
    from tools._similarity import match

    read, overlap = _read(models, rows)
    pairs = list(overlap)
    floor = _floors(read, pairs, layers.shuffled)
    chance = _floors(read, pairs, layers.drawn)
    count = models[0].num_layers * len(pairs)
    own = torch.tensor([match(scores) for scores in overlap.values()])
    yield _mean("layers that find their own by ITDA, all ordered pairs", own, count, bar=0.8)
    for name, measure_ in (("linear CKA", "cka"), ("SVCCA", "svcca")):
        scores = {(a, b): layers.alignments(read[a], read[b], measure_) for a, b in pairs if a < b}
        both = torch.tensor([match(s) for one in scores.values() for s in (one, one.T)])
        yield _mean(f"layers that find their own by {name}", both, count)
        if measure_ == "cka":
            gap = round(float(own.mean() - both.mean()), 4)
            yield Metric("ITDA less CKA, share of layers", gap, count, bar=-0.05)
    same = torch.stack([scores.diagonal() for scores in overlap.values()])
    yield _mean("overlap of the same layer in two models", same.flatten(), count)
    yield _mean("the same with one model's activations shuffled: the floor", floor.flatten(), count)
    yield _mean("the same with tokens drawn at random", chance.flatten(), count)
    yield Metric("overlap less floor, mean", round(float((same - floor).mean()), 4), count, bar=0.1)
    yield Metric("overlap less floor, worst layer of the worst pair", round(float((same - floor).min()), 4), count)
    yield Metric("share of tokens that became atoms", round(sum(one.kept for one in read) / len(read), 4), len(rows))


def _floors(read: "list[Layers]", pairs: "list[Pair]", control: Any) -> "Tensor":
    """Overlap of the same layer (pair, layer) with a control of the second model."""
    import torch

    from tools._itda import jaccard

    others = [control(one, SEED) for one in read]
    return torch.tensor(
        [[jaccard(x, y) for x, y in zip(read[a].dictionaries, others[b], strict=True)] for a, b in pairs]
    )


def _beside_an_sae(base: "Target") -> Iterator[Metric]:
    """The shipped dictionary beside an SAE of as many latents: what the model keeps, and what each took."""
    from organisms import dictionaries, workshop
    from target.activations import collect
    from tools._dictionary_formats import load
    from tools._dictionary_quality import measure as judged

    recipe = next(one for one in workshop.dictionary_recipes() if one.kind == "itda")
    shipped, held_out = load(recipe.name, base), dictionaries.rows(base, 9_002, 8_000)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = collect(folder / "activations", [base], dictionaries.rows(base, 9_003, SAE_TOKENS), [recipe.layer])
        started = time.process_time()
        dictionaries.pursue(recipe, store, {}, folder / "itda")
        took = time.process_time() - started
        sae, seconds = _sae(store, recipe.layer, shipped, folder / "sae")
    own, theirs = judged(shipped, base, held_out), judged(sae, base, held_out)
    of = f"{shipped.d_sae} atoms"
    yield Metric("atoms, in widths of the model", round(shipped.d_sae / base.d_model, 2), shipped.d_sae)
    yield Metric(
        f"cross-entropy recovered from zero ablation, {of}", round(own.recovered_from_zero, 4), own.tokens, bar=0.9
    )
    yield Metric("the same from mean ablation", round(own.recovered, 4), own.tokens)
    yield Metric("the same, an SAE of as many latents", round(theirs.recovered_from_zero, 4), own.tokens)
    yield Metric("variance unexplained, ITDA", round(own.fvu, 4), own.tokens)
    yield Metric("variance unexplained, SAE", round(theirs.fvu, 4), own.tokens)
    yield Metric("features a token, ITDA", round(own.l0, 2), own.tokens)
    yield Metric("features a token, SAE", round(theirs.l0, 2), own.tokens)
    yield Metric("processor time of the ITDA, as a share of the SAE's", round(took / seconds, 4))
    rows = SAE["steps"] * SAE["batch_rows"]
    yield Metric("activations seen by the ITDA, as a share of the SAE's", round(dictionaries.ITDA_TOKENS / rows, 4))


def _sae(store: Any, layer: int, like: "Dictionary", out: Path) -> "tuple[Dictionary, float]":
    """A BatchTopK SAE of as many latents and as many a token, and the processor time it took."""
    from target.sparse.job import DictionaryJob
    from target.sparse.train import train
    from tools._dictionary_readers import read_folder

    about = {"hook_name": f"blocks.{layer}.hook_resid_post"}
    job = {"store": str(store.folder), "layer": layer, "out": str(out), "d_sae": like.d_sae, "k": like.k, "seed": SEED}
    started = time.process_time()
    train(DictionaryJob.model_validate(job | SAE | {"metadata": about}), lambda line: None)
    return read_folder(out, "sae"), time.process_time() - started


def _mean(name: str, values: "Tensor", n: int, *, bar: float | None = None) -> Metric:
    """Mean and range."""
    return Metric(name, round(float(values.mean()), 4), n, float(values.min()), float(values.max()), bar)
