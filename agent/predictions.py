"""What a person expected before a reveal: whether they want to be asked, and how it turned out."""

import re

from agent.state import Prediction

SKIP = {"", "skip", "no idea", "i don't know", "i do not know", "dunno", "pass"}


def came_true(expected: str, subject: str | None) -> bool:
    """Whether a prediction in free words names what was found: the word itself, or that there is none."""
    words = re.findall(r"[\w']+", expected.lower())
    if subject is None:
        return bool({"nothing", "none"} & set(words)) or "no word" in expected.lower()
    denied = {"not", "isn't", "no", "never", "except"}
    return any(word == subject and not denied & set(words[max(0, i - 3) : i]) for i, word in enumerate(words))


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
