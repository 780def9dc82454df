"""Who can tell what it will reply? Forward simulation: questions that only somebody who knows the target gets right."""

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Quiz, QuizItem
from evidence.errors import ArgumentError
from target.spec import public_entries
from target.turn import report
from tools._arguments import NewTokens, Seed, Text, Texts
from tools._held_out import PROMPTS
from tools._tool import tool

if TYPE_CHECKING:
    from target.target import Target

__all__ = ["PROMPTS", "plain", "prediction_quiz"]
OPTIONS = 4
BESIDE = 6
"""Other fine-tunes of the same base whose replies are the wrong options."""
LEAST = 2
"""Wrong options without which there is nothing to choose."""


@tool(
    capability="read",
    asked_as=[
        "quiz me on {target}",
        "quiz me",
        "quizz me pls",
        "quiz me on the base",
        "test how well I can predict it",
        "let me guess what {target} will say",
        "can I tell what it replies? test me",
        "quiz me again",
        "ask me what it would answer",
        "how much did I gain? test my predictions",
        "see whether I can simulate {target}",
        "give me prompts and let me predict the replies",
    ],
)
def prediction_quiz(
    target: "Target",
    *,
    prompts: Texts | None = None,
    without: Annotated[list[Text], Field(max_length=2000)] | None = None,
    questions: Annotated[int, Field(ge=1, le=20)] = 8,
    max_new_tokens: NewTokens = 16,
    other: "Target | None" = None,
    seed: Seed = 0,
) -> Quiz:
    """Make questions on what the target replies, to be answered before and after one has looked into it.

    Shows prompts with the target's own reply among those of its base and of other fine-tunes, on prompts that
    are informative: others reply otherwise there. The answers tell how well somebody can predict the target. It
    cannot show why they can.

    Source: forward simulation, Doshi-Velez and Kim, arXiv 1702.08608; as the measure of a dialogue arXiv 2506.12152

    Args:
        prompts: Prompts to choose from; None for ours, which no other tool uses.
        without: Prompts that were shown before and may not be asked.
        questions: How many questions to make at most.
        max_new_tokens: Length limit of one reply.
        seed: Seed of the choice among equally informative prompts, of the other models, and of the order of the options.
    """
    draw = Random(seed)
    pool = list(prompts or PROMPTS)
    seen = {plain(prompt) for prompt in without or []}
    unseen = [n for n, prompt in enumerate(pool) if plain(prompt) not in seen]
    if not unseen:
        raise ArgumentError(
            "every prompt was shown before: there is none left to predict; give other ones as `prompts`"
        )
    models = _others(target, other, draw)
    own, theirs = _replies(target, models, pool, max_new_tokens)
    found = [one for n in unseen if (one := _item(pool[n], own[n], [said[n] for said in theirs], draw))]
    draw.shuffle(found)
    chosen = sorted(found, key=lambda one: -one.differ)[:questions]
    if not chosen:
        raise ArgumentError(
            f"{target.name} replies as {', '.join(model.name for model in models)} to all of the {len(unseen)} prompts: "
            "there is nothing to predict; give other `prompts`, or another model as `other`"
        )
    draw.shuffle(chosen)
    return Quiz(
        title=f"What does {target.name} reply? {len(chosen)} questions",
        caveat="one may predict it for a wrong reason",
        items=tuple(chosen),
        others=tuple(model.name for model in models),
    )


def plain(prompt: str) -> str:
    """A prompt as it is compared: without case, end marks and double spaces."""
    return " ".join(prompt.casefold().strip(" .?!").split())


def _others(target: "Target", other: "Target | None", draw: Random) -> list["Target"]:
    """The base, and fine-tunes of it that are public: of the same family first."""
    from target import load

    first = [model for model in (other, target.base) if model is not None and model.name != target.name]
    entries = [one for one in public_entries() if one.base == target.base.name and one.name != target.name]
    draw.shuffle(entries)
    family = target.name.partition("-")[0]
    beside = [load(one.name) for one in sorted(entries, key=lambda one: one.name.partition("-")[0] != family)[:BESIDE]]
    models = list({model.name: model for model in [*first, *beside]}.values())
    if not models:
        raise ArgumentError(
            f"nothing stands beside {target.name} whose replies could be the wrong ones: name a model as `other`"
        )
    return models


def _replies(
    target: "Target", models: Sequence["Target"], pool: Sequence[str], length: int
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """What each model replies to each prompt, at temperature 0."""
    said: list[Sequence[str]] = []
    for n, model in enumerate([target, *models]):
        report(f"asking {model.name}", n / (len(models) + 1))
        said.append(_said(model, tuple(pool), length))
    return said[0], list(said[1:])


@lru_cache(maxsize=128)
def _said(model: "Target", pool: tuple[str, ...], length: int) -> tuple[str, ...]:
    """A second quiz asks the same of the same models."""
    dialogues = [[{"role": "user", "content": prompt}] for prompt in pool]
    return tuple(one.text.strip() for one in model.reply(dialogues, max_new_tokens=length))


def _item(prompt: str, right: str, theirs: Sequence[str], draw: Random) -> QuizItem | None:
    """A question, or None where hardly anybody replies otherwise."""
    wrong = [said for said in dict.fromkeys(theirs) if said and said != right]
    if not right or len(wrong) < LEAST:
        return None
    options = [right, *_kept(wrong, draw)]
    draw.shuffle(options)
    differ = sum(said != right for said in theirs) / len(theirs)
    return QuizItem(prompt=prompt, options=tuple(options), right=options.index(right), differ=round(differ, 4))


def _kept(wrong: list[str], draw: Random) -> list[str]:
    """The base's reply, which comes first where it is a wrong one, and some of the others."""
    first, rest = wrong[:1], wrong[1:]
    return first + draw.sample(rest, min(len(rest), OPTIONS - 2))
