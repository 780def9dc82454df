"""Does a crosscoder lie? On two planted models, and what the tuned model's own features do on the embedded ones."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from evals.planted_dictionaries import ATTENUATED, COEFFICIENT, ONLY, SHARED, pair, pair_dictionary
from evals.result import Metric, bootstrapped, spread
from evals.side_by_side import each
from evals.suites import Options
from target.sparse.sparsity import Kind

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target
    from tools._dictionary import Dictionary

SEEDS = (0, 1, 2)
ROWS = 40_000
FOUND = 0.8
"""The least cosine between a decoder row and a planted direction for the latent to be of that feature."""
LENGTH, DRAWS, SEED = 16, 20, 77


class Seen(NamedTuple):
    """What one planted pair of models gave."""

    called: int
    """Latents that the decoder calls the tuned model's own."""
    false: int
    """Of these, the ones that are of no planted feature of its own."""
    kept: int
    """Still called so after latent scaling."""
    kept_false: int
    recall: float
    """Share of the planted features of its own that a kept latent is of."""
    shared: float
    """Median nu (error) of latents of shared features."""
    attenuated: float
    """Of those that the base has at a quarter of the strength."""
    unexplained: float


def measure(options: Options) -> Iterator[Metric]:
    """First where the truth is known, then on models."""
    yield from _planted()
    yield from _on_models()


def _planted() -> Iterator[Metric]:
    found = each(_seen, [(seed, kind) for kind in ("batchtopk", "l1") for seed in SEEDS])
    good, lying = found[: len(SEEDS)], found[len(SEEDS) :]
    kept, false = sum(one.kept for one in good), sum(one.kept_false for one in good)
    yield Metric(
        "planted: precision after latent scaling, BatchTopK", round(1 - false / max(1, kept), 4), kept, bar=1.0
    )
    yield spread("planted: recall of the tuned model's own features", [one.recall for one in good], bar=0.7)
    error = [abs(one.attenuated - COEFFICIENT) for one in good]
    yield spread("planted: nu of attenuated features, distance from the truth", error, bar=0.05, side="at most")
    error = [abs(one.shared - 1) for one in good]
    yield spread("planted: nu of shared features, distance from the truth", error, bar=0.05, side="at most")
    for name, some in (("BatchTopK", good), ("L1", lying)):
        yield spread(f"planted: variance unexplained, {name}", [one.unexplained for one in some])
        yield spread(
            f"planted: latents called the tuned model's own by the decoder, {name}", [one.called for one in some]
        )
        yield spread(f"planted: of these false, {name}", [one.false for one in some])
        yield spread(f"planted: false after latent scaling, {name}", [one.kept_false for one in some])


def _seen(part: tuple[int, Kind]) -> Seen:
    """What a crosscoder of one planted pair says of it."""
    import torch

    from tools._latent_scaling import RELATIVE_NORM, LatentScaling, kinds, relative_norms

    seed, kind = part
    world = pair(seed)
    found = pair_dictionary(world, seed, kind)
    x = world.draw(ROWS)
    adding = LatentScaling(found)
    for some in x.split(4096):
        adding.add(some)
    scaling, norms = adding.finish(0), relative_norms(found, 0)
    kind_of = kinds(norms, scaling)
    cosines = torch.nn.functional.normalize(found.atoms, dim=1) @ world.directions.T
    of = torch.where(cosines.max(1).values > FOUND, cosines.argmax(1), -1).tolist()
    alive = (scaling.active > 0).tolist()
    own = set(range(SHARED, SHARED + ONLY))
    called = [n for n in range(found.d_sae) if alive[n] and float(norms[n]) > RELATIVE_NORM]
    kept = [n for n in called if kind_of[n] == "specific"]
    attenuated = range(SHARED + 2 * ONLY, SHARED + 2 * ONLY + ATTENUATED)
    return Seen(
        called=len(called),
        false=sum(of[n] not in own for n in called),
        kept=len(kept),
        kept_false=sum(of[n] not in own for n in kept),
        recall=len({of[n] for n in kept} & own) / ONLY,
        shared=_nu(scaling.nu_error, [n for n in range(found.d_sae) if 0 <= of[n] < SHARED]),
        attenuated=_nu(scaling.nu_error, [n for n in range(found.d_sae) if of[n] in attenuated]),
        unexplained=found.fvu(x),
    )


