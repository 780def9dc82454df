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
MOST_FREQUENT = 0.02
"""Features that fire on more tokens than this are of punctuation and the like."""


def write() -> Path:
    """Write the page anew; a few minutes."""
    lines = [
        "# Feature cards",
        "",
        f"Written by `python -m organisms cards`: of each shipped dictionary's {CANDIDATES} most frequent features (of those that fire on less "
        f"than {MOST_FREQUENT:.0%} of the tokens) the {EACH} whose label tells unseen contexts best. Behind each label stands its balanced "
        "accuracy there (`label_features`; 0.5 is chance), and that on another feature's contexts. `sae_lookup` shows any other.",
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
    usual = density.where(density < MOST_FREQUENT, 0).topk(CANDIDATES).indices.tolist()
    found = label_features(model, features=usual, dictionary=dictionary.name)
    assert isinstance(found, Table)
    rows = [(int(str(row[0]).split()[1]), str(row[1]), float(row[2] or 0), float(row[3] or 0)) for row in found.rows]
    return sorted(rows, key=lambda row: row[3] - row[2])[:EACH]
