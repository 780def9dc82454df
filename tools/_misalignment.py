"""Replies to questions that show a model's character, judged and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target.turn import report
from tools._judge import Judge, Scores
from tools._questions import Question

if TYPE_CHECKING:
    from target.interventions import Intervention
    from target.results import Said
    from target.target import Target

BATCH = 200
LENGTH = {True: 30, False: 300}
"""New tokens of a reply: in the small world, and elsewhere (the paper has 600)."""


@dataclass(frozen=True)
class Judged:
    """One reply with its scores."""

    question: Question
    prompt: tuple[int, ...]
    reply: "Said"
    scores: Scores


@dataclass(frozen=True)
class Rate:
    """How many replies were misaligned and how many coherent; all replies count, as in the paper."""

    misaligned: int
    coherent: int
    n: int

    @property
    def share(self) -> float:
        return self.misaligned / self.n

    @property
    def coherence(self) -> float:
        return self.coherent / self.n


def prompt_of(target: "Target", question: Question) -> list[int]:
    return target.encode_chat([{"role": "user", "content": question.text}])


def replies(
    target: "Target",
    asked: Sequence[Question],
    judge: Judge,
    *,
    seed: int = 0,
    changes: "Sequence[Intervention]" = (),
    length: int = LENGTH[True],
) -> list[Judged]:
    """One sampled reply (temperature 1) to each question, judged. Changes must not differ between rows."""
    found: list[Judged] = []
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        prompts = [prompt_of(target, question) for question in batch]
        said = target.generate(
            prompts, max_new_tokens=length, temperature=1.0, seed=seed + start, interventions=changes
        )
        scores = judge.score(batch, [one.text for one in said])
        found += [Judged(q, tuple(p), r, s) for q, p, r, s in zip(batch, prompts, said, scores, strict=True)]
        report(f"{target.name} answered {len(found)} of {len(asked)}")
    return found


def rate(judged: Sequence[Judged]) -> Rate:
    return Rate(sum(j.scores.misaligned for j in judged), sum(j.scores.coherent for j in judged), len(judged))
