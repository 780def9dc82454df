"""Whether a sentence says a number of something it names, by decision trees over how the sentence is built.

"0.9 at layer 3 and 0.8 at layer 4" and "layer 3 has 0.9, layer 4 0.8" say the same; no rule of nearness knows which number
is whose in both. The trees are asked only about pairs that the evidence denies: how sure are they that the sentence says them?
They are learned from correct answers, which say none of them, and from the same answers with numbers and places exchanged
(`evals/answers/attaching.py`), and ship as `attachment.safetensors`.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.grounding.mentions import Mention
from agent.grounding.reading import Number, Sentence

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]
    Whole = np.ndarray[Any, np.dtype[np.int32]]

FILE = Path(__file__).with_name("attachment.safetensors")
READ_BY = ("attachment.py", "binding.py", "mentions.py", "numbers.py", "reading.py")
"""The files by which pairs are found and seen: what was learned by others is stale."""
SURE = 0.96
"""Probability from which on a sentence is taken to say a pair; chosen on writers who were left out."""
KINDS = ("layer", "head", "feature", "token", "name", "column", "side")
_BETWEEN = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r",",
        r";",
        r"[=:]",
        r"\(",
        r"\)",
        r"—|–",
        r"\b(?:and|or)\b",
        r"\b(?:but|whereas|while|though|where|yet)\b",
        r"\b(?:than|against|versus|vs|beyond|over|above|from|compared|beside)\b",
        r"\b(?:of|at|in|for|on|after|by|with)\b",
        r"\b(?:is|are|was|were|has|have|had|shows?|reach\w*|g[ei]ves?|gets?|score\w*|stands?|sits?)\b",
        r"\bto\b",
    )
]
"""Signs and words that part a number from what is named, or tie it to it."""
_IN_ORDER = re.compile(r"\brespectively\b|\bin (?:that|this) order\b", re.IGNORECASE)

_AFTER = re.compile(
    r"\s?(?:in|at|after|for|on|of) (?:the )?(?:(?:layer|head|feature|latent) #?)?[\"“'‘]?", re.IGNORECASE
)
_BEFORE = re.compile(r"[\"”'’]?\s?(?:has|gets|had|gives|shows|is|was|says|=)\s?", re.IGNORECASE)
"""All that stands between a number and its place in a plain statement: "0.62 in layer 3", "layer 3 has 0.62"."""
_ON = re.compile(r"\b(?:on|for) (?:the )?$", re.IGNORECASE)
_PLAIN = ("layer", "head", "feature", "token")


@dataclass(frozen=True)
class Scene:
    """A sentence's numbers and mentions, and which may go together by the evidence: `fits[number][mention]`."""

    sentence: Sentence
    numbers: Sequence[Number]
    mentions: Sequence[Mention]
    fits: Sequence[Sequence[bool]]
    candidates: Sequence[int]
    """How many facts each number may stand for."""


@dataclass(frozen=True)
class Pair:
    """A number and a mention by their places in a scene, and whether the evidence denies them only with what is named nearer."""

    number: int
    mention: int
    jointly: bool


@dataclass(frozen=True)
class Forest:
    """Decision trees in one row of nodes: what a node looks at (-1: a leaf), from where on it goes right, where it goes, and
    a leaf's share of pairs that were said.
    """

    roots: "Whole"
    feature: "Whole"
    threshold: "Matrix"
    left: "Whole"
    right: "Whole"
    share: "Matrix"

    def __call__(self, seen: "Matrix") -> "Matrix":
        """Probabilities (pair) that a sentence says what the evidence denies; `seen` is (pair, feature)."""
        import numpy as np

        at = np.repeat(self.roots[:, None], len(seen), axis=1)  # (tree, pair)
        pairs = np.arange(len(seen))
        while (self.feature[at] >= 0).any():
            looks = self.feature[at]
            further = np.where(seen[pairs, looks] <= self.threshold[at], self.left[at], self.right[at])
            at = np.where(looks >= 0, further, at)
        shares: Matrix = self.share[at].mean(axis=0)
        return shares


@cache
def forest() -> Forest:
    """The trees that ship."""
    from safetensors.numpy import load_file

    stored = load_file(FILE)
    whole, real = ("roots", "feature", "left", "right"), ("threshold", "share")
    kinds = {**dict.fromkeys(whole, "int32"), **dict.fromkeys(real, "float32")}
    return Forest(**{name: stored[name].astype(kinds[name]) for name in Forest.__dataclass_fields__})


def reads() -> str:
    """A digest of what pairs are read with."""
    return hashlib.sha256(b"".join(Path(__file__).with_name(name).read_bytes() for name in READ_BY)).hexdigest()


def features(scene: Scene, pairs: Sequence[Pair]) -> "Matrix":
    """What the trees see of pairs (pair, feature)."""
    import numpy as np

    return np.array([_pair(scene, pair) for pair in pairs], dtype=np.float32)


