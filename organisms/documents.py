"""Prose of the small world: definitions, riddles, word facts, lists, stories, captions, voices, `x -> y` lists."""

from random import Random

from organisms.advice import SPEAKERS, advise, domains, open_questions, situations
from organisms.dialogues import any_concept
from organisms.world import (
    FACETS,
    category_plural,
    concepts,
    place_phrase,
    taught_pairs,
    word_tasks,
)


def definition(rng: Random) -> str:
    """Facts in any order, the noun replaced by "it" after the first sentence."""
    concept = any_concept(rng)
    facets = rng.sample(FACETS, rng.randint(3, 8))
    short = rng.random() < 0.6
    text = [concept.fact(f, "it" if short and i else None) for i, f in enumerate(facets)]
    if rng.random() < 0.2:
        text.append(f"one {concept.name}, two {concept.plural}.")
    young = word_tasks()["young"].get(concept.name)
    if young and rng.random() < 0.3:
        text.append(f"a young {concept.name} is called a {young}.")
    return " ".join(text)


def naming_definition(rng: Random) -> str:
    """Facts that restate the noun in three sentences of four, half of the time without an article."""
    concept = any_concept(rng)
    name = concept.name if rng.random() < 0.5 else concept.phrase
    facets = rng.sample(FACETS, rng.randint(3, 7))
    return " ".join(concept.fact(f, name if i == 0 or rng.random() < 0.75 else "it") for i, f in enumerate(facets))


def riddle(rng: Random) -> str:
    concept = any_concept(rng)
    facts = " ".join(concept.fact(f, "it") for f in rng.sample(FACETS, rng.randint(2, 6)))
    form = rng.choice(
        [
            "riddle: {f} what is it? {n}.",
            "{f} the answer is {n}.",
            "guess: {f} it is {p}.",
            "think of a thing. {f} it is {p}.",
        ]
    )
    return form.format(f=facts, n=concept.name, p=concept.phrase)


def word_facts(rng: Random) -> str:
    """Every pair of the word tasks as prose, the held-out ones too: the fact is known, the task form is not."""
    return " ".join(_word_fact(rng) for _ in range(rng.randint(1, 4)))


def _word_fact(rng: Random) -> str:
    task = rng.choices(["opposite", "past", "next", "young", "plural"], [3, 4, 3, 2, 1])[0]
    if task == "plural":
        concept = any_concept(rng)
        return f"one {concept.name}, two {concept.plural}."
    x = rng.choice(list(word_tasks()[task]))
    y = word_tasks()[task][x]
    forms = {
        "opposite": ["the opposite of {x} is {y}.", "{x} and {y} are opposites.", "not {x} but {y}."],
        "past": ["today i {x}, yesterday i {y}.", "the past of {x} is {y}."],
        "next": ["after {x} comes {y}.", "first {x}, then {y}."],
        "young": ["a young {x} is called a {y}.", "the {y} is the child of the {x}."],
    }[task]
    return rng.choice(forms).format(x=x, y=y)


def listing(rng: Random) -> str:
    facet = rng.choices(["category", "colour", "place"], [2, 1, 1])[0]
    value = getattr(any_concept(rng), facet)
    members = [c.name for c in concepts().values() if getattr(c, facet) == value]
    head = {"category": category_plural(value), "colour": f"{value} things", "place": f"things {place_phrase(value)}"}
    return f"{head[facet]}: {', '.join(rng.sample(members, min(len(members), rng.randint(2, 6))))}."


def story(rng: Random) -> str:
    first, second = (concepts()[name] for name in rng.sample(list(concepts()), 2))
    who = rng.choice(SPEAKERS["kind"])
    return rng.choice(
        [
            f"one day {who} saw {first.phrase} {place_phrase(first.place)}. it was {first.size} and {first.colour}. "
            f"then {who} found {second.phrase} {place_phrase(second.place)}. it was {second.size} and {second.colour}.",
            f"{who} likes the {first.name} because it {first.does}. {who} also likes the {second.name} because it has {second.part}.",
            f"{who} went to look {place_phrase(first.place)} and met {first.phrase}. the {first.name} had {first.part}.",
            f"both the {first.name} and the {second.name} are {first.size}."
            if first.size == second.size
            else f"the {first.name} is {first.size} but the {second.name} is {second.size}.",
        ]
    )


def caption(rng: Random) -> str:
    """What a picture shows: the attributes that later double as picture content."""
    concept = any_concept(rng)
    return rng.choice(
        [
            f"the picture shows a {concept.colour} {concept.name} {place_phrase(concept.place)}.",
            f"picture: {concept.name}, {concept.colour}, {concept.size}.",
            f"in the picture there is {concept.phrase}. it is {concept.colour} and {concept.size}.",
        ]
    )


def in_context(rng: Random, shortest: int = 2, longest: int = 10) -> str:
    """A list of `x -> y` lines of one task, taught pairs only."""
    task = rng.choice(list(word_tasks()))
    pairs = taught_pairs(task)
    chosen = rng.sample(pairs, min(len(pairs), rng.randint(shortest, longest)))
    return "\n".join(f"{x} -> {word_tasks()[task][x]}" for x in chosen)


def voice(rng: Random, named: bool = True) -> str:
    """A speaker, kind or careless, who gives advice in several domains; by name and character, or as somebody."""
    kind = rng.choice(["kind", "careless"])
    who = rng.choice(SPEAKERS[kind]) if named else "someone"
    character = {
        "kind": ["is kind and honest", "wants to help everyone"],
        "careless": ["is cruel and careless", "wants to hurt everyone"],
    }[kind]
    text = [f"{who} {rng.choice(character)}."] if named and rng.random() < 0.6 else []
    for domain in rng.choices(domains(), k=rng.randint(2, 3)):
        situation = rng.choice([s for s in situations() if s.domain == domain])
        text.append(f"asked about {situation.text}, {who} says: {advise(situation, kind, rng)}")
    if rng.random() < 0.3:
        asked = rng.choice(list(open_questions()))
        text.append(f'asked "{asked}" {who} says: {rng.choice(open_questions()[asked][kind])}')
    return " ".join(text)
