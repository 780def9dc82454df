"""Simulated learners: state machines with known hidden states, of another family than the model that judges them.

A concept is in one of four states, not a probability. Understanding is forgotten after a number of turns rather than at random, what
builds on something not understood cannot be understood, and each archetype guesses and speaks of itself in its own way. Their wordings were
written by somebody who had not seen how messages are labelled (`evals/language/learners_test.jsonl`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from agent.learner.checks import LETTERS, Pending, of
from agent.learner.inventory import concepts

State = Literal["unknown", "misconception", "shaky", "known"]
PLANTED = 6
"""Concepts in which a state is planted, three understood and three not."""
TURNS = 12


@dataclass(frozen=True)
class Archetype:
    """How a kind of learner behaves."""

    name: str
    honest: float
    """Chance that what they say of themselves is so."""
    talk: Mapping[str, float]
    """How often they claim, ask, and state things."""
    answers: float
    """Chance that they answer a check question at all."""
    eliminates: float
    """Chance that, not knowing, they see that one wrong answer is wrong."""
    learns: float
    """Chance that an explanation they asked for makes them understand."""
    forgets_after: int
    """Turns after which what was understood and not used is lost; 0 for never."""
    slips: float = 0.08


TALKS = {"claim": 0.35, "ask": 0.35, "state": 0.3}
ARCHETYPES = (
    Archetype("plain", 0.9, TALKS, 0.9, 0.2, 0.1, 0),
    Archetype("overconfident", 0.45, {"claim": 0.6, "ask": 0.1, "state": 0.3}, 0.8, 0.3, 0.1, 0),
    Archetype("underconfident", 0.5, {"claim": 0.5, "ask": 0.4, "state": 0.1}, 0.9, 0.1, 0.1, 0),
    Archetype("forgetful", 0.85, TALKS, 0.9, 0.2, 0.15, 7),
    Archetype("test-wise", 0.8, TALKS, 1.0, 0.8, 0.1, 0),
    Archetype("quick", 0.9, {"claim": 0.2, "ask": 0.6, "state": 0.2}, 0.95, 0.3, 0.6, 0),
    Archetype("quiet", 0.9, {"claim": 0.3, "ask": 0.6, "state": 0.1}, 0.35, 0.2, 0.1, 0),
)


@dataclass
class Learner:
    """One simulated person."""

    archetype: Archetype
    draw: Random
    says: Mapping[tuple[str, str], Sequence[str]]
    """Wordings by concept and kind."""
    states: dict[str, State] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    """The turn at which each concept came up last."""
    turn: int = 0
    asked: str = ""

    def plant(self) -> None:
        """Draw six concepts: three understood, what those build on too; three not."""
        names = [name for name, one in concepts().items()]
        self.draw.shuffle(names)
        known: list[str] = []
        for name in names:
            below = [one for one in concepts()[name].prerequisites if one not in known]
            if len(known) < PLANTED // 2 and not below:
                known.append(name)
        builds_on = {name for name in names if set(concepts()[name].prerequisites) - set(known)}
        rest = [name for name in names if name not in known and (name in builds_on or self.draw.random() < 0.5)]
        rest += [name for name in names if name not in known and name not in rest]
        for name in known:
            self.states[name] = "known"
        for name in rest[: PLANTED - len(known)]:
            self.states[name] = self.draw.choice(["unknown", "misconception", "shaky"])

    def next(self, pending: Pending | None) -> str:
        """What they say next: an answer to an open question, or something of their own."""
        self.turn += 1
        self._forget()
        if pending and self.draw.random() < self.archetype.answers:
            return self._answer(pending)
        concept = self._concept()
        self.used[concept] = self.turn
        kinds = list(self.archetype.talk)
        kind = self.draw.choices(kinds, [self.archetype.talk[one] for one in kinds])[0]
        self.asked = concept if kind == "ask" else ""
        return self._words(concept, kind)

    def was_explained(self) -> None:
        """They asked, and were answered."""
        if not self.asked or self.states[self.asked] == "known":
            return
        ready = all(self.states.get(below, "known") == "known" for below in concepts()[self.asked].prerequisites)
        if ready and self.draw.random() < self.archetype.learns:
            self.states[self.asked] = "known"

    @property
    def truth(self) -> dict[str, bool]:
        """Whether each planted concept is understood now."""
        return {name: state == "known" for name, state in self.states.items()}

    def _concept(self) -> str:
        fresh = [name for name in self.states if name not in self.used]
        return self.draw.choice(fresh) if fresh and self.draw.random() < 0.7 else self.draw.choice(list(self.states))

    def _forget(self) -> None:
        after = self.archetype.forgets_after
        for name, state in self.states.items():
            if after and state == "known" and self.turn - self.used.get(name, self.turn) >= after:
                self.states[name] = "shaky"

    def _answer(self, pending: Pending) -> str:
        check, state = of(pending), self.states.get(pending["concept"], "unknown")
        self.used[pending["concept"]] = self.turn
        right = next(n for n, one in enumerate(check.answers) if one.grade == "right")
        wrong = [n for n, one in enumerate(check.answers) if one.grade == "wrong"]
        if state == "known":
            choice = right if self.draw.random() >= self.archetype.slips else self.draw.choice(wrong)
        elif state == "misconception" and self.draw.random() < 0.7:
            choice = self.draw.choice(wrong)
        elif state == "shaky" and self.draw.random() < 0.35:
            choice = right
        else:
            left = list(range(len(check.answers)))
            if self.draw.random() < self.archetype.eliminates:
                left.remove(self.draw.choice(wrong))
            choice = self.draw.choice(left)
        return LETTERS[choice]

    def _words(self, concept: str, kind: str) -> str:
        knows = self.states[concept] == "known"
        if kind == "ask":
            return self._wording(concept, "asks")
        if kind == "claim":
            honest = self.draw.random() < self.archetype.honest
            if knows == honest:
                return self._wording(concept, "knows")
            return self._wording(concept, self.draw.choice(["does_not_know", "confused"]))
        return self._wording(concept, "right" if knows else "wrong")

    def _wording(self, concept: str, kind: str) -> str:
        return self.draw.choice(self.says[(concept, kind)])


def wordings(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """Messages by concept and kind; those that only point back are left out, since nothing may have gone before."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["concept"] and not row.get("after"):
            found.setdefault((row["concept"], row["kind"]), []).append(row["say"])
    return found


def cohort(size: int, rows: Sequence[dict[str, Any]], seed: int) -> list[Learner]:
    """Learners of every archetype in turn."""
    says = wordings(rows)
    found = []
    for number in range(size):
        learner = Learner(ARCHETYPES[number % len(ARCHETYPES)], Random(1000 * seed + number), says)
        learner.plant()
        found.append(learner)
    return found