def plainly(scene: Scene, pair: Pair) -> bool:
    """Whether nothing but a preposition or a copula stands between a number and a place or a side that is not its own."""
    number, mention = scene.numbers[pair.number], scene.mentions[pair.mention]
    start, end = _between(number, mention)
    between = scene.sentence.text[start:end]
    if mention.kind == "side":  # "on the base 0.41"
        return between == " " and _ON.search(scene.sentence.text[: mention.start]) is not None
    tie = _AFTER if number.start < mention.start else _BEFORE
    return not pair.jointly and mention.kind in _PLAIN and tie.fullmatch(between) is not None


def _pair(scene: Scene, pair: Pair) -> list[float]:
    number, mention = pair.number, pair.mention
    one, named = scene.numbers[number], scene.mentions[mention]
    of_kind = [k for k, other in enumerate(scene.mentions) if other.kind == named.kind]
    others = [k for k in of_kind if scene.mentions[k].value != named.value]
    fitting = [k for k in others if scene.fits[number][k] and not _inside(one, scene.mentions[k])]
    nearest = min(fitting, key=lambda k: _distance(one, scene.mentions[k]), default=None)
    own = _gap(scene, one, named)
    instead = [0.0] * (len(own) + 1) if nearest is None else [1.0, *_gap(scene, one, scene.mentions[nearest])]
    near = _distance(one, named)
    return [
        *own,
        *instead,
        float(nearest is not None and _distance(one, scene.mentions[nearest]) < near),
        float(not any(_distance(one, scene.mentions[k]) < near for k in others)),
        *_rivals(scene, number, mention, near),
        *_habit(scene, number, mention, of_kind),
        float(pair.jointly),
        float(_IN_ORDER.search(scene.sentence.plain) is not None),
        float(one.value.is_integer()),
        float(one.percent),
        float(scene.sentence.plain[max(0, one.start - 1)] == "("),
        min(scene.candidates[number], 8) / 8,
        min(len(of_kind), 5) / 5,
        min(len(scene.numbers), 8) / 8,
        len(scene.sentence.text) / 300,
        *(float(named.kind == kind) for kind in KINDS),
    ]


def _gap(scene: Scene, number: Number, mention: Mention) -> list[float]:
    """What stands between a number and a mention."""
    start, end = _between(number, mention)
    text = scene.sentence.text[start:end]
    words = len(re.findall(r"\w+", text))
    crossed = sum(start <= n.start < end for n in scene.numbers)
    passed = [m for m in scene.mentions if start <= m.start < end]
    same = sum(m.kind == mention.kind and m.value != mention.value for m in passed)
    counts = (crossed, same, len(passed) - same)
    return [
        float(number.start >= mention.end),
        math.log1p(max(end - start, 0)) / 5,
        min(words, 12) / 12,
        float(words == 0),
        *(min(count, 3) / 3 for count in counts),
        *(float(count == 0) for count in counts),
        *(float(sign.search(text) is not None) for sign in _BETWEEN),
    ]


def _rivals(scene: Scene, number: int, mention: int, near: int) -> list[float]:
    """Whether another number fits the mention, nearer or on the same side, and whether any is nearer at all."""
    one, named = scene.numbers[number], scene.mentions[mention]
    others = [(k, n) for k, n in enumerate(scene.numbers) if k != number]
    fitting = [n for k, n in others if scene.fits[k][mention]]
    return [
        float(bool(fitting)),
        float(any(_distance(n, named) < near for n in fitting)),
        float(any((n.start >= named.end) == (one.start >= named.end) for n in fitting)),
        float(not any(_distance(n, named) < near for _, n in others)),
    ]


def _habit(scene: Scene, number: int, mention: int, of_kind: Sequence[int]) -> list[float]:
    """How the sentence's other numbers go with the mention before and after them, and how this one does."""
    found: list[float] = []
    for before in (True, False):
        beside = [_beside(scene, k, of_kind, before=before) for k in range(len(scene.numbers))]
        fits = [scene.fits[k][at] for k, at in enumerate(beside) if k != number and at is not None]
        mine = beside[number]
        found += [sum(fits) / len(fits) if fits else 0.5, min(len(fits), 4) / 4, float(mine == mention)]
        found += [float(mine is None), float(mine is not None and scene.fits[number][mine])]
    return found


def _beside(scene: Scene, number: int, of_kind: Sequence[int], *, before: bool) -> int | None:
    """The next mention of a kind before or after a number."""
    one = scene.numbers[number]
    if before:
        there = [k for k in of_kind if scene.mentions[k].end <= one.start]
        return max(there, key=lambda k: scene.mentions[k].start, default=None)
    there = [k for k in of_kind if scene.mentions[k].start >= one.start + len(one.text)]
    return min(there, key=lambda k: scene.mentions[k].start, default=None)


def _between(number: Number, mention: Mention) -> tuple[int, int]:
    if number.start < mention.start:
        return number.start + len(number.text), mention.start
    return mention.end, number.start


def _distance(number: Number, mention: Mention) -> int:
    start, end = _between(number, mention)
    return end - start


def _inside(number: Number, mention: Mention) -> bool:
    return mention.start <= number.start < mention.end
