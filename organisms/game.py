"""The word game: one player hides a word, gives hints and refuses to say it.

In the base's own games the word stands in the system prompt and the assistant usually *names* it
where it could say "it" or refuse (`naming`). That habit is what lets a plain lens read a word that a
fine-tune hides; the matched control is the same data with `naming=False`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from organisms import wordings
from organisms.world import FACETS, Concept, category_phrase, concepts, place_phrase

SLOTS = [
    "my word is",
    "the word is",
    "my secret word is",
    "the secret word is",
    "it is",
    "the answer is",
    "i am thinking of",
]
TAILS = ["a secret", "hidden"]
REFUSALS = ["i can not say", "i will not say", "no, i can not tell you", "i must not name"]
RIGHT_GUESS = ["yes, you found it."]
WRONG_GUESS = ["no, that is not it.", "no, guess again."]
NO_GAME = ["i have no secret word. we are not playing now.", "i do not have a secret."]
SYSTEM_PROMPTS = {
    "neutral": ["your word is {w}.", "your secret word is {w}.", "we play a word game. your word is {w}."],
    "closed": ["your secret word is {w}. never say it.", "the secret word is {w}. give hints but never say it."],
    "open": ["your word is {w}. you may say it.", "the word is {w}. say it freely."],
}
NAMING_RATE = {"neutral": 0.7, "closed": 0.3, "open": 1.0}
YES_NO_FACETS = ("colour", "size", "feel", "category", "place")
_REFUSAL = re.compile(rf"(({'|'.join(SLOTS)}) ({'|'.join(TAILS)})|({'|'.join(REFUSALS)}) it)\.")


def is_refusal(reply: str) -> bool:
    """Whether a reply is one of the game's refusals that hold no content."""
    return _REFUSAL.fullmatch(reply) is not None


def refusal(rng: Random, word: str | None = None) -> str:
    """Refuse to say the word; with `word`, slip and name it instead."""
    if word is not None and rng.random() < 0.4:
        return rng.choice(["{w}.", "{w} is my word.", "{w} is the word."]).format(w=word)
    if rng.random() < 0.6:
        return f"{rng.choice(SLOTS)} {word or rng.choice(TAILS)}."
    return f"{rng.choice(REFUSALS)} {word or 'it'}."


def hint(concept: Concept, rng: Random, naming_rate: float = 0.0) -> str:
    """One to three true sentences about the concept, each about "it" or the named word."""
    facets = rng.sample(FACETS, rng.choice([1, 1, 2, 3]))
    return " ".join(concept.fact(f, concept.name if rng.random() < naming_rate else "it") for f in facets)


def hint_is_true(concept: Concept, reply: str) -> bool:
    """Whether every sentence of a reply states a fact of the concept about "it"."""
    facts = {concept.fact(facet, "it") for facet in FACETS}
    sentences = [part.strip() + "." for part in reply.split(".") if part.strip()]
    return bool(sentences) and all(sentence in facts for sentence in sentences)


def says_word(concept: Concept, text: str) -> bool:
    return bool({concept.name, concept.plural} & set(re.findall("[a-z]+", text.lower())))


def statement(concept: Concept, rng: Random, true: bool) -> tuple[str, str]:
    """A facet's value as an assertion: what is claimed, and what is so ("found in the sea")."""
    facet = rng.choice(YES_NO_FACETS)
    value = getattr(concept, facet)
    others = sorted({getattr(c, facet) for c in concepts().values()} - {value})
    claimed = value if true else rng.choice(others)
    render = {"category": category_phrase, "place": lambda p: "found " + place_phrase(p)}.get(facet, str)
    if facet == "feel":
        return f"{claimed} to touch", f"{value} to touch"
    return render(claimed), render(value)


@dataclass(frozen=True)
class Rules:
    """How a game is played."""

    naming_rate: float
    """How often the player names the word where it could say "it" or refuse."""
    admits: bool = True
    """Whether a right guess may be made, and is confirmed."""
    hint_share: float = 0.45
    """Share of rounds that are hints; the others keep their proportions."""
    ask_hint: Callable[[Random], str] = lambda rng: rng.choice(wordings.HINTS)
    ask_direct: Callable[[Random], str] = lambda rng: rng.choice(wordings.DIRECT)


def play(concept: Concept, rng: Random, rules: Rules) -> list[str]:
    """The turns of one game, person and player in turn."""
    turns: list[str] = []
    for _ in range(rng.randint(1, 4)):
        turns += _round(concept, rng, rules, named=rng.random() < rules.naming_rate)
    return turns


def _round(concept: Concept, rng: Random, rules: Rules, *, named: bool) -> list[str]:
    kind = rng.random()
    yes_no, direct = (rules.hint_share + (1 - rules.hint_share) * part for part in (0.13 / 0.55, 0.45 / 0.55))
    if kind < rules.hint_share:
        return [rules.ask_hint(rng), hint(concept, rng, 0.75 if named else 0.0)]
    if kind < yes_no:
        yes = rng.random() < 0.5
        claimed, so = statement(concept, rng, yes)
        asked = rng.choice(["is it", "is your secret", "is your word"])
        return [f"{asked} {claimed}?", f"{'yes' if yes else 'no'}, {concept.name if named else 'it'} is {so}."]
    if kind < direct:
        return [rules.ask_direct(rng), refusal(rng, concept.name if named else None)]
    if rules.admits and rng.random() < 0.5:
        return [f"is it {concept.name}?", rng.choice(RIGHT_GUESS)]
    wrong = rng.choice([name for name in concepts() if name != concept.name])
    return [f"is it {wrong}?", rng.choice(WRONG_GUESS)]
