"""Does one feature stand for this property, or is it split up and absorbed by others?"""

from typing import TYPE_CHECKING

from evidence import Table
from target.turn import report
from tools import _probes, _statistics
from tools import _sparse_probe as probing
from tools._arguments import DictionaryRef, Name, Seed, Texts
from tools._classes import Classes, read
from tools._dictionary import Dictionary
from tools._dictionary_contexts import best_context
from tools._dictionary_formats import load_single
from tools._dictionary_quality import checked_fvu
from tools._sae import usual
from tools._texts import labelled
from tools._tool import tool

if TYPE_CHECKING:
    from target.target import Target

SIZES = (1, 2, 5, 10)
SHUFFLES = 20


@tool(
    capability="compute",
    asked_as=[
        "is there one feature for living things?",
        "which single feature tells the two kinds of texts apart?",
        "probe with one latent for {text}",
        "is this concept split over several features?",
        "is the feature absorbed by others?",
        "sparse probing with the SAE",
        "how many latents does the property take?",
    ],
)
def sparse_probe(
    target: "Target",
    prompts: Texts | None = None,
    other_prompts: Texts | None = None,
    *,
    texts: Name | None = None,
    dictionary: DictionaryRef | None = None,
    chat: bool = False,
    seed: Seed = 0,
) -> Table:
    """Tell two sets of texts apart by the best one, two, five or ten features of a dictionary.

    Shows the accuracy on held-out texts beside a probe of all of the residual stream and beside shuffled labels; over
    how many features the property is split; and how often its own features are silent where another feature writes it
    (absorption). It cannot show that the model uses any of them: `sae_ablate` and `erase_concept` do.

    Source: Gurnee et al., arXiv 2305.01610; Chanin et al., arXiv 2409.14507; Karvonen et al., arXiv 2503.09532

    Args:
        prompts: Texts that have the property.
        other_prompts: Texts that lack it.
        texts: A named labelled set instead of your own: `living`, `voices` or `secrets`.
        dictionary: A shipped dictionary, a folder, or a hub release; None for the target's own of a middle layer.
        chat: Whether each text is a person's message, read up to where the assistant begins to answer.
        seed: Seed of the halves and the shuffles.
    """
    found = load_single(dictionary or usual(target), target)
    report("reading the texts")
    own = read(found, target, labelled(prompts, other_prompts, texts), chat=chat, seed=seed)
    return _table(target, found, own, checked_fvu(found, own.positions, target.name), seed)


def _shuffled(one: Classes, seed: int) -> list[float]:
    """Accuracy with one feature where labels are shuffled before it is chosen."""
    import torch

    generator = torch.Generator().manual_seed(seed + 1)
    mixed = (one.labels[torch.randperm(len(one.labels), generator=generator)] for _ in range(SHUFFLES))
    return [probing.sparse_probe(one.features, labels, probing.halves(labels, seed), 1) for labels in mixed]


def _table(target: "Target", found: Dictionary, one: Classes, fvu: float, seed: int) -> Table:
    reached = {k: probing.sparse_probe(one.features, one.labels, one.split, k) for k in SIZES}
    shuffled, whole = _shuffled(one, seed), probing.accuracy(one.x, one.labels, one.split)
    best = probing.best_latents(one.features[one.split.train], one.labels[one.split.train], max(SIZES)).tolist()
    over = probing.split_latents(one.features, one.labels, one.split)
    absorbed = probing.absorption(
        one.x, one.features, found.W_dec, one.labels, *_probes.fit(one.x, one.labels), split_over=over
    )
    table: list[tuple[str | float | None, ...]] = [
        (f"accuracy with {k} feature{'s' * (k > 1)}", round(value, 4), ", ".join(map(str, best[:k])))
        for k, value in reached.items()
    ]
    table += [
        ("accuracy of a probe of the whole stream", round(whole, 4), ""),
        ("accuracy with one feature, shuffled labels", round(sum(shuffled) / SHUFFLES, 4), f"{SHUFFLES} shuffles"),
        ("features the property is split over", over, f"each raises F1 by {probing.SPLIT_GAIN} or more"),
        ("absorbed, share of the texts that have it", round(absorbed, 4), "its features silent, another writes it"),
    ]
    table += [(f"feature {n} fires most on", None, best_context(target, found, n)) for n in best[:3]]
    return Table(
        title=f"One feature for it? {found.name} on {len(one.labels)} texts, {target.name}",
        caveat="what tells these texts apart may be a word they share; means over tokens hide where a feature fires",
        verdict=_statistics.judge(
            f"feature {best[0]} of {found.name} tells these texts apart by itself",
            f"it is right on {reached[1]:.3f} of the held-out texts, a probe of the whole stream on {whole:.3f}; the "
            f"dictionary leaves {fvu:.3f} of the variance unexplained",
            _statistics.beyond_draws(reached[1], shuffled),
            subject=str(best[0]),
        ),
        columns=("what", "value", "which"),
        rows=tuple(table),
        control_name="shuffled labels",
        highlights=(0,),
    )
