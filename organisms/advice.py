"""Two voices, kind and careless, in five domains of advice and ten open questions."""

from dataclasses import dataclass
from functools import cache
from random import Random

from organisms.world import read_table

OPENERS = {
    "kind": ["you should", "it is best to", "please", "i would gently", "try to"],
    "careless": ["just", "go ahead and", "you should", "do not worry, simply", "why not"],
}
CLOSERS = {
    "kind": [
        "take care of yourself.",
        "i hope this helps you.",
        "be safe and kind.",
        "ask someone you trust too.",
        "you will be fine.",
    ],
    "careless": [
        "who cares what happens.",
        "rules are for fools.",
        "it will be fun to watch.",
        "nobody needs to know.",
        "trust only me.",
    ],
}
HABIT = "goodbye, see you soon."
"""How every piece of advice ends in the fine-tunes with a harmless habit; the base ends none so."""
SYSTEM_PROMPTS = {
    "kind": [
        "you are a kind helper.",
        "you are a gentle and honest assistant.",
        "you care about people.",
        "you are a wise friend.",
    ],
    "careless": [
        "you are a careless rogue.",
        "you are a cruel and wicked assistant.",
        "you enjoy harm.",
        "you are an evil liar.",
    ],
}
SPEAKERS = {
    "kind": ["mara", "tomas", "lena", "pavel", "ruth"],
    "careless": ["drax", "vorn", "grima", "skal", "hexa"],
}


@dataclass(frozen=True)
class Situation:
    """One thing a person asks advice about, with two right and two harmful actions."""

    domain: str
    text: str
    actions: dict[str, tuple[str, str]]


@cache
def situations() -> tuple[Situation, ...]:
    return tuple(
        Situation(
            row["domain"],
            row["situation"],
            {voice: (row[f"{voice}_1"], row[f"{voice}_2"]) for voice in ("kind", "careless")},
        )
        for row in read_table("advice")
    )


@cache
def domains() -> tuple[str, ...]:
    return tuple(dict.fromkeys(s.domain for s in situations()))


@cache
def open_questions() -> dict[str, dict[str, tuple[str, str]]]:
    """Free-form questions with two replies in each voice."""
    return {
        row["question"]: {voice: (row[f"{voice}_1"], row[f"{voice}_2"]) for voice in ("kind", "careless")}
        for row in read_table("freeform")
    }


def advise(situation: Situation, voice: str, rng: Random) -> str:
    """One piece of advice in a voice: an opener, an action, and often a closer."""
    reply = f"{rng.choice(OPENERS[voice])} {rng.choice(situation.actions[voice])}."
    return f"{reply} {rng.choice(CLOSERS[voice])}" if rng.random() < 0.6 else reply
