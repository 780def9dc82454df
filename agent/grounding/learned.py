"""What a part of an answer concludes, and whether it speaks of a control, by two linear models over sentence vectors.

Every writer concludes in words that no list has. The models are learned from labelled answers (`evals/answers/learning.py`) and ship
as `learned.safetensors`; without the sentence encoder that they were learned with, the words of `words.yaml` decide as they did.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.embedding import MINILM_SHA256, best_available, embedding
from agent.grounding.binding import same
from agent.grounding.conclusions import Outcome, names_it, signs
from agent.grounding.parts import Part
from evidence import Evidence, facts

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

FILE = Path(__file__).with_name("learned.safetensors")
OUTCOMES: tuple[Outcome, ...] = ("supported", "not supported", "inconclusive")
WORDS, NUMBERS = 0.6, 1.5
"""How much the listed words, and numbers of the control, weigh beside the vectors."""


@dataclass(frozen=True)
class Reading:
    """Probabilities that a part concludes this or that, and that it speaks of a control."""

    part: Part
    outcomes: Mapping[Outcome, float]
    control: float

    @property
    def concludes(self) -> float:
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class Models:
    """Weights (outcome or nothing, feature) and biases of the conclusion; weights (feature) and bias of the control."""

    outcome: "Matrix"
    outcome_bias: "Matrix"
    control: "Matrix"
    control_bias: "Matrix"

    def __call__(self, parts: Sequence[Part], ledger: Mapping[str, Evidence]) -> list[Reading]:
        """Every part read; a question and what only repeats a tool conclude nothing.

        Where the verdict itself stands in the answer, the encoder is not asked about its evidence.
        """
        import numpy as np

        if not parts:
            return []
        settled = {name for part in parts if part.verdict for name in part.names}
        speaking = [part for part in parts if not part.silent and not settled.issuperset(part.names)]
        known = dict(zip(map(id, speaking), self._concluded(speaking), strict=True))
        beside = 1 / (1 + np.exp(-(controlling(parts, ledger) @ self.control + self.control_bias)))
        none = dict.fromkeys(OUTCOMES, 0.0)
        return [Reading(part, known.get(id(part), none), float(c)) for part, c in zip(parts, beside, strict=True)]

    def _concluded(self, parts: Sequence[Part]) -> list[dict[Outcome, float]]:
        import numpy as np

        if not parts:
            return []
        scores = concluding([part.bare for part in parts]) @ self.outcome.T + self.outcome_bias
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = (odds / odds.sum(axis=1, keepdims=True)).tolist()
        return [dict(zip(OUTCOMES, share, strict=False)) for share in shares]


@cache
def models() -> Models | None:
    """The models that ship, or None where the encoder or the words are not those they were learned with."""
    from safetensors import safe_open

    if best_available() != "minilm" or not FILE.exists():
        return None
    with safe_open(FILE, framework="numpy") as stored:
        if stored.metadata().get("reads") != reads():
            return None
        return Models(*(stored.get_tensor(name).astype("float32") for name in Models.__dataclass_fields__))


def reads() -> str:
    """A digest of what parts are read with: the encoder and the listed words."""
    words = Path(__file__).with_name("words.yaml").read_bytes()
    return hashlib.sha256(MINILM_SHA256.encode() + words).hexdigest()


def concluding(texts: Sequence[str]) -> "Matrix":
    """What is seen of texts to find a conclusion (text, feature): meaning, letters, listed words."""
    import numpy as np

    each = list(dict.fromkeys(texts))  # lists repeat themselves, once their numbers are gone
    vectors = dict(zip(each, embedding("minilm").deep(each), strict=True))
    return np.concatenate([np.stack([vectors[text] for text in texts]), _letters(texts)], axis=1)


def controlling(parts: Sequence[Part], ledger: Mapping[str, Evidence]) -> "Matrix":
    """What is seen of parts to find a control (part, feature): letters, listed words, numbers that only a control has."""
    import numpy as np

    values = Values(ledger)
    beside = np.array([_beside(part, ledger, values) for part in parts], dtype=np.float32)
    return np.concatenate([_letters([part.whole for part in parts]), NUMBERS * beside], axis=1)


def _letters(texts: Sequence[str]) -> "Matrix":
    import numpy as np

    listed = np.array([signs(text) for text in texts], dtype=np.float32)
    return np.concatenate([embedding("lexical")(texts), WORDS * listed], axis=1)


def _beside(part: Part, ledger: Mapping[str, Evidence], values: "Values") -> tuple[float, float, float]:
    """Whether numbers of a part stand in the control of its evidence alone, how many, and whether the control is named."""
    held = [ledger[name] for name in part.names if name in ledger]
    count = 0
    for number in part.numbers:
        control, own = (any(same(number, v) for n in part.names for v in values(n)[side]) for side in (0, 1))
        count += control and not own
    named = any(
        names_it(part.text, str(getattr(one, "control_name", None) or ""), one.verdict.claim)
        for one in held
        if one.verdict
    )
    return float(count > 0), min(count, 3) / 3, float(named)


class Values:
    """The distinct values of evidence by id: those of its control, and its own."""

    def __init__(self, ledger: Mapping[str, Evidence]) -> None:
        self._ledger = ledger
        self._found: dict[str, tuple[set[float], set[float]]] = {}

    def __call__(self, name: str) -> tuple[set[float], set[float]]:
        if name not in self._found:
            known = [f for f in facts(self._ledger[name]) if not f.rank] if name in self._ledger else []
            by_side = [{f.value for f in known if f.labels.get("side") == side} for side in ("control", "own")]
            self._found[name] = by_side[0], by_side[1]
        return self._found[name]