def _nu(nus: "Tensor", latents: list[int]) -> float:
    return float(nus[latents].nanmedian()) if latents else float("nan")


def _on_models() -> Iterator[Metric]:
    import target
    from organisms import workshop
    from tools._dictionary_formats import load

    for recipe in workshop.dictionary_recipes():
        if recipe.kind == "crosscoder":
            model = target.load(recipe.models[-1])
            yield from _effect(f"{recipe.models[-1]} beside {recipe.models[0]}", model, load(recipe.name, model))


def _effect(names: str, model: "Target", found: "Dictionary") -> Iterator[Metric]:
    """What the model's own features take of the divergence, against sets of others that fire as often."""
    import torch

    from tools._crosscoder import answered, divergences, measured, other_of
    from tools._latent_scaling import RELATIVE_NORM, most_own, relative_norms
    from tools._own_text import given_or_own
    from tools._texts import rows
    from tools.crosscoder_diff import TOKENS
    from tools.crosscoder_patch import as_set, everyday, random_sets, specific

    seen = measured(found, model, given_or_own(model, None, TOKENS, SEED))
    scaling = seen.scaling
    called = int((relative_norms(found, other_of(found)) > RELATIVE_NORM).sum())
    own = specific(found, scaling)
    yield Metric(f"{names}: variance unexplained", round(seen.unexplained, 4))
    yield Metric(f"{names}: features called its own by the decoder", called, found.d_sae)
    yield Metric(f"{names}: of these its own after latent scaling", len(own), called)
    ranked = most_own(scaling)
    half = ranked[: len(ranked) // 2]
    texts = answered(model, rows(model, everyday(model, SEED), chat=True), LENGTH)
    whole = [as_set(found, []), as_set(found, range(found.d_sae))]
    plain, with_all = divergences(found, model, texts, whole)
    yield Metric(
        f"{names}: divergence from the other's stream, nats a token", round(float(plain.mean()), 4), len(texts)
    )
    yield Metric(f"{names}: with all features patched in", round(float(with_all.mean()), 4), len(texts))
    sets = {
        f"{len(own)} of its own": own,
        f"the twentieth that is most its own ({len(ranked) // 20})": ranked[: len(ranked) // 20],
        "the half that is most its own": half,
        "the other half": ranked[len(half) :],
    }
    for what, some in sets.items():
        if some:
            chosen = as_set(found, some)
            others = random_sets(chosen, scaling.active, DRAWS, SEED)
            with_own, *drawn = divergences(found, model, texts, [chosen, *others])
            yield from _beyond(f"{names}, {what}", with_own, torch.stack(drawn), bar=some in (own, half))


def _beyond(what: str, own: "Tensor", drawn: "Tensor", *, bar: bool) -> Iterator[Metric]:
    """What some features (text) take of the divergence beyond random ones (draw, text)."""
    yield Metric(f"{what}: divergence with them", round(float(own.mean()), 4), len(own))
    means = drawn.mean(1)
    yield Metric(
        f"{what}: with random ones that fire as often", round(float(means.mean()), 4), len(means), float(means.min()), float(means.max())
    )  # fmt: skip
    beyond = drawn.mean(0) - own
    low, high = bootstrapped(beyond.tolist())
    yield Metric(f"{what}: taken beyond random ones", round(float(beyond.mean()), 4), len(own), low, high)
    yield Metric(f"{what}: lower end of that", round(low, 5), len(own), bar=0.0 if bar else None)
