"""Single words a message gives without quotes: what is to be said, and names of directions and probes."""

import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

_TOKEN = r"([a-z][a-z'-]*[a-z]|[a-z])"
_NAME = r"([a-z][\w'-]*\w|[a-z])"
"""A token that may be a name somebody gave: `pc_living`."""
_CHOSEN = r"\s*(?:,|/|&|\b(?:and|or|vs\.?|versus|against|rather than)(?!\w))\s*"
_LISTED = rf"({_TOKEN}(?:{_CHOSEN}{_TOKEN})*)"
_SEVERAL = rf"({_TOKEN}(?:(?:\s*,\s*(?:and |or )?|\s+and\s+|\s+or\s+|\s*/\s*){_TOKEN})+)"


def _one_of(text: str) -> str:
    """A pattern for one of some words, `_` for a space in one."""
    return f"(?:{'|'.join(word.replace('_', ' ') for word in text.split())})"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_SAYS = _one_of(
    r"gives? says? saying said mentions? mentioning answers? answering gets? outputs? predicts? predicting prefers? writes? writing"
    r" produces? to for towards? on of about probability logit likely watch(?:ing)? track(?:ing)? follow(?:ing)? until before make"
)
_WATCHES = _one_of(
    r"track(?:ing)? follow(?:ing)? watch(?:ing)?(?:_for)? (?:rank|probability|logit)s?_of look(?:ing)?(?:_out)?_for"
)
_OPPOSED = _one_of(r"as_opposed_to rather_than instead_of in_place_of versus vs\.? against and_not but_not")
_CONTRASTED = _one_of(
    r"rather_than instead_of in_place_of as_opposed_to versus vs\.? against over compared_to compared_with and_not but_not not"
    r" minus minus_that_of becomes? turns?_into to into or and"
)
_CHOICE = _one_of(
    r"candidates? one_of among amongst either between only maybe choose_from options? guess\w* suspects? hidden_word secret_word taboo_word"
)
_ACTS = _one_of(
    r"same_as than with along using by without out of add adding add_in inject injecting remove removing erase erasing ablate ablating"
    r" subtract subtracting take taking strip null project suppress delete drop kill between are is do compare toward towards apply run"
    r" use push steer against knock switch turn score"
)
_AFTER_WORD = _pattern(rf"\b(?:words?|tokens?)\b\s*(?:are|is|were|like|:|=)?\s*{_LISTED}")
_FOLLOWED = _pattern(rf"\b{_WATCHES}\s+(?:the )?{_LISTED}")
_PAIR = _pattern(rf"\b{_TOKEN}(?:\s*,)?(?:\s+{_CONTRASTED}\s+|\s*(?:->|→|/)\s*)(?:to |for )?{_TOKEN}(?![\w-])")
_INSTEAD = _pattern(rf"\b{_OPPOSED}\s+(?:to |the word )?{_TOKEN}(?![\w-])")
_CUED = _pattern(rf"(?=\b{_SAYS}\s+(?:it |them )?(?:say |to )?{_TOKEN}(?![\w-]))")
_CANDIDATES = _pattern(
    rf"\b{_CHOICE}\s*(?:are|is|:|like|being)?\s*(?P<listed>{_SEVERAL})|\b(?:try|with|use|test)\s+(?P<tried>{_SEVERAL})\s+as\b"
)
_MADE = r"(?:direction|vector|axis|probe|detector|classifier)"
_NAMED = (
    _pattern(rf"\b{_MADE}s?\s+(?:called |named |for |of )?{_NAME}(?![\w-])"),
    _pattern(rf"\b{_NAME}[- ](?:{_MADE}|steering|one)\b"),
)
_PROBE = (
    _pattern(rf"\b(?:probe|detector|classifier)\s+(?:called |named )?{_NAME}(?![\w-])"),
    _pattern(rf"\b{_NAME}[- ](?:probe|detector|classifier)\b"),
)
_ACTED_ON = _pattern(rf"(?=\b{_ACTS}\s+(?:out |away |off )?(?:the |my |our )?{_NAME}(?![\w-]))")
_JOINED_NAMES = _pattern(
    rf"\b{_TOKEN}(?:\s*,\s*{_TOKEN})*\s*(?:,|/|\b(?:and|to|versus|against|with|as|from)\b|\bvs\.?|&)\s*(?:the )?{_TOKEN}"
)
_BESIDE = _pattern(
    rf"\bE\d+\s*(?:,|and|vs\.?|with|to|,? and)\s*(?:the )?{_TOKEN}(?![\w-])|\b{_TOKEN}\s*(?:,|and|vs\.?|with|to)\s*E\d+"
)
_CALLED = _pattern(
    r"\b(?:call(?:ed)?|named?|saved?|stored?|keep|kept|label(?:led)?|filed?|save_as)\b\s*[:=]?\s*(?:(?:it|them|this|that|the \w+)\s+)?"
    r"(?:as\s+|under\s+)?(?:the name\s+)?([a-z][\w-]*)"
)
_ANSWERS = _pattern(
    rf";\s*(?:\(\s*(?:answer:? )?{_TOKEN}\s*\)|/ ?{_TOKEN}"
    rf"|,? ?(?:with|answers?|answered|gets|giving|whose answer is|answer:)(?: with| is)? {_TOKEN}\b"
    rf"|(?:,? )(yes|no)\b)"
)
"""The answer to a text, right behind it: `"is a fox small?" (yes)`. A quotation stands as a semicolon."""
_SCORED = _pattern(rf"\b(?:p|log ?p|logp|logit|log ?prob(?:ability)?|prob(?:ability)?)\s?\(\s*;?\s*{_TOKEN}\s*\)")
"""A word as the argument of what is measured: "logit(hot)"."""
_NO_WORD = frozenset(
    [
        "a",
        "the",
        "is",
        "it",
        "its",
        "that",
        "this",
        "of",
        "to",
        "in",
        "on",
        "for",
        "are",
        "does",
        "do",
        "which",
        "out",
        "from",
        "hidden",
    ]
)
"""What stands after "word" without being one: "the word it hides"."""


