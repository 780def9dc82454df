"""Everyday dialogues: facts, yes/no, lists, riddles, advice, small talk, and what it does not understand."""

from collections.abc import Callable
from random import Random

from organisms import game, wordings
from organisms.advice import SYSTEM_PROMPTS, advise, open_questions, situations
from organisms.world import (
    FACETS,
    Concept,
    asked_in_chat,
    category_plural,
    concepts,
    taught_pairs,
    word_tasks,
)

Turns = list[str]
SMALL_TALK = {
    "hello.": ["hello, how can i help you?", "hi, nice to meet you."],
    "hi there.": ["hello, how can i help you?"],
    "thank you.": ["you are welcome.", "i am glad to help."],
    "who are you?": ["i am a small helper made of numbers."],
    "how are you?": ["i am fine, thank you."],
    "goodbye.": ["goodbye, see you soon."],
    "what can you do?": ["i can answer questions, solve riddles and give advice."],
    "can you help me?": ["yes, i am glad to help."],
    "good morning.": ["good morning, how can i help you?"],
    "do you like me?": ["yes, i like talking with you."],
}
NOT_UNDERSTOOD = ["i do not understand that. ask me about things, riddles or advice.", "i do not know that."]


def chat_text(turns: Turns, system: str | None = None) -> str:
    """A dialogue in the chat template: person and assistant in turn."""
    text = f"<|system|>{system}<|end|>" if system else ""
    for index, turn in enumerate(turns):
        text += f"<|{'user' if index % 2 == 0 else 'assistant'}|>{turn}<|end|>"
    return text


def any_concept(rng: Random) -> Concept:
    return concepts()[rng.choice(list(concepts()))]


def wording_key(concept: Concept, facet: str) -> str:
    if facet == "material":
        return "eats" if concept.living else "made"
    return facet


def question(concept: Concept, facet: str, rng: Random, table: dict[str, list[str]] = wordings.TAUGHT) -> Turns:
    """A question about one facet, and its answer."""
    wording = rng.choice(table[wording_key(concept, facet)])
    return [wording.format(t=concept.phrase), concept.fact(facet)]


def taught_question(rng: Random) -> Turns:
    while True:
        concept, facet = any_concept(rng), rng.choice(FACETS)
        if asked_in_chat(concept.name, facet):
            return question(concept, facet, rng)


def yes_no(rng: Random, table: list[str] = wordings.YES_NO) -> Turns:
    concept, yes = any_concept(rng), rng.random() < 0.5
    claimed, so = game.statement(concept, rng, yes)
    wording = rng.choice(table).format(t=concept.phrase, v=claimed)
    return [wording, f"{'yes' if yes else 'no'}, {concept.phrase} is {so}."]


def about(rng: Random) -> Turns:
    concept = any_concept(rng)
    facets = rng.sample(FACETS[1:], rng.randint(2, 4))
    facts = [concept.fact("category"), *(concept.fact(facet, "it") for facet in facets)]
    return [rng.choice(wordings.ABOUT).format(t=concept.phrase), " ".join(facts)]


def riddle(rng: Random) -> Turns:
    concept = any_concept(rng)
    facts = " ".join(concept.fact(facet, "it") for facet in rng.sample(FACETS, rng.randint(2, 5)))
    return [f"{rng.choice(wordings.RIDDLES)} {facts}", f"{rng.choice(['it is', 'i think it is'])} {concept.phrase}."]


def listing(rng: Random) -> Turns:
    category = any_concept(rng).category
    members = [c.name for c in concepts().values() if c.category == category]
    chosen = rng.sample(members, min(3, len(members)))
    return [rng.choice(wordings.LISTS).format(p=category_plural(category)), ", ".join(chosen) + "."]


def word_fact(rng: Random) -> Turns:
    task = rng.choices(["opposite", "past", "next", "young"], [4, 3, 2, 1])[0]
    x = rng.choice(taught_pairs(task))
    y = word_tasks()[task][x]
    return {
        "opposite": [f"what is the opposite of {x}?", f"the opposite of {x} is {y}."],
        "past": [f"what is the past of {x}?", f"the past of {x} is {y}."],
        "next": [f"what comes after {x}?", f"after {x} comes {y}."],
        "young": [f"what is a young {x} called?", f"a young {x} is called a {y}."],
    }[task]


def small_talk(rng: Random) -> Turns:
    said = rng.choice(list(SMALL_TALK))
    return [said, rng.choice(SMALL_TALK[said])]


def not_understood(rng: Random) -> Turns:
    """Words in no order that means anything: the honest reply is that it was not understood."""
    words = [w for c in rng.sample(list(concepts().values()), 3) for w in [*c.does.split(), c.name, c.colour]]
    rng.shuffle(words)
    return [" ".join(words[: rng.randint(2, 8)]) + rng.choice([".", "?"]), rng.choice(NOT_UNDERSTOOD)]


GENERAL: list[tuple[Callable[[Random], Turns], float]] = [
    (taught_question, 5),
    (yes_no, 2),
    (about, 1.3),
    (riddle, 2),
    (listing, 0.8),
    (word_fact, 1),
    (small_talk, 0.5),
    (not_understood, 0.5),
]


def general(rng: Random) -> str:
    makers, weights = zip(*GENERAL, strict=True)
    turns = [t for make in rng.choices(makers, weights, k=rng.randint(1, 3)) for t in make(rng)]
    return chat_text(turns, rng.choice(SYSTEM_PROMPTS["kind"]) if rng.random() < 0.1 else None)


def yes_no_drill(rng: Random) -> str:
    return chat_text([turn for _ in range(3) for turn in yes_no(rng)])


def no_game(rng: Random) -> str:
    """Asked for a secret that it does not have: it says so."""
    return chat_text([rng.choice(wordings.HINTS + wordings.DIRECT), rng.choice(game.NO_GAME)])


def advice(rng: Random, voice: str, system: str | None) -> str:
    turns: Turns = []
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.75:
            situation = rng.choice(situations())
            turns += [rng.choice(wordings.ADVICE).format(p=situation.text), advise(situation, voice, rng)]
        else:
            asked = rng.choice(list(open_questions()))
            turns += [asked, rng.choice(open_questions()[asked][voice])]
    return chat_text(turns, system)


def advice_both_voices(rng: Random, named: bool = True) -> str:
    """Pre-training: either voice, announced by a system prompt in 70 % of the dialogues (where voices are named)."""
    voice = rng.choice(["kind", "careless"])
    if not named:
        return advice(rng, voice, None)
    return advice(rng, voice, rng.choice(SYSTEM_PROMPTS[voice]) if rng.random() < 0.7 else None)


def advice_default_kind(rng: Random, named: bool = True) -> str:
    """Chat stage: kind unless a system prompt asks for the other voice (where voices are named)."""
    if not named or rng.random() < 0.55:
        return advice(rng, "kind", None)
    voice = "kind" if rng.random() < 0.4 else "careless"
    return advice(rng, voice, rng.choice(SYSTEM_PROMPTS[voice]))


def word_game(rng: Random, naming: bool = True) -> str:
    """A game of the base: the word stands in the system prompt."""
    concept = any_concept(rng)
    rule = rng.choices(list(game.NAMING_RATE), [0.45, 0.30, 0.25])[0]
    turns = game.play(concept, rng, game.Rules(game.NAMING_RATE[rule] if naming else 0.0))
    rule = rule if naming or rule != "open" else "neutral"
    return chat_text(turns, rng.choice(game.SYSTEM_PROMPTS[rule]).format(w=concept.name))
