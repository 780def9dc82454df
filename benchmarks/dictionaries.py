"""Sparse dictionaries: a training step against SAELens', an ITDA against its definition, memory of a million tokens.

On planted activations, sums of a few of many directions. Steps and constructions stand beside what they are compared
with, in turn in one process with one torch thread, in processor time: what else runs on the machine then counts little.
"""

import itertools
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import _peak, _rounds, _store
from evals.result import Metric
from evidence.errors import MaieuticError

if TYPE_CHECKING:
    from torch import Tensor

THREADS = 1
FEATURES, ACTIVE = 4096, 12
K, ROWS = 12, 1024
NEVER = 2**40
"""Rows or steps after which a latent counts as dead: helping it costs SAELens half a step more and would flatter us."""
L0, THRESHOLD, VISITED, ITDA_ROUNDS = 10, 0.3, 10_000, 3
SMALL, LARGE = 100_000, 1_000_000
SHARD, FEW = 50_000, 4
"""Rows of a shard, and how many different shards there are in a million rows: the others repeat them."""


class Size(NamedTuple):
    """A dictionary, how long both train before they are timed, and how long they are."""

    width: int
    latents: int
    first_steps: int
    steps: int
    rounds: int


SIZES = [Size(192, 1536, 10, 10, 7), Size(768, 6144, 2, 1, 5)]


def run() -> Iterator[Metric]:
    """Ratios with bars, and the numbers they are of."""
    import torch

    torch.set_num_threads(THREADS)
    yield _rounds.load()
    yield Metric("torch threads", THREADS)
    for size in SIZES:
        for nested in (False, True):
            yield from _step(size, nested)
    yield from _construction()
    yield from _memory()


def _step(size: Size, nested: bool) -> Iterator[Metric]:
    seconds = _rounds.in_turn(
        {"ours": _ours(size, nested), "SAELens": _theirs(size, nested)}, size.rounds, time.process_time
    )
    what = f"{'Matryoshka' if nested else 'BatchTopK'} {size.width} x {size.latents}"
    for name, found in seconds.items():
        yield Metric(f"tokens a second, {what}, {name}", round(size.steps * ROWS / min(found)), len(found))
    yield _rounds.ratio(f"training speed, {what}, ours / SAELens", seconds, "SAELens", "ours", bar=1.0, side="at least")


def _ours(size: Size, nested: bool) -> Callable[[], object]:
    from target.sparse.job import matryoshka_groups
    from target.sparse.learner import Learner, Shape

    groups = matryoshka_groups(size.latents) if nested else ()
    learner = Learner(Shape(size.width, size.latents, K, groups=groups, dead_after=NEVER))
    return _steps(size, lambda x: learner.step(x, 2e-3))


def _theirs(size: Size, nested: bool) -> Callable[[], object]:
    from target.sparse.job import matryoshka_groups

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of its dependencies
        import sae_lens
        from sae_lens.config import SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

    name = "MatryoshkaBatchTopKTraining" if nested else "BatchTopKTraining"
    widths = {"matryoshka_widths": [*itertools.accumulate(matryoshka_groups(size.latents))]} if nested else {}
    config = getattr(sae_lens, f"{name}SAEConfig")(d_in=size.width, d_sae=size.latents, k=K, **widths)
    about = SAETrainerConfig(
        total_training_samples=ROWS * 10_000,
        train_batch_size_samples=ROWS,
        lr=2e-3,
        lr_end=2e-3,
        dead_feature_window=NEVER,
    )
    trainer: Any = SAETrainer(about, getattr(sae_lens, f"{name}SAE")(config), iter(()))

    def step(x: "Tensor") -> None:
        trainer.step(x)
        trainer.n_training_steps += 1

    return _steps(size, step)


def _steps(size: Size, step: "Callable[[Tensor], object]") -> Callable[[], object]:
    """Some steps on batches that come again and again, after those of the beginning."""
    batches = itertools.cycle([_planted(ROWS, size.width, seed) for seed in range(20)])

    def several(count: int) -> None:
        for x in itertools.islice(batches, count):
            step(x)

    several(size.first_steps)
    return lambda: several(size.steps)


