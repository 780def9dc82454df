"""A linear classifier over sentence vectors and kinds of arguments, learned from the declared examples.

What was learned ships with the package, keyed by a digest of the examples; where that is another (a plug-in brings examples of its
own), it is learned once and kept in the data folder.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.embedding import Embedding, embedding
from agent.understanding import examples
from agent.understanding.features import features
from agent.understanding.slots import Slots, parse
from evidence.home import data_home

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

log = logging.getLogger(__name__)
SHIPPED = Path(__file__).parent / "learned"
SHIPS = ("minilm", "lexical")
"""Embeddings for which the package has what was learned."""
STRICTNESS = 30.0
"""Inverse strength of the L2 penalty."""
VALUES = {"{target}": "taboo-07", "{layer}": "3", "{text}": "what is a fox?", "{word}": "fox"}


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


def classifier(embed: Embedding) -> Classifier:
    """The classifier of the examples there are now, learned if nobody has yet."""
    name = f"{embed.name.replace(':', '-').replace('/', '-')}.safetensors"
    for folder in (SHIPPED, data_home() / "understanding"):
        if found := _read(folder / name):
            return found
    log.warning("learning %d examples of what people say (%s)", sum(map(len, examples.declared().values())), embed.name)
    made = learn(embed)
    write(made, data_home() / "understanding" / name)
    return made


def learn(embed: Embedding) -> Classifier:
    """Fit the classifier to the declared examples."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    texts, intents = _examples()
    fitted = LogisticRegression(C=STRICTNESS, max_iter=2000, class_weight="balanced")
    fitted.fit(seen(embed, texts)[0], intents)
    as_numbers = (np.asarray(fitted.coef_, dtype=np.float32), np.asarray(fitted.intercept_, dtype=np.float32))
    return Classifier(tuple(map(str, fitted.classes_)), *as_numbers)


def seen(embed: Embedding, texts: Sequence[str], targets: Sequence[str] = ()) -> "tuple[Matrix, list[Slots]]":
    """What the classifier sees of texts (text, feature): their meaning, their letters, the kinds of arguments; and the arguments."""
    import numpy as np

    parsed = [parse(text, targets or _TARGETS) for text in texts]
    plain = [plain for _, plain in parsed]
    kinds = np.stack([features(text, slots) for text, (slots, _) in zip(texts, parsed, strict=True)])
    parts = [embed.deep(plain), kinds] + ([embedding("lexical")(plain)] if embed.name != "lexical" else [])
    return np.concatenate(parts, axis=1), [slots for slots, _ in parsed]


_TARGETS = ("base@1", *(f"taboo-{number:02d}" for number in range(1, 41)))


def _examples() -> tuple[list[str], list[str]]:
    pairs = [(_filled(text), intent) for intent, many in examples.declared().items() for text in many]
    return [text for text, _ in pairs], [intent for _, intent in pairs]


def _filled(example: str) -> str:
    for slot, value in VALUES.items():
        example = example.replace(slot, value)
    return example


def write(made: Classifier, file: Path) -> None:
    """Keep what was learned, beside the digest of what it was learned from."""
    import numpy as np
    from safetensors.numpy import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Any] = {
        "weights": np.ascontiguousarray(made.weights, dtype=np.float16),
        "biases": np.ascontiguousarray(made.biases),
    }
    save_file(tensors, file, metadata={"examples": examples.digest(), "intents": " ".join(made.intents)})


def _read(file: Path) -> Classifier | None:
    import numpy as np
    from safetensors import safe_open

    if not file.exists():
        return None
    with safe_open(file, framework="numpy") as stored:
        about = stored.metadata()
        if about.get("examples") != examples.digest():
            return None
        weights = stored.get_tensor("weights").astype(np.float32)
        return Classifier(tuple(about["intents"].split()), weights, stored.get_tensor("biases"))