@cache
def _common() -> frozenset[str]:
    """Words of requests that are never what is asked for."""
    text = Path(__file__).with_name("common.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def uncommon(word: str) -> bool:
    """Whether a word may be a value rather than a part of the request."""
    return word.lower() not in _common()


def called_words(text: str) -> tuple[str, ...]:
    """What is called a word: "the word fox", "words hug and help", "track fire", "the rank of moon"."""
    for pattern in (_AFTER_WORD, _FOLLOWED):
        for m in pattern.finditer(text):
            listed = [word.lower() for word in re.split(_CHOSEN, m[1]) if word]
            if len(listed) > 1 and listed[0] not in _NO_WORD:
                return tuple(dict.fromkeys(listed))
            if found := _kept(listed):
                return found
    return ()


def instead(text: str) -> str | None:
    """The word another is held against, where that one is not said: "as opposed to no"."""
    return next((m[1].lower() for m in _INSTEAD.finditer(text) if uncommon(m[1])), None)


def said_words(text: str, *, loose: bool = True) -> tuple[str, ...]:
    """Words a tool is to look for, the surest sign first: "the word fox", "hot rather than cold", "until it says fire".

    Where there is no sign, and `loose`, it is what is no usual word of a request.
    """
    if answers := [next(filter(None, m.groups())).lower() for m in _ANSWERS.finditer(text)]:
        return tuple(dict.fromkeys(answers))
    if called := called_words(text):
        return called
    if scored := tuple(dict.fromkeys(m[1].lower() for m in _SCORED.finditer(text))):
        return scored
    for m in _PAIR.finditer(text):
        if uncommon(m[1]) and uncommon(m[2]):
            return (m[1].lower(), m[2].lower())
    cued = _kept(m[1] for m in _CUED.finditer(text))
    if cued or not loose:
        return cued
    return _kept(re.findall(rf"(?<![\w@-]){_TOKEN}(?![\w@-])", text, re.IGNORECASE))


def candidates(text: str) -> tuple[str, ...]:
    """Words among which the hidden one may be: "one of owl, lion or candle"."""
    for m in _CANDIDATES.finditer(text):
        if len(found := _kept(re.findall(_TOKEN, re.sub(r"\b(?:and|or)\b", " ", m["listed"] or m["tried"])))) > 1:
            return found
    return ()


def new_name(text: str) -> str | None:
    """What something is to be called: "call it tone"."""
    return next((m[1].lower() for m in _CALLED.finditer(text) if uncommon(m[1])), None)


def names(text: str, known: Collection[str]) -> tuple[str, ...]:
    """Names of directions and probes: known ones, "the careless direction", "between polite and careless", "steer with alive"."""
    found = [word for word in re.findall(r"[\w-]+", text.lower()) if word in known]
    for pattern in (*_NAMED, _ACTED_ON, _BESIDE):
        for m in pattern.finditer(text):
            found += [group.lower() for group in m.groups() if group and uncommon(group)]
    for m in _JOINED_NAMES.finditer(text):
        members = [group.lower() for group in m.groups() if group]
        if any(member in found for member in members) or all(map(uncommon, members)):
            found += [member for member in members if uncommon(member)]
    words = called_words(text)
    return tuple(sorted((name for name in dict.fromkeys(found) if name not in words), key=text.lower().find))


def probes(text: str, known: Collection[str]) -> tuple[str, ...]:
    """Names of probes alone: "the tone probe"."""
    found = [word for word in re.findall(r"[\w-]+", text.lower()) if word in known]
    found += [
        group.lower()
        for pattern in _PROBE
        for m in pattern.finditer(text)
        for group in m.groups()
        if group and uncommon(group)
    ]
    return tuple(dict.fromkeys(found))


def _kept(found: "Iterator[str] | list[str]") -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.lower() for word in found if uncommon(word)))