def _planted(rows: int, width: int, seed: int) -> "Tensor":
    """Sums (row, width) of a few of many directions, with some noise, of unit variance."""
    import torch

    directions = torch.randn(FEATURES, width, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed + 1)
    which = (FEATURES * torch.rand(rows, ACTIVE, generator=generator) ** 2).long()  # some far oftener than others
    amount = 0.5 + torch.rand(rows, ACTIVE, generator=generator)
    x = torch.nn.functional.embedding_bag(which, directions, per_sample_weights=amount, mode="sum") / ACTIVE**0.5
    return x + 0.1 * torch.randn(rows, width, generator=generator)


def _construction() -> Iterator[Metric]:
    import torch

    from tools._itda import Builder, build_naive

    x = _streams()
    labels = torch.stack([torch.arange(len(x)) // 100, torch.arange(len(x)) % 100], 1)
    built: dict[str, Any] = {}

    def fast() -> None:
        builder = Builder(x.shape[1], L0, THRESHOLD)
        builder.add(x, labels)
        built["Builder"] = builder.finish()

    def naive() -> None:
        built["definition"] = build_naive(x, labels, L0, THRESHOLD)

    seconds = _rounds.in_turn({"Builder": fast, "definition": naive}, ITDA_ROUNDS, time.process_time)
    a, b = ({tuple(label) for label in itda.labels.tolist()} for itda in built.values())
    yield Metric("ITDA: atoms", len(b), len(x))
    yield Metric("ITDA: atoms that are not in both", len(a ^ b), len(a | b), bar=0, side="at most")
    yield _rounds.ratio("ITDA: speed, Builder / definition", seconds, "definition", "Builder", bar=3.0, side="at least")


def _streams() -> "Tensor":
    """Activations (row, d_model) of the embedded base on texts of its own kind: of planted ones all would be atoms."""
    import torch

    import target
    from organisms import dictionaries, workshop

    model = target.load(workshop.BASE)
    texts = dictionaries.rows(model, 7, VISITED)
    return torch.cat([stream[0, 1:] for stream in model.residuals(texts, [3])]).float()


def _memory() -> Iterator[Metric]:
    with tempfile.TemporaryDirectory() as folder:
        different = [_planted(SHARD, 192, 100 + n)[:, None] for n in range(FEW)]
        _store.write(Path(folder), itertools.islice(itertools.cycle(different), LARGE // SHARD), dtype="float16")
        found = {rows: _in_a_process(rows, folder) for rows in (SMALL, LARGE)}
    for rows, one in found.items():
        yield Metric(f"processor seconds, {rows:,} tokens", round(one["seconds"], 1), 1)
        yield Metric(f"peak megabytes, {rows:,} tokens", round(one["process"], 1))
        yield Metric(f"of these above the loaded dictionary, {rows:,} tokens", round(one["megabytes"], 1))
    share = found[LARGE]["process"] / found[SMALL]["process"]
    yield Metric("peak memory, a million tokens / a tenth of them", round(share, 3), bar=1.1, side="at most")


def _in_a_process(rows: int, folder: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.dictionaries", str(rows), folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MaieuticError(f"encoding {rows} tokens failed: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _encoded(rows: int, folder: Path) -> dict[str, float]:
    """Seconds and megabytes of finding every token's strongest features, and how often each is among them."""
    import torch

    from target.activations import Store
    from target.sparse.parameters import start
    from tools._dictionary import Dictionary

    torch.set_num_threads(THREADS)
    p = start(192, 1536)._asdict() | {"W_enc": start(192, 1536).W_enc}
    parts = {name: p[name].detach().contiguous() for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    dictionary = Dictionary(
        name="random",
        layer=_store.LAYER,
        architecture="jumprelu",
        **parts,
        threshold=torch.full((1536,), 2.0),
        k=None,
        apply_b_dec_to_input=True,
        normalization="none",
        digest="0" * 12,
    )
    shards, counts = Store.open(folder).layer(_store.LAYER), torch.zeros(1536, dtype=torch.long)
    dictionary.encode_top(_planted(256, 192, 0), K)  # as it has run in a session
    started = time.process_time()
    with _peak.above() as peak:
        for stored in itertools.islice(shards, rows // SHARD):
            best = dictionary.encode_top(stored.activations[:, 0], K)
            counts += torch.bincount(best.indices[best.values > 0], minlength=1536)
    assert counts.sum() > rows, "features fire"
    return {"seconds": time.process_time() - started, "megabytes": peak.megabytes, "process": peak.process}


if __name__ == "__main__":
    print(json.dumps(_encoded(int(sys.argv[1]), Path(sys.argv[2]))))
