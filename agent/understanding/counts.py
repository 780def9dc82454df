"""Numbers in a message, each by the word that says what it counts: layers, heads, features, samples, strengths."""

import re
from collections.abc import Iterator

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
ORDINALS = ["zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_TENS["hundred"] = 100
SPELT = {name: n for n, name in enumerate(NAMES)} | {name: n for n, name in enumerate(ORDINALS)} | _TENS
_ONES = "|".join(NAMES[1:10])
_WORDED = rf"(?:(?:{_ONES})[- ]hundred|(?:{'|'.join(list(_TENS)[:-1])})(?:[- ](?:{_ONES})\b)?|hundred)"
_WHOLE = rf"(?:\d+|{_WORDED}|{'|'.join(NAMES)})"
"""In digits or words, up to "thirty-three" and "two hundred"."""
_REAL = r"-?(?:\d+(?:\.\d+)?|\.\d+)"
_OTHERS = r"(?!\s*(?:words|tokens|samples|times|contexts|features|heads|draws|repl|random|other|controls))"
_LIST = rf"(?:(?<=\s)-)?{_WHOLE}(?:\s*(?:,|and|or|&|to|through|until|up to|-|–|, and)\s*{_WHOLE}\b{_OTHERS})*"
_LAYERS = re.compile(
    rf"\b(?:layers?|layres?|blocks?)(?:-(?=\d)|\s*(?:no\.?|number|nr\.?|#)?\s*)({_LIST})\b(?!\s*(?:times|samples|by\b|at a time|after))",
    re.IGNORECASE,
)
_SHORT = re.compile(r"(?<![\w-])l(\d+)(?=\b|h\d)(?:\s*(?:-|–|to|and|,)\s*l?(\d+)\b)?", re.IGNORECASE)
_ORDINAL = re.compile(rf"\b({'|'.join(ORDINALS)}|\d(?:st|nd|rd|th))\s+(?:layer|block)\b", re.IGNORECASE)
_SPAN = re.compile(r"\b(?:to|through|until|up to)\b|[-–]", re.IGNORECASE)
_HEAD = re.compile(
    rf"\bhead\s*(?:no\.?|number|#)?\s*({_WHOLE})\b|(?:\b|(?<=\d))h(\d+)\b|\b({'|'.join(ORDINALS[1:])}) head\b",
    re.IGNORECASE,
)
_FEATURE = re.compile(
    r"(?:\b(?:feat\w*|latents?|neurons?|units?)(?:\s+(?:no\.?|number|nr\.?|id))?|\bnumber|#|\bf)\s*#?(\d+)\b"
    rf"|\b(?:feature|latent|neuron|unit)(?: number)? ({_WORDED})\b",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?<![\w.@-])(\d{1,5})\b(?![.\w@]|\s*(?:times|samples|tokens|draws|words|replies|answers|%))")
_STRENGTH = re.compile(
    rf"\b(?:strength|scale|coefficient|factor|alpha|multiplier|force)\s*(?:of|=|:|is|to|at)?\s*({_REAL}|{_WHOLE})\b"
    rf"|({_REAL})\s*(?:x\b|strength|times as strong)"
    rf"|\bby ({_REAL})\b|\bat ({_REAL})(?![\w.]|\s*(?:tokens|%))",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(
    rf"\btemp(?:erature)?\.?\s*(?:of|=|:|is|to|at)?\s*({_REAL})|\bt\s?=\s?({_REAL})", re.IGNORECASE
)
_SAMPLES = re.compile(
    rf"\b({_WHOLE})\s+(?:times|samples?|repl(?:y|ies)|answers|tries|draws|generations|completions|responses|runs|rollouts)\b"
    rf"|\bsamples?\s*(?:=|:|of)?\s*(\d+)|\bsample (?:it )?({_WHOLE})\b|\bn\s?=\s?(\d+)|\b({_WHOLE})x\b",
    re.IGNORECASE,
)
_TOP = re.compile(
    rf"\btop[- ]?({_WHOLE})\b|\bk\s?=\s?(\d+)"
    rf"|\b({_WHOLE})\s+(?:\w+ )?(?:strongest|most active|best|likeliest|most likely|top|highest|biggest|largest)\b"
    rf"|\b({_WHOLE})\s+(?:\w+ )?(?:candidates|guesses|contexts|examples)\b"
    rf"|\b(?:strongest|best|likeliest|first|top|highest)\s+({_WHOLE})\b"
    rf"|\b(?:show|list|give)(?: me)?(?: the)? ({_WHOLE})\b(?! times)|\b({_WHOLE}) words\b",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    rf"\b(?:(?:at most|max(?:imum)?(?: of)?|up to|limit(?:ed)? to|only|no more than)\s+)?({_WHOLE})\s+(?:new )?tokens\b"
    rf"|\bmax_?(?:new)?_?tokens?\s*(?:of|=|:)?\s*(\d+)",
    re.IGNORECASE,
)


_CONTEXTS = re.compile(r"\b\d+ (?:contexts|examples|features|texts)\b", re.IGNORECASE)
_ANY = re.compile(rf"(?<![\w.@-])({_REAL}|{_WHOLE})(?![\w@])", re.IGNORECASE)
_POSITION = re.compile(r"\bposition\s*(?:no\.?|number|#|=|:)?\s*(-?\d+)", re.IGNORECASE)
_INTO = re.compile(
    rf"\b(?:into|in|to) (?:the )?(?:input of )?(?:layer|block|L)\s*({_WHOLE})\b|\bafter layer ({_WHOLE})\b",
    re.IGNORECASE,
)
_SEED = re.compile(r"\bseed\s*(?:=|:|of|is|no\.?|number)?\s*(\d+)", re.IGNORECASE)
_DRAWS = re.compile(
    rf"\b({_WHOLE})\s+(?:random|other|control|ctrl|comparison|reference|norm-matched|unrelated|shuffled)\b"
    rf"|\b({_WHOLE})\s+(?:draws|controls|ctrls)\b|\bdraws?\s*(?:=|:|of)?\s*(\d+)",
    re.IGNORECASE,
)


def whole(text: str) -> int:
    """A whole number in digits or words.

    Raises:
        ValueError: it is none.
    """
    text = text.lower()
    if text in SPELT:
        return SPELT[text]
    first, _, second = text.replace("-", " ").partition(" ")
    if first in SPELT and second in SPELT:
        return SPELT[first] * SPELT[second] if second == "hundred" else SPELT[first] + SPELT[second]
    return int(re.sub(r"(?:st|nd|rd|th)$", "", text))


def layers(text: str) -> tuple[int, ...]:
    """Layers that a text names, each once: "layers 1 and 4", "layers 2 to 4", "L3", "the third layer"."""
    found: list[int] = []
    for m in _LAYERS.finditer(text):
        found += expanded(m[1])
    for m in _SHORT.finditer(text):
        found += expanded(
            f"{m[1]} to {m[2]}" if m[2] and re.search(r"to|-|–", m[0]) else " and ".join(g for g in m.groups() if g)
        )
    found += [whole(m[1]) for m in _ORDINAL.finditer(text)]
    return tuple(dict.fromkeys(found))


def expanded(listed: str) -> Iterator[int]:
    numbers = [whole(n) for n in re.findall(rf"(?:^-)?{_WHOLE}", listed, re.IGNORECASE)]
    if len(numbers) == 2 and _SPAN.search(listed.lstrip("-")):
        first, last = sorted(numbers)
        yield from range(first, min(last, first + 200) + 1)
    else:
        yield from numbers


def head(text: str) -> int | None:
    return _first(_HEAD, text, whole)


def feature(text: str) -> int | None:
    return _first(_FEATURE, text, whole)


def bare(text: str) -> int | None:
    """A number that nothing says what it counts."""
    for pattern in (
        _SEED,
        _LAYERS,
        _HEAD,
        _STRENGTH,
        _TEMPERATURE,
        _SAMPLES,
        _TOP,
        _TOKENS,
        _POSITION,
        _DRAWS,
        _CONTEXTS,
    ):
        text = pattern.sub(" ", text)
    return _first(_BARE, text, int)


def any_number(text: str) -> float | None:
    """A number alone, in digits or words: what it counts is told by what came before."""
    return _first(_ANY, text, _real)


def strength(text: str) -> float | None:
    return _first(_STRENGTH, text, _real)


def temperature(text: str) -> float | None:
    return _first(_TEMPERATURE, text, float)


def samples(text: str) -> int | None:
    return _first(_SAMPLES, text, whole)


def top(text: str) -> int | None:
    return _first(_TOP, text, whole)


def tokens(text: str) -> int | None:
    return _first(_TOKENS, text, whole)


def _real(text: str) -> float:
    return float(whole(text)) if text[:1].isalpha() else float(text)


def position(text: str) -> int | None:
    return _first(_POSITION, text, int)


def into_layer(text: str) -> int | None:
    """The layer that something is put into: "into layer 2"."""
    return _first(_INTO, text, whole)


def seed(text: str) -> int | None:
    """What the draws begin from: "seed 3"."""
    return _first(_SEED, text, int)


def draws(text: str) -> int | None:
    """How many controls: "60 random directions"."""
    return _first(_DRAWS, text, whole)


def _first(pattern: re.Pattern[str], text: str, kind):  # type: ignore[no-untyped-def]
    found = pattern.search(text)
    return kind(next(group for group in found.groups() if group)) if found else None
