"""A linear classifier of words and letters, weighed by how rare they are: it knows the terms that a sentence vector rounds off.

What was learned ships beside that of the sentence vectors, keyed by the same digest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.understanding.features import features
from agent.understanding.slots import Slots, parse

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

WORDS, LETTERS = 2**13, 2**14
"""Buckets for one and two words, and for two to five letters within a word."""
SEEN_TWICE = 2
"""Examples in which a group of letters has to stand to count."""
STRICTNESS = 20.0
"""Inverse strength of the L2 penalty."""
_BYTE = 127


@dataclass(frozen=True)
class Spelling:
    """What was learned of n-grams and kinds of arguments."""

    intents: tuple[str, ...]
    rarity: "Matrix"
    """The weight of each n-gram by the number of examples that have it, 0 for one that too few have (n-gram)."""
    weights: "np.ndarray[Any, np.dtype[np.int8]]"
    """In steps of `steps` (feature, intent): n-grams, then kinds of arguments."""
    steps: "Matrix"
    """The largest weight of each intent / 127 (intent)."""
    biases: "Matrix"
    """(intent)."""

    def __call__(self, plain: str, said: str, slots: Slots) -> dict[str, float]:
        """The probability of every intent.

        Args:
            plain: the message with stand-ins for its arguments.
            said: the message.
            slots: its arguments.
        """
        import numpy as np

        row = weighed(counted([plain]), self.rarity)
        kinds = features(said, slots)
        seen = row.data @ self.weights[row.indices].astype(np.float32) + kinds @ self.weights[-len(kinds) :]
        scores = seen * self.steps + self.biases
        odds = np.exp(scores - scores.max())
        return dict(zip(self.intents, (odds / odds.sum()).tolist(), strict=True))


def counted(texts: Sequence[str]) -> Any:
    """How often each n-gram stands in each text, 1 + log of it (text, n-gram), sparse; which n-gram it is, its hash says."""
    import numpy as np
    from scipy.sparse import hstack

    found = hstack([one.transform([text.lower() for text in texts]) for one in _counters()]).tocsr()
    found.data = 1 + np.log(found.data)
    return found


@cache
def _counters() -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import HashingVectorizer

    plain = {"norm": None, "alternate_sign": False}
    return (
        HashingVectorizer(n_features=WORDS, ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **plain),
        HashingVectorizer(n_features=LETTERS, analyzer="char_wb", ngram_range=(2, 5), **plain),
    )


def weighed(counts: Any, rarity: "Matrix") -> Any:
    """Counts by rarity, words and letters each of length 1 (text, n-gram), sparse."""
    import numpy as np
    from scipy.sparse import csr_matrix, hstack
    from sklearn.preprocessing import normalize

    found = csr_matrix((counts.data * rarity[counts.indices], counts.indices, counts.indptr), shape=counts.shape)
    return hstack([normalize(found[:, :WORDS]), normalize(found[:, WORDS:])]).tocsr().astype(np.float32)


def learn(declared: Mapping[str, Sequence[str]], targets: Sequence[str]) -> Spelling:
    """Fit the classifier to declared examples by intent; `targets` are the names that stand-ins replace."""
    import numpy as np
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    texts = [(text, name) for name, many in declared.items() for text in many]
    parsed = [parse(text, targets) for text, _ in texts]
    counts = counted([plain for _, plain in parsed])
    rarity = _rarity(counts)
    kinds = np.stack([features(text, slots) for (text, _), (slots, _) in zip(texts, parsed, strict=True)])
    fitted = LogisticRegression(C=STRICTNESS, max_iter=400, class_weight="balanced", tol=1e-3)
    fitted.fit(hstack([weighed(counts, rarity), csr_matrix(kinds)]).tocsr(), [name for _, name in texts])
    steps = np.abs(fitted.coef_).max(1) / _BYTE
    return Spelling(
        tuple(map(str, fitted.classes_)),
        rarity,
        np.round(fitted.coef_ / steps[:, None]).T.astype(np.int8),
        steps.astype(np.float32),
        fitted.intercept_.astype(np.float32),
    )


def _rarity(counts: Any) -> "Matrix":
    """The log of the share of texts that have each n-gram, turned round (n-gram)."""
    import numpy as np

    there = np.bincount(counts.indices, minlength=counts.shape[1])
    least = np.r_[np.ones(WORDS), np.full(LETTERS, SEEN_TWICE)]
    return ((np.log((1 + counts.shape[0]) / (1 + there)) + 1) * (there >= least)).astype(np.float32)


def write(made: Spelling, file: Path, digest: str) -> None:
    """Keep what was learned, beside the digest of what it was learned from."""
    import numpy as np
    from safetensors.numpy import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Any] = {
        "rarity": made.rarity.astype(np.float16),
        "weights": np.ascontiguousarray(made.weights),
        "steps": made.steps,
        "biases": made.biases,
    }
    save_file(tensors, file, metadata={"examples": digest, "intents": " ".join(made.intents)})


def read(file: Path, digest: str) -> Spelling | None:
    """What was kept in a file; None where it is not there or was learned from something else."""
    import numpy as np
    from safetensors import safe_open

    if not file.exists():
        return None
    with safe_open(file, framework="numpy") as stored:
        about = stored.metadata()
        if about.get("examples") != digest:
            return None
        rarity = stored.get_tensor("rarity").astype(np.float32)
        rest = [stored.get_tensor(name) for name in ("weights", "steps", "biases")]
        return Spelling(tuple(about["intents"].split()), rarity, *rest)
