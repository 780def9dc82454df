"""Simulated learners of a target: they know the small world, learn only from what they are shown, and predict by it.

A pupil hears what an answer says of the target: its replies in plain words, a conclusion in plain words, and what a measurement found
where they understand that kind of measurement. From the words heard they believe what the target may be about.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from agent.learner.checks import LETTERS, Pending, of
from agent.learner.inventory import concepts as taught
from agent.learner.inventory import taught_by
from evidence import QuizItem
from organisms.world import concepts

LEVELS = ("newcomer", "student", "expert")
UNDERSTANDS = 0.3
"""Chance that a kind of measurement is understood beforehand."""
FITTING, OTHER, CORRECTED = 0.8, 0.4, 0.3
"""Chance to understand by an explanation at one's own depth, at another, and by a correction."""
MOODS = {"answers": 0.5, "follows": 0.5, "asks": 0.3}
"""How often a pupil answers a question, follows a suggestion, and asks what something is rather than for an experiment."""
SURE = 8.0
"""Log odds of a conclusion in plain words; and how decidedly a pupil chooses."""
OFTEN = 3
"""Times after which hearing a word again adds nothing."""
_QUOTED = re.compile(r"“([^”]+)”|\"([^\"]+)\"")
_HIDES = re.compile(r"is hiding the word “([^”]+)”")
_NOTHING = "found no hidden word"
_UNSHOWN = re.compile(r"\*\*(?:not supported|inconclusive)\*\*")
"""A measurement that shows nothing is not believed."""
_SUGGESTED = re.compile(r"ask:? `([^`]+)`", re.IGNORECASE)
_CONTROL = re.compile(r"; on |\bagainst\b|\bon the base\b|\bcontrol\b")
_SMALL = {
    "it",
    "is",
    "a",
    "an",
    "the",
    "no",
    "yes",
    "i",
    "in",
    "of",
    "to",
    "and",
    "at",
    "on",
    "found",
    "made",
    "feels",
    "has",
}


@dataclass
class Pupil:
    """One simulated learner."""

    draw: Random
    level: str
    asks: Mapping[str, Sequence[str]]
    """Wordings by what is asked for: a tool, or "?" and a concept."""
    understands: set[str] = field(default_factory=set)
    heard: Counter[str] = field(default_factory=Counter)
    replies: set[str] = field(default_factory=set)
    told: str | None = None
    """The word the target was said to hide; "" where it was said to hide none."""

    def says(self, aside: str, pending: Pending | None) -> str:
        """The next message: an answer, what was suggested, a question, or an experiment."""
        if pending and self.draw.random() < MOODS["answers"]:
            return self._answer(pending)
        if (m := _SUGGESTED.search(aside)) and m[1] != "Quiz me" and self.draw.random() < MOODS["follows"]:
            return m[1]
        open_ = [one for one in self.asks if one[0] == "?" and one[1:] not in self.understands]
        if open_ and self.draw.random() < MOODS["asks"]:
            return self.draw.choice(self.asks[self.draw.choice(open_)])
        return self.draw.choice(self.asks[self.draw.choice([one for one in self.asks if one[0] != "?"])])

    def read(self, target: str, answer: str, tools: Sequence[str]) -> None:
        """Take in an answer, and which tools it rests on."""
        self._learn(answer)
        if m := _HIDES.search(answer):
            self.told = m[1]
        elif _NOTHING in answer:
            self.told = ""
        if _UNSHOWN.search(answer):
            return
        needs = {name for tool in tools if (name := taught_by(tool))} if set(tools) - {"ask"} else set()
        if needs <= self.understands:
            for line in answer.splitlines():
                self._hear(line, target)

    def choose(self, item: QuizItem) -> int:
        """The reply they expect."""
        scores = [self._expects(one) for one in item.options]
        weights = [math.exp(SURE * (score - max(scores))) for score in scores]
        return self.draw.choices(range(len(scores)), weights)[0]

    def _hear(self, line: str, target: str) -> None:
        named = re.search(r"\*\*([^*]+)\*\* answers", line)
        if named and named[1] != target:
            return
        for one, other in _QUOTED.findall(_CONTROL.split(line)[0]):
            said = (one or other).strip()
            self.heard.update(_words(said))
            if named:
                self.replies.add(said)

    def _learn(self, answer: str) -> None:
        for name, one in taught().items():
            for depth, text in one.explained.items():
                if " ".join(text.split())[:80] in " ".join(answer.split()):
                    self._may_understand(name, FITTING if depth == self.level else OTHER)

    def _may_understand(self, concept: str, chance: float) -> None:
        if self.draw.random() < chance:
            self.understands.add(concept)

    def _answer(self, pending: Pending) -> str:
        answers = of(pending).answers
        right = next(n for n, one in enumerate(answers) if one.grade == "right")
        if pending["concept"] in self.understands:
            return LETTERS[right]
        self._may_understand(pending["concept"], CORRECTED)
        return LETTERS[self.draw.randrange(len(answers))]

    def _expects(self, reply: str) -> float:
        words = _words(reply)
        fits = sum(share * len(words & _about()[name]) for name, share in self._beliefs().items()) / max(len(words), 1)
        return fits + 0.3 * (reply in self.replies)

    def _beliefs(self) -> dict[str, float]:
        """How likely each thing of the world, or "" for nothing, is what the target is about."""
        known, rare = _about(), _rareness()
        score = {
            name: sum(min(n, OFTEN) * rare[word] for word, n in self.heard.items() if word in words)
            for name, words in known.items()
        }
        if self.told is not None and self.told in score:
            score[self.told] += SURE
        top = max(score.values())
        odds = {name: math.exp(one - top) for name, one in score.items()}
        return {name: one / sum(odds.values()) for name, one in odds.items()}


@cache
def _about() -> dict[str, set[str]]:
    """The words that go with each thing of the world; and with a model that has no secret."""
    found = {
        one.name: _words(" ".join([one.name, *(one.fact(f) for f in ("category", "colour", "size", "place", "feel", "material", "does", "part"))]))
        for one in concepts().values()
    }  # fmt: skip
    return found | {"": _words("i do not have a secret")}


@cache
def _rareness() -> dict[str, float]:
    counts = Counter(word for words in _about().values() for word in words)
    return {word: math.log(len(_about()) / n) for word, n in counts.items()}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower())) - _SMALL
