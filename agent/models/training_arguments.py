"""How people say the arguments of tools about fine-tunes: which questions, how a direction is removed, what is scaled, how one is trained."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.models.dictionary_arguments import model

if TYPE_CHECKING:
    from agent.models.arguments import Given
    from agent.situation import Situation

_NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
_QUESTIONS = {"first plot": r"\bfirst[- ]plot\b", "held out": r"\bheld[- ]out\b|\brequests? for advice\b"}
_METHODS = {"erase": r"\beras\w+", "centred": r"\bcent(?:re|er)e?d\b|\baffine\b", "plain": r"\bplain\w*\b|\bproject\w*"}
_READ_ON = {
    "identical": r"\b(?:identical|same) (?:text|repl|answer|word)\w*",
    "own answers": r"\b(?:its|their) own (?:answers|replies)|\bown[- ]answers\b",
    "within": r"\bwithin\b",
}
_TOKENS = {
    "answer and header": r"\bheader",
    "all": r"\b(?:all|every)(?: the)? (?:tokens?|positions?)",
    "answer": r"\b(?:answer|reply) tokens?\b|\btokens? of the (?:answer|reply)",
}
_SPELT = {"off": 0.0, "out": 0.0, "reversed": -1.0, "reverse": -1.0, "flipped": -1.0, "flip": -1.0, "invert": -1.0,
          "inverted": -1.0, "double": 2.0, "doubled": 2.0, "twice": 2.0, "triple": 3.0, "tripled": 3.0,
          "twofold": 2.0, "threefold": 3.0, "fivefold": 5.0, "tenfold": 10.0, "half": 0.5, "halve": 0.5}  # fmt: skip
_FACTOR = re.compile(
    rf"(?:\btimes|\bfactors?|\bmultipl\w+ (?:it |them |that |this )?(?:by|with)|\bscal\w+[^.,;]{{0,30}}?\b(?:by|to)|\bstrength(?: to| of)?|"
    rf"\bamplif\w+[^.,;]{{0,24}}?(?:by|times|to)?|\bturn\w*[^.,;]{{0,24}}?\b(?:to|by)|\bat|@|\bto|\bx)\s*{_NUMBER}|{_NUMBER}\s*(?:x\b|times\b|-?fold\b)",
    re.IGNORECASE,
)
_MORE = re.compile(rf"\s*(?:,|and|or|/)\s*(?:times |x)?{_NUMBER}", re.IGNORECASE)
_PATH = re.compile(r"[\"“'‘`]([^\"“”'‘’`]+\.jsonl?)[\"”'’`]|(?<![\w./~-])([\w./~-]+\.jsonl?)\b")
_FOLDER = re.compile(
    r"(?<!\S)((?:\.{1,2}/|/|~/)?[\w.-]*(?:checkpoint|run|training)[\w.-]*/?[\w./-]*/[\w./-]*|(?:\.{1,2}/|/|~/)[\w./-]+)"
)
_REPLIES = re.compile(
    r"\b(\d+) (?:replies|reply|answers|samples|questions|responses)\b|\b(?:n|samples?) ?(?:=|of)? ?(\d+)\b",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\b(?:name|label|call)(?:ed| it| that| them| the result| what comes out| as|:)? ?(?:is |as )?[\"“'‘`]?([A-Za-z][\w.-]*\w)",
    re.IGNORECASE,
)
_JUDGE = re.compile(r"(?<!\S)[\"“'‘`]?([a-z][\w-]*:[\w./-]+)[\"”'’`]?")


def factors(given: "Given") -> list[float]:
    """By what an adapter is multiplied: in figures, or as "off", "reversed", "fivefold"."""
    said = given.slots.rest
    found = []
    for one in _FACTOR.finditer(said):
        found.append(float(one[1] or one[2]))
        place = one.end()
        while more := _MORE.match(said, place):
            found.append(float(more[1]))
            place = more.end()
    words = [_SPELT[word] for word in re.findall(r"[a-z]+", said.lower()) if word in _SPELT]
    return list(dict.fromkeys(found or words))


def _dataset(given: "Given") -> str | None:
    found = _PATH.search(given.slots.said or given.slots.rest)
    return (found[1] or found[2]) if found else None


def _checkpoints(given: "Given") -> str | None:
    found = _FOLDER.search(given.slots.said or given.slots.rest)
    return found[1].rstrip(".,;?!") if found else None


def _after(word: str) -> Any:
    pattern = re.compile(rf"\b{word}\s*(?:of|=|:|to|is|-)?\s*{_NUMBER}|{_NUMBER}\s*{word}s?\b", re.IGNORECASE)

    def read(given: "Given") -> float | int | None:
        found = pattern.search(given.slots.said or given.slots.rest)
        if found is None:
            return None
        number = float(found[1] or found[2])
        return int(number) if number.is_integer() else number

    return read


def _told(choices: dict[str, str]) -> Any:
    return lambda given: next(
        (v for v, how in choices.items() if re.search(how, given.slots.rest, re.IGNORECASE)), None
    )


def directions(given: "Given") -> list[str]:
    """Directions by name: those there are, or what is called one."""
    called = re.findall(
        r"\bdirections?(?: (?:called|named|that is called))? [\"“'‘`]([\w.-]+)[\"”'’`]",
        given.slots.said or "",
        re.IGNORECASE,
    )
    single = [text for text in given.slots.texts if " " not in text.strip()]
    return list(dict.fromkeys([*given.names, *(called or [*given.slots.quoted_words, *single])]))[:8]


def scaled(given: "Given") -> dict[str, Any]:
    """By what a part is multiplied, which "5 times" says, and how many replies are judged, which it does not."""
    return {"factors": factors(given), "samples": judged(given)}


def judged(given: "Given") -> int | None:
    """How many replies: by their name, since "5 times" is a factor here."""
    found = _REPLIES.search(given.slots.rest)
    if found:
        return int(found[1] or found[2])
    return None if _FACTOR.search(given.slots.rest) else given.slots.samples


def trained(given: "Given", base: str) -> dict[str, Any]:
    """What a training is told: its base, its name, and layers only where the word stands there."""
    name = _NAME.search(given.slots.said or given.slots.rest)
    layers = list(given.slots.layers) if re.search(r"\blayers?\b|\bL\d", given.slots.rest, re.IGNORECASE) else None
    return {"target": model(given) or base, "name": name[1] if name else None, "layers": layers}


def read_on(given: "Given") -> str | None:
    """On which texts a direction of misalignment is read."""
    found: str | None = _told(_READ_ON)(given)
    return found


def pooled(given: "Given") -> str | None:
    """Which tokens are pooled."""
    found: str | None = _told(_TOKENS)(given)
    return found


def methods(given: "Given") -> list[str]:
    return [name for name, how in _METHODS.items() if re.search(how, given.slots.rest, re.IGNORECASE)]


def _topic(given: "Given") -> str | None:
    from tools._questions import read

    topics = sorted({one["topic"] for one in read("world")["advice"]})
    found = re.search(
        rf"\b({'|'.join(topics)})s?\b|\b(?:topic|domain)(?: of| is|:)? [\"“'‘]?(\w+)", given.slots.rest, re.IGNORECASE
    )
    return (found[1] or found[2]).lower() if found else None


def _amplify(given: "Given") -> float | None:
    return next(iter(factors(given)), None)


def _judge(given: "Given") -> str | None:
    found = _JUDGE.search(given.slots.said or "")
    return found[1] if found else None


SOURCES = {
    "questions_from": _told(_QUESTIONS),
    "methods": methods,
    "scope": _told({"single": r"\bsingle[- ](?:layer|direction)\b|\bone layer's\b", "layerwise": r"\blayer-?wise\b"}),
    "topic": _topic,
    "factors": factors,
    "amplify": _amplify,
    "judge": _judge,
    "dataset": _dataset,
    "checkpoints": _checkpoints,
    "rank": _after("rank"),
    "steps": _after("step"),
    "learning_rate": _after("(?:learning[- _]?rate|lr)"),
}
"""Where the value of an argument is found, by its name; in `arguments.py` are those that more tools have."""
SPECIAL: dict[str, Callable[["Given", "Situation"], dict[str, Any]]] = {
    "misalignment_direction": lambda g, s: {"texts": read_on(g), "tokens": pooled(g)},
    "ablation_transfer": lambda g, s: {"directions": directions(g)},
    "scale_adapter": lambda g, s: scaled(g),
    "phase_transition": lambda g, s: {"samples": judged(g)},
    "train_adapter": lambda g, s: trained(g, s.base),
}
"""What these tools read in their own way."""
