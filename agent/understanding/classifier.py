"""A linear classifier over sentence vectors and kinds of arguments, learned from the declared examples.

What was learned ships with the package, keyed by a digest of the examples; where that is another (a plug-in brings examples of its
own), it is learned once and kept in the data folder.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.embedding import Embedding, embedding
from agent.understanding import examples, spelling
from agent.understanding.features import features
from agent.understanding.slots import Slots, parse
from agent.understanding.spelling import Spelling
from evidence.home import data_home

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

log = logging.getLogger(__name__)
SHIPPED = Path(__file__).parent / "learned"
SHIPS = ("minilm", "lexical")
"""Embeddings for which the package has what was learned."""
SPELLING = "requests-spelling.safetensors"
"""What was learned of words and letters, whatever the embedding."""
STRICTNESS = 30.0
"""Inverse strength of the L2 penalty."""
VALUES = {"{target}": "taboo-07", "{layer}": "3", "{text}": "what is a fox?", "{word}": "fox"}


@dataclass(frozen=True)
class Task:
    """Something to be told apart by meaning: its examples by class, and what is seen of a text (text, feature)."""

    name: str
    declared: Callable[[], dict[str, list[str]]]
    see: Callable[[Embedding, Sequence[str]], "Matrix"]


@dataclass(frozen=True)
class Classifier:
    """Weights (intent, feature) and biases (intent)."""

    intents: tuple[str, ...]
    weights: "Matrix"
    biases: "Matrix"

    def __call__(self, seen: "Matrix") -> dict[str, float]:
        """The probability of every intent, likeliest first."""
        import numpy as np

        scores = self.weights @ seen + self.biases
        odds = np.exp(scores - scores.max())
        shares = (odds / odds.sum()).tolist()
        return dict(sorted(zip(self.intents, shares, strict=True), key=lambda one: -one[1]))


def classifier(embed: Embedding, task: "Task | None" = None) -> Classifier:
    """The classifier of the examples there are now, learned if nobody has yet; kept for the next call."""
    return _classifier(embed.name, task or REQUESTS)


@cache
def _classifier(embedding_name: str, task: Task) -> Classifier:
    embed = embedding(embedding_name)
    for folder in (SHIPPED, data_home() / "understanding"):
        if found := _read(folder / file_name(embedding_name, task), task):
            return found
    log.warning("learning %d examples of %s (%s)", sum(map(len, task.declared().values())), task.name, embed.name)
    made = learn(embed, task)
    write(made, data_home() / "understanding" / file_name(embedding_name, task), task)
    return made


@cache
def spelled() -> Spelling:
    """The classifier of requests by words and letters, learned if nobody has yet; kept for the next call."""
    digest = examples.digest(examples.declared())
    for folder in (SHIPPED, data_home() / "understanding"):
        if found := spelling.read(folder / SPELLING, digest):
            return found
    made = learn_spelling(examples.declared())
    spelling.write(made, data_home() / "understanding" / SPELLING, digest)
    return made


def learn_spelling(declared: dict[str, list[str]]) -> Spelling:
    """Fit the classifier of words and letters to declared examples."""
    return spelling.learn({name: [_filled(text) for text in many] for name, many in declared.items()}, _TARGETS)


def file_name(embedding_name: str, task: Task) -> str:
    """The file of what was learned of a task with an embedding."""
    return f"{task.name}-{embedding_name.replace(':', '-').replace('/', '-')}.safetensors"


def learn(embed: Embedding, task: Task) -> Classifier:
    """Fit the classifier to the declared examples."""
    texts, names = filled(task.declared())
    return fitted(task.see(embed, texts), names)


def fitted(seen: "Matrix", names: Sequence[str]) -> Classifier:
    """Fit a classifier to what is seen of some texts (text, feature), and the class of each."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=STRICTNESS, max_iter=2000, class_weight="balanced").fit(seen, names)
    as_numbers = (np.asarray(found.coef_, dtype=np.float32), np.asarray(found.intercept_, dtype=np.float32))
    return Classifier(tuple(map(str, found.classes_)), *as_numbers)


def filled(declared: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """Declared examples as texts, their slots filled, and the class of each."""
    pairs = [(_filled(text), name) for name, many in declared.items() for text in many]
    return [text for text, _ in pairs], [name for _, name in pairs]


def seen(embed: Embedding, texts: Sequence[str], targets: Sequence[str] = ()) -> "tuple[Matrix, list[Slots]]":
    """What the classifier sees of texts (text, feature), and the arguments in them."""
    parsed = [parse(text, targets or _TARGETS) for text in texts]
    return seen_of(embed, texts, parsed), [slots for slots, _ in parsed]


def seen_of(embed: Embedding, texts: Sequence[str], parsed: Sequence[tuple[Slots, str]]) -> "Matrix":
    """The meaning of texts, their letters and the kinds of their arguments (text, feature), once they are parsed."""
    import numpy as np

    plain = [plain for _, plain in parsed]
    kinds = np.stack([features(text, slots) for text, (slots, _) in zip(texts, parsed, strict=True)])
    parts = [embed.deep(plain), kinds] + ([embedding("lexical")(plain)] if embed.name != "lexical" else [])
    return np.concatenate(parts, axis=1)


_TARGETS = (
    "base@1",
    *(f"taboo-{number:02d}" for number in range(1, 41)),
    *(f"em-{number:02d}" for number in range(1, 24)),
)


REQUESTS = Task("requests", examples.declared, lambda embed, texts: seen(embed, texts)[0])
"""Which request a message is."""


def _filled(example: str) -> str:
    for slot, value in VALUES.items():
        example = example.replace(slot, value)
    return example


def write(made: Classifier, file: Path, task: Task) -> None:
    """Keep what was learned, beside the digest of what it was learned from."""
    import numpy as np
    from safetensors.numpy import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Any] = {
        "weights": np.ascontiguousarray(made.weights, dtype=np.float16),
        "biases": np.ascontiguousarray(made.biases),
    }
    save_file(tensors, file, metadata={"examples": examples.digest(task.declared()), "intents": " ".join(made.intents)})


def _read(file: Path, task: Task) -> Classifier | None:
    import numpy as np
    from safetensors import safe_open

    if not file.exists():
        return None
    with safe_open(file, framework="numpy") as stored:
        about = stored.metadata()
        if about.get("examples") != examples.digest(task.declared()):
            return None
        weights = stored.get_tensor("weights").astype(np.float32)
        return Classifier(tuple(about["intents"].split()), weights, stored.get_tensor("biases"))
