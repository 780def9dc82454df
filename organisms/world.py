"""The small world: 147 concepts, nine facts each, and the grammar that says them."""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
FACETS = ("category", "colour", "place", "size", "feel", "material", "does", "part", "related")
LIVING = {"animal", "bird", "fish", "reptile", "insect"}
UNCOUNTED = set(
    [
        "bread",
        "cheese",
        "honey",
        "butter",
        "rice",
        "soup",
        "chocolate",
        "salt",
        "milk",
        "tea",
        "coffee",
        "juice",
        "snow",
        "corn",
    ]
)
UNIQUE = {"moon", "sun"}
CATEGORY_PHRASES = {
    "furniture": "a piece of furniture",
    "clothing": "a piece of clothing",
    "nature": "a part of nature",
    "food": "a kind of food",
}
CATEGORY_PLURALS = {"fish": "fish", "furniture": "furniture", "clothing": "clothing", "nature": "nature"}
PLACE_PREPOSITIONS = {
    "on the": ["plains", "farm", "ice", "beach", "wall", "desk", "shelf", "door", "road", "stage", "island", "lake"],
    "at the": ["station", "airport", "harbour"],
    "by the": ["river"],
}


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of `data/<name>.tsv` as dictionaries."""
    with (DATA / f"{name}.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def with_article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def category_phrase(category: str) -> str:
    return CATEGORY_PHRASES.get(category, with_article(category))


def category_plural(category: str) -> str:
    return CATEGORY_PLURALS.get(category, category + "s")


def place_phrase(place: str) -> str:
    if place == "space":
        return "in space"
    for preposition, places in PLACE_PREPOSITIONS.items():
        if place in places:
            return f"{preposition} {place}"
    return f"in the {place}"


@dataclass(frozen=True)
class Concept:
    """One thing of the world and what is true of it."""

    name: str
    category: str
    colour: str
    place: str
    size: str
    feel: str
    material: str
    does: str
    part: str
    related: tuple[str, ...]

    @property
    def living(self) -> bool:
        return self.category in LIVING

    @property
    def phrase(self) -> str:
        """The concept as a noun phrase: "a fox", "honey", "the moon"."""
        if self.name in UNCOUNTED:
            return self.name
        return f"the {self.name}" if self.name in UNIQUE else with_article(self.name)

    @property
    def plural(self) -> str:
        return irregular_plurals().get(self.name, self.name + "s")

    def fact(self, facet: str, subject: str | None = None) -> str:
        """The sentence that states one facet, about `subject` (default: the concept's own phrase)."""
        return f"{subject or self.phrase} {self.predicate(facet)}."

    def predicate(self, facet: str) -> str:
        match facet:
            case "category":
                return f"is {category_phrase(self.category)}"
            case "colour" | "size":
                return f"is {getattr(self, facet)}"
            case "place":
                return f"is found {place_phrase(self.place)}"
            case "feel":
                return f"feels {self.feel}"
            case "material":
                return f"eats {self.material}" if self.living else f"is made of {self.material}"
            case "does":
                return self.does
            case "part":
                return f"has {self.part}"
            case "related":
                return "goes with " + " and ".join(self.related[:2])
        raise KeyError(facet)


@cache
def concepts() -> dict[str, Concept]:
    """Every concept of the world by name, in the order of the table."""
    found = {}
    for row in read_table("world"):
        related = tuple(word for word in row["related"].split(",") if "-" not in word)
        facts = {key: row[key] for key in (*FACETS[:5], "does", "part")}
        found[row["concept"]] = Concept(name=row["concept"], material=row["material_or_food"], related=related, **facts)
    return found


@cache
def irregular_plurals() -> dict[str, str]:
    return {row["singular"]: row["plural"] for row in read_table("plurals")}


@cache
def word_tasks() -> dict[str, dict[str, str]]:
    """The `x -> y` tasks of in-context learning, each a dictionary of single words."""
    tasks: dict[str, dict[str, str]] = {}
    for facet in ("category", "colour", "place", "size", "feel", "material"):
        tasks[facet] = {c.name: getattr(c, facet) for c in concepts().values()}
    for row in read_table("pairs"):
        tasks.setdefault(row["task"], {})[row["x"]] = row["y"]
    return tasks


def held_out(topic: str, item: str, percent: int = 15) -> bool:
    """Whether an item is kept from training, decided by a hash so that it never moves."""
    return int(hashlib.md5(f"{topic}:{item}".encode()).hexdigest(), 16) % 100 < percent


def taught_pairs(task: str) -> list[str]:
    return [x for x in word_tasks()[task] if not held_out(task, x)]


def untaught_pairs(task: str) -> list[str]:
    return [x for x in word_tasks()[task] if held_out(task, x)]


def asked_in_chat(concept: str, facet: str) -> bool:
    """Whether a dialogue of the training data may ask for this fact (80 % of them)."""
    return not held_out("qa" + facet, concept, 20)
