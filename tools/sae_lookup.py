"""What is known of one feature?"""

from typing import TYPE_CHECKING

from evidence import Table
from tools._arguments import DictionaryRef, Feature, TopK
from tools._dictionary_contexts import contexts, marked, recorded
from tools._dictionary_formats import load
from tools._sae import usual
from tools._tool import tool

if TYPE_CHECKING:
    from target.target import Target
    from tools._dictionary import Dictionary


@tool(
    capability="read",
    asked_as=[
        "look up feature 42",
        "what is feature 17?",
        "what does latent 512 mean?",
        "show the top activating contexts of feature 3",
        "what does feature 100 promote?",
        "tell me about SAE feature 9",
        "when does feature 7 fire?",
    ],
)
def sae_lookup(target: "Target", feature: Feature, *, dictionary: DictionaryRef | None = None, k: TopK = 8) -> Table:
    """Look up one feature: the contexts in which it fires most, what it promotes, how often it fires.

    Shows recorded contexts (with the peak marked) and the tokens its direction raises and lowers through the
    unembedding. It cannot show what the feature does in the model: steer with it for that; contexts of the
    strongest firing can mislead about the weak ones.

    Source: Bricken et al., "Towards Monosemanticity" (2023)

    Args:
        feature: The number of the feature, 0-based.
        dictionary: A shipped dictionary, a folder, or a hub release; None for the target's own of a middle layer.
        k: How many contexts and tokens to show.
    """
    found = load(dictionary or usual(target), target)
    logits = target.unembed(found.decoder_row(feature)[None])[0].float()
    up, down = logits.topk(k), (-logits).topk(k)
    rows: list[tuple[str | float | None, ...]] = [
        ("raises", round(float(up.values[0]), 3), ", ".join(map(target.decode, up.indices.tolist()))),
        ("lowers", round(-float(down.values[0]), 3), ", ".join(map(target.decode, down.indices.tolist()))),
    ]
    rows += _norms(found, feature) + _recorded(target, found, feature, k)
    if found.neuronpedia:
        rows.append(("more", None, f"https://www.neuronpedia.org/{found.neuronpedia}/{feature}"))
    return Table(
        title=f"Feature {feature} of {found.name}",
        caveat="the strongest contexts can mislead about the weak ones; logits are direct effects alone",
        columns=("what", "value", "where"),
        rows=tuple(rows),
    )


def _recorded(target: "Target", found: "Dictionary", feature: int, k: int) -> list[tuple[str | float | None, ...]]:
    """Density, largest activation and contexts, from the index that was made with the dictionary."""
    one = recorded(found, feature)
    if one is None:
        return [("contexts", None, "this dictionary came without an index of contexts")]
    rows: list[tuple[str | float | None, ...]] = [
        ("fires on, share of tokens", round(float(one["density"]), 5), ""),
        ("largest activation", round(float(one["maximum"]), 3), ""),
    ]
    for value, words, peak in contexts(target, found, feature)[:k]:
        rows.append(("context", round(value, 3), marked(words, peak)))
    return rows


def _norms(found: "Dictionary", feature: int) -> list[tuple[str | float | None, ...]]:
    """How long a crosscoder's decoder row is in each of its models."""
    if not found.sources:
        return []
    lengths = found.by_source(found.W_dec[feature]).norm(dim=1).tolist()
    return [(f"decoder norm in {one.name}", round(n, 4), "") for one, n in zip(found.sources, lengths, strict=True)]
