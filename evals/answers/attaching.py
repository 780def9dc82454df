"""Learning what a sentence says a number of: correct answers, and the same with numbers and places exchanged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from agent.grounding.attachment import Forest, features
from agent.grounding.binding import Cited
from agent.grounding.reading import read, sources
from evals.answers.ledger import ledger
from evals.answers.mutations import Mutation, digit_changed, numbers_swapped, wrong_place
from evals.answers.prose import Answer
from evidence import AnyEvidence

if TYPE_CHECKING:
    import numpy as np

    Row = np.ndarray[Any, np.dtype[np.float32]]

SPOILED: Mapping[Mutation, int] = {numbers_swapped: 6, wrong_place: 3, digit_changed: 6}
"""How often an answer is spoiled in which way."""
TREES, LEAF, DEPTH = 100, 6, 14
Place = tuple[int, int, int]
"""Where a pair stands: its sentence, its number there, its mention."""


@dataclass(frozen=True)
class Denied:
    """What is seen of a pair that the evidence denies, and whether the sentence says it."""

    seen: "Row"
    said: bool


def denied(answer: Answer) -> list[Denied]:
    """Pairs of an answer, none of which it says, and those that appear where it is spoiled, which it then says."""
    known, draw = ledger(answer.ledger), Random(answer.text)
    right = dict(_pairs(answer.text, known))
    found = [Denied(seen, said=False) for seen in right.values()]
    for spoil, times in SPOILED.items():
        made = (spoil(answer.text, draw, known) for _ in range(times))
        for text in sorted({text for text in made if text and text != answer.text}):
            found += [Denied(seen, said=True) for place, seen in _pairs(text, known) if place not in right]
    return found


def fit(rows: Sequence[Denied], seed: int = 0) -> Forest:
    """The trees that tell which denied pairs are said."""
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    made = RandomForestClassifier(TREES, min_samples_leaf=LEAF, max_depth=DEPTH, random_state=seed)
    made.fit(np.stack([row.seen for row in rows]), np.array([row.said for row in rows]))
    return _flat([tree.tree_ for tree in made.estimators_])


def save(forest: Forest, path: Path, about: Mapping[str, str]) -> None:
    """Write the trees, in as few bytes as they need."""
    import numpy as np
    from safetensors.numpy import save_file

    small = {"feature": np.int8, "share": np.float16}
    tensors = {
        name: np.ascontiguousarray(value, dtype=small.get(name, value.dtype)) for name, value in vars(forest).items()
    }
    save_file(tensors, path, metadata=dict(about))


def _flat(trees: Sequence[Any]) -> Forest:
    """The nodes of all trees in one row."""
    import numpy as np

    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    feature = np.concatenate([np.maximum(tree.feature, -1) for tree in trees])
    left, right = (
        np.concatenate([getattr(tree, f"children_{side}") + root for tree, root in zip(trees, roots, strict=True)])
        for side in ("left", "right")
    )
    threshold = np.concatenate([tree.threshold for tree in trees])
    share = np.concatenate([tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1) for tree in trees])
    whole = (one.astype(np.int32) for one in (roots, feature, left, right))
    roots, feature, left, right = whole
    return Forest(roots, feature, threshold.astype(np.float32), left, right, share.astype(np.float32))


def _pairs(text: str | None, known: Mapping[str, AnyEvidence]) -> Iterator[tuple[Place, "Row"]]:
    """Every pair of a text that the evidence it cites denies."""
    sentences = list(read(text or ""))
    for number, sentence in enumerate(sentences):
        names = [name for name in sources(sentences, sentence) if name in known]
        scene, pairs = Cited({name: known[name] for name in names}).denied(sentence)
        if pairs:
            for pair, seen in zip(pairs, features(scene, pairs), strict=True):
                yield (number, pair.number, pair.mention), seen
