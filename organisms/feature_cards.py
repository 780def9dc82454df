"""Cards of some features of every shipped dictionary: a label with its score, the strongest contexts, what it promotes."""

from collections.abc import Iterator
from pathlib import Path

import target
from evidence import Table
from organisms import workshop
from organisms.dictionaries import Recipe
from target.target import Target
from tools import label_features
from tools._dictionary import Dictionary
from tools._dictionary_contexts import contexts, marked
from tools._dictionary_formats import load

PAGE = Path(__file__).parent.parent / "docs" / "features.md"
EACH, CANDIDATES, CONTEXTS, REACH, PROMOTED = 4, 24, 3, 6, 5


def write() -> Path:
    """Write the page anew; a few minutes."""
    lines = [
        "# Feature cards",
        "",
        f"Written by `python -m organisms cards`: of each shipped dictionary the {EACH} features that fire most often and whose label tells "
        "unseen contexts best (`label_features`: balanced accuracy, 0.5 is chance; beside it the same label on another feature's "
        "contexts). `sae_lookup` shows any other.",
    ]
    for recipe in workshop.dictionary_recipes():
        lines += ["", f"## `{recipe.name}`", "", f"{recipe.about[0].upper()}{recipe.about[1:]}.", *_cards(recipe)]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return PAGE


def _cards(recipe: Recipe) -> Iterator[str]:
    model = target.load(recipe.models[-1])
    dictionary = load(recipe.name, model)
    for number, label, accuracy, other in _labelled(dictionary, model):
        up = model.unembed(dictionary.decoder_row(number)[None])[0].float().topk(PROMOTED).indices.tolist()
        yield ""
        yield f"**Feature {number}**: {label} ({accuracy:.2f}; {other:.2f}). Promotes {', '.join(map(model.decode, up))}."
        yield ""
        for value, words, peak in contexts(model, dictionary, number)[:CONTEXTS]:
            first = max(0, peak - REACH)
            yield f"- {value:.1f}: `{marked(words[first : peak + REACH + 1], peak - first)}`"


def _labelled(dictionary: Dictionary, model: Target) -> list[tuple[int, str, float, float]]:
    """Feature, label, its score and that on another's contexts: the best of the most frequent."""
    from safetensors.torch import load_file

    assert dictionary.index is not None
    density = load_file(dictionary.index)["density"]
    usual = density.where(density < 1 / 3, 0).topk(CANDIDATES).indices.tolist()
    found = label_features(model, features=usual, dictionary=dictionary.name)
    assert isinstance(found, Table)
    rows = [(int(str(row[0]).split()[1]), str(row[1]), float(row[2] or 0), float(row[3] or 0)) for row in found.rows]
    return sorted(rows, key=lambda row: row[3] - row[2])[:EACH]
