"""What our trainer leaves unexplained is no more than what SAELens' does on the same activations in as many steps.

The same for both: the streams of the embedded base, centred and scaled, batches in the same order, width, k, groups,
Adam, the learning rate and its schedule, and the rows after which a latent counts as dead. What differs is the
method: a decoder of unit rows against a free one, the weight of the auxiliary loss, how the threshold is settled.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from statistics import mean, stdev
from types import ModuleType
from typing import Any

import pytest
import torch

import target
from organisms import dictionaries, workshop
from target.activations import Store, collect
from target.sparse import train as training
from target.sparse.job import DictionaryJob, matryoshka_groups
from target.sparse.sparsity import Kind
from tools._dictionary import Dictionary
from tools._dictionary_readers import read_folder

pytestmark = pytest.mark.slow
LAYER, TOKENS, HELD_OUT_TOKENS = 3, 60_000, 20_000
LATENTS, K, STEPS, ROWS, RATE, WARM_UP, DEAD_AFTER = 768, 12, 400, 512, 2e-3, 30, 10_240
SEEDS = (0, 1, 2)
HOOK = {"hook_name": f"blocks.{LAYER}.hook_resid_post"}
METHODS: dict[str, tuple[Kind, bool]] = {
    "TopK": ("topk", False),
    "BatchTopK": ("batchtopk", False),
    "MatryoshkaBatchTopK": ("batchtopk", True),
}


@dataclass(frozen=True)
class Measured:
    """On held-out activations."""

    unexplained: float
    """With as many latents a row as were asked for, whatever threshold was written."""
    l0: float
    """With the threshold that was written."""

    @classmethod
    def of(cls, found: Dictionary, x: torch.Tensor) -> "Measured":
        fires = sum(int((found.encode(some) > 0).sum()) for some in x.split(4096))
        return cls(at_k(found, x).fvu(x), round(fires / len(x), 2))


def at_k(found: Dictionary, x: torch.Tensor) -> Dictionary:
    """With the threshold at which K latents a row fire on average."""
    if found.threshold is None:
        return found
    everything = replace(found, threshold=torch.zeros_like(found.threshold)).encode(x)
    least = everything.flatten().topk(K * len(x), sorted=False).values.min()
    return replace(found, threshold=torch.full_like(found.threshold, float(least)))


@pytest.fixture(scope="module")
def sae_lens() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies' own
        return pytest.importorskip("sae_lens")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Store]:
    """What is learnt from, and what is held out."""
    model, folder = target.load(workshop.BASE), tmp_path_factory.mktemp("stores")
    sizes = {"seen": TOKENS, "held_out": HELD_OUT_TOKENS}
    seen, held_out = (
        collect(folder / name, [model], dictionaries.rows(model, 9_000 + n, size), [LAYER])
        for n, (name, size) in enumerate(sizes.items())
    )
    return seen, held_out


def scaled(batches: Iterator[torch.Tensor], store: Store) -> Iterator[torch.Tensor]:
    """Activations (row, d_model) as our trainer sees them."""
    centre, scale = store.statistics(LAYER)
    return ((batch[:, 0] - centre[0]) / scale[0] for batch in batches)


def groups(nested: bool) -> tuple[int, ...]:
    return matryoshka_groups(LATENTS) if nested else ()


def ours(method: str, seed: int, store: Store, folder: Path) -> Dictionary:
    kind, nested = METHODS[method]
    settings = {"layer": LAYER, "d_sae": LATENTS, "k": K, "steps": STEPS, "batch_rows": ROWS, "learning_rate": RATE}
    settings |= {"warmup_steps": WARM_UP, "dead_after": DEAD_AFTER, "metadata": HOOK, "seed": seed}
    settings |= {"kind": kind, "groups": groups(nested), "threads": torch.get_num_threads()}
    training.train(DictionaryJob.model_validate(settings | {"store": str(store.folder), "out": str(folder)}), print)
    return read_folder(folder, "ours")


def theirs(method: str, seed: int, store: Store, folder: Path, sae_lens: ModuleType) -> Dictionary:
    """A dictionary of scaled activations."""
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.saes.sae import SAEMetadata
    from sae_lens.training.sae_trainer import SAETrainer

    torch.manual_seed(seed)
    more: dict[str, Any] = {"matryoshka_widths": [*accumulate(groups(True))]} if METHODS[method][1] else {}
    make = getattr(sae_lens, f"{method}TrainingSAEConfig")
    sae = getattr(sae_lens, f"{method}TrainingSAE")(
        make(d_in=store.d_model, d_sae=LATENTS, k=K, metadata=SAEMetadata(**HOOK), **more)
    )
    config = SAETrainerConfig(
        total_training_samples=STEPS * ROWS,
        train_batch_size_samples=ROWS,
        lr=RATE,
        lr_end=RATE,
        lr_warm_up_steps=WARM_UP,
        lr_decay_steps=STEPS // 5,
        dead_feature_window=DEAD_AFTER // ROWS,
        logger=LoggingConfig(log_to_wandb=False),
    )
    SAETrainer(config, sae, scaled(store.batches(LAYER, ROWS, seed=seed), store)).fit()
    sae.save_inference_model(folder)
    return read_folder(folder, "theirs")


@pytest.mark.parametrize("method", METHODS)
def test_as_much_is_explained_as_by_saelens(
    method: str, stores: tuple[Store, Store], sae_lens: ModuleType, tmp_path: Path
) -> None:
    store, held_out = stores
    raw = torch.cat([part.activations[:, 0] for part in held_out.layer(LAYER)])
    same = next(scaled(iter([raw[:, None]]), store))
    mine, other = list[Measured](), list[Measured]()
    for seed in SEEDS:
        mine.append(Measured.of(ours(method, seed, store, tmp_path / f"ours-{seed}"), raw))
        other.append(Measured.of(theirs(method, seed, store, tmp_path / f"theirs-{seed}", sae_lens), same))
    own, their = ([one.unexplained for one in some] for some in (mine, other))
    said = f"{method}: ours {mean(own):.4f} of {mine}, SAELens {mean(their):.4f} (sd {stdev(their):.4f}) of {other}"
    print(said)
    assert mean(own) <= mean(their) + 2 * stdev(their), said
    assert mean(one.l0 for one in mine) == pytest.approx(K, rel=0.05), said
