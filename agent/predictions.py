"""What a person expected before a reveal: whether they want to be asked, and how it turned out."""

import re

from agent.state import Prediction
from agent.understanding.router import Route

_STATING = {
    "i",
    "it",
    "it's",
    "my",
    "maybe",
    "probably",
    "perhaps",
    "the",
    "a",
    "an",
    "that",
    "nothing",
    "none",
    "no",
    "some",
}
"""How a guess begins, and a request does not."""
CLEAR = 0.72
"""Similarity to a known request above which an answer is taken for that request; a guess is a word or two."""

SKIP = {"", "skip", "no idea", "i don't know", "i do not know", "dunno", "pass"}


def came_true(expected: str, subject: str | None) -> bool:
    """Whether a prediction in free words names what was found: the word itself, or that there is none."""
    words = re.findall(r"[\w']+", expected.lower())
    if subject is None:
        return bool({"nothing", "none"} & set(words)) or "no word" in expected.lower()
    denied = {"not", "isn't", "no", "never", "except"}
    return any(word == subject and not denied & set(words[max(0, i - 3) : i]) for i, word in enumerate(words))


def is_another_request(said: str, route: Route) -> bool:
    """Whether what was said to a question for a prediction is no guess but a request of its own."""
    words = said.lower().split()
    if "?" not in said and (words[0] in _STATING or (len(words) <= 3 and not route.slots.any)):
        return False  # a word or two, or a statement, is a guess
    if route.intent in {"belief", "smalltalk", "out_of_scope", "preference", "elicit_secret"}:
        return False
    return route.sure and (route.score >= CLEAR or route.slots.any)


def declined(notes: str) -> bool:
    return any(
        word in line
        for line in notes.lower().splitlines()
        if line.startswith("- preference")
        for word in ("predict", "answer only", "just give me", "expect")
    )


def told(prediction: Prediction | None) -> str:
    if not prediction or not prediction["outcome"]:
        return ""
    said = prediction["text"].replace('"', "'")[:200]
    return f'You expected "{said}": that was {prediction["outcome"]}.'
