"""`python -m evals.answers.learning`: learn what a conclusion and a control look like.

The labels come from the prose itself: what its writer changed to flip a verdict was the conclusion, what was taken out to drop the
control spoke of it. `conclusions.yaml` adds conclusions by another hand.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import yaml

from agent.grounding import learned
from agent.grounding.parts import Part, parts
from agent.grounding.reading import CITATION, read
from evals.answers.ledger import ledger

if TYPE_CHECKING:
    import numpy as np

    Column = np.ndarray[Any, Any]

PROSE, MORE = (Path(__file__).with_name(name) for name in ("prose.json", "conclusions.yaml"))
WRITERS = (range(150), range(150, 225), range(225, 300))
"""Rows of the prose by writer."""
STRICTNESS = 10.0
"""Inverse strength of the L2 penalty."""
FILLED = 8
"""How often each frame of `conclusions.yaml` is filled."""
_OTHER = {"supported": "not supported", "not supported": "supported"}


@dataclass(frozen=True)
class Labelled:
    """A part, what it concludes ("none", or "" where that is not known), whether it speaks of a control, its row (-1: none)."""

    part: Part
    outcome: str
    control: bool | None = None
    row: int = -1


def prose() -> Iterator[Labelled]:
    """The parts of every answer and of its spoiled versions."""
    for number, row in enumerate(json.loads(PROSE.read_text(encoding="utf-8"))):
        if not row["flipped"]:
            yield from (Labelled(part, "none", None, number) for part in _parts(row["text"]))
            continue
        text, flipped, without = (_parts(row[key]) for key in ("text", "flipped", "without_control"))
        kept, left = {_key(part) for part in flipped}, {_key(part) for part in without}
        for part in text:
            outcome = "none" if _key(part) in kept else _status(part)
            yield Labelled(part, outcome, _key(part) not in left, number)
        known = {_key(part) for part in text}
        for part in flipped:
            if _key(part) not in known:
                yield Labelled(part, row.get("says", _OTHER.get(_status(part), "")), None, number)
        for part in without:
            outcome = "none" if _key(_nearest(part, text)) in kept else _status(part)
            yield Labelled(part, outcome, False, number)


def written() -> Iterator[Labelled]:
    """The conclusions by another hand."""
    listed, draw = yaml.safe_load(MORE.read_text(encoding="utf-8")), Random(0)
    for outcome, frames in listed["frames"].items():
        for frame in frames:
            for _ in range(FILLED):
                text = frame.format(claim=draw.choice(listed["claims"]), effect=draw.choice(listed["effects"]))
                yield from (Labelled(part, outcome) for part in _parts(text[0].upper() + text[1:]))
    for outcome, texts in listed["direct"].items():
        yield from (Labelled(part, outcome) for text in texts for part in _parts(text[0].upper() + text[1:]))


class Learning:
    """All labelled parts as the models see them, so that they can be fitted with and without a writer."""

    def __init__(self) -> None:
        import numpy as np

        rows = [*prose(), *written()]
        says, beside = [one for one in rows if one.outcome], [one for one in rows if one.control is not None]
        self._outcome = learned.concluding([one.part.bare for one in says])
        self._control = learned.controlling([one.part for one in beside], ledger())
        self._labels = np.array([one.outcome for one in says]), np.array([bool(one.control) for one in beside])
        self._rows = np.array([one.row for one in says]), np.array([one.row for one in beside])

    def fit(self, without: range = range(0)) -> learned.Models:
        """Both models, without some rows of the prose."""
        import numpy as np

        says, beside = (~np.isin(rows, list(without)) for rows in self._rows)
        outcome = _fitted(self._outcome[says], self._labels[0][says])
        control = _fitted(self._control[beside], self._labels[1][beside])
        order = [list(outcome.classes_).index(name) for name in (*learned.OUTCOMES, "none")]
        found = (outcome.coef_[order], outcome.intercept_[order], control.coef_[0], control.intercept_)
        return learned.Models(*(np.asarray(one, dtype=np.float32) for one in found))


def digest() -> str:
    """Of all that is learned from."""
    return hashlib.sha256(PROSE.read_bytes() + MORE.read_bytes()).hexdigest()


def main() -> None:
    """Write what ships."""
    import numpy as np
    from safetensors.numpy import save_file

    made = Learning().fit()
    tensors = {
        name: np.ascontiguousarray(getattr(made, name), dtype=np.float16)
        for name in learned.Models.__dataclass_fields__
    }
    save_file(tensors, learned.FILE, metadata={"reads": learned.reads(), "learned from": digest()})
    print(f"{learned.FILE.name}: {learned.FILE.stat().st_size // 1024} kB")


def _fitted(seen: "Column", labels: "Column") -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=STRICTNESS, max_iter=1000, class_weight="balanced").fit(seen, labels)


def _parts(text: str) -> list[Part]:
    return parts(list(read(text)))


def _key(part: Part) -> str:
    return " ".join(CITATION.sub("", part.text).split())


def _nearest(part: Part, among: Sequence[Part]) -> Part:
    return max(among, key=lambda one: difflib.SequenceMatcher(None, _key(one), _key(part)).ratio())


def _status(part: Part) -> str:
    """The one verdict of the evidence that a part cites, or "" where there is none or several."""
    found = {one.verdict.status for name in part.names if (one := ledger().get(name)) and one.verdict}
    return found.pop() if len(found) == 1 else ""


if __name__ == "__main__":
    main()
