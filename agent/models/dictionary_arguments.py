"""How people say the arguments of tools about dictionaries: which kind, how large, which features, which of those there are."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.understanding import counts
from evidence.errors import TargetError

if TYPE_CHECKING:
    from agent.models.arguments import Given
    from agent.situation import Situation

_KINDS = {
    "l1_crosscoder": r"\bl1[- ]cross-?coder|\bcross-?coder\w* (?:with|using|by|under) (?:an? )?l1\b|\bl1 penalt\w+",
    "crosscoder": r"\bcross-?coders?\b",
    "matryoshka": r"\bmatr[iy]?o+[sc]h?k\w+|\bmatroyshka\b|\bnested\b",
    "itda": r"\bitda\b|\binference[- ]time decomposition",
    "jumprelu": r"\bjump-?relu\b",
    "batchtopk": r"\bbatch-?top-?k\b",
    "topk": r"(?<!batch)(?<!batch[- ])\btop-?k\b",
}
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9}
_NUMBER = (
    r"(?:(\d[\d_]*(?:[,.]\d+)*)(k\b|m\b|\s*thousand\b|\s*million\b|\s*billion\b)?"
    r"|\b(?:an?|one)\s+(thousand|million|billion)\b)"
)
_SIZE = re.compile(
    rf"{_NUMBER}[ -]*(?:latents?|features?|atoms?|dims?|wide)"
    rf"|\b(?:d_sae|width|size|features|latents)\s*(?:of|=|:|is|(?:should|must|shall|to) be)\s*{_NUMBER}",
    re.IGNORECASE,
)
_TOKENS = re.compile(rf"{_NUMBER}[ -]*tokens?|\btokens?\s*(?:=|:)\s*{_NUMBER}", re.IGNORECASE)
_SPARSITY = re.compile(
    r"\bk\s*(?:=|:|of|is)?\s*(-?\d+)\b|\bl0\s*(?:=|:|of|is)?\s*(\d+)\b|\b(\d+) (?:active|firing)", re.IGNORECASE
)
_ENDINGS = r"\.(?:txt|jsonl|json|text|csv)"
_FILE = re.compile(rf"[\"“'‘`]([^\"“”'‘’`]+{_ENDINGS})[\"”'’`]|(?<![\w./~-])([\w./~-]+{_ENDINGS})\b")
_NAME = re.compile(
    r"\b(?:name|label|call|save|log|keep|store)(?:d|ed)?(?: it| that| this| the result)?"
    r"(?: as| under)?(?: the name)?:? [\"“'‘`]?([A-Za-z][\w.-]*\w)",
    re.IGNORECASE,
)
_NOT_A_NAME = {
    "it",
    "the",
    "that",
    "this",
    "now",
    "there",
    "here",
    "too",
    "again",
    "please",
    "layer",
    "features",
    "latents",
}
_NOT_A_NAME |= {"as", "and", "to", "for", "under", "on", "of", "at", "in", "with", "is", "do", "does", "has", "have"}
_CALLED = re.compile(
    r"\bdictionary (?:called |named )?[\"“'‘`]([\w@][\w@.-]*)[\"”'’`]|\bdictionary (?:called|named) ([\w@][\w@.-]*\w)"
    r"|\b(?:in|of|from|with|on) dictionary ([\w@][\w@.-]*\w)|\bdictionary (\w+(?:[-@._]\w+)+)",
    re.IGNORECASE,
)
"""A dictionary by a name that nobody may know, in quotes or plainly one: the tool then says which there are."""
_AND = r"\s*(?:,|and|&|\+|or|to|through|-|–)\s*(?:and\s*)?#?"
_LISTED = re.compile(
    rf"\b(?:features?|latents?)\s*(?:numbers?|ids?|no\.?|#)?\s*:?\s*#?(-?\d+(?:{_AND}\d+)*)", re.IGNORECASE
)
_RANGE = re.compile(r"(?<!\d)(\d+)\s*(?:to|through|-|–)\s*(\d+)")
MOST_IN_A_RANGE = 100
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_COUNT = re.compile(
    rf"\b(\d+|{'|'.join(_WORDS)}) (?:best |top |strongest |most \w+ )*(?:of (?:its|the|those|them) ?)?(?:features?|latents?|\b(?<=of those))",
    re.IGNORECASE,
)
_TOP = re.compile(rf"\b(?:top|best|strongest) (\d+|{'|'.join(_WORDS)})\b", re.IGNORECASE)
_PLACE = re.compile(r"\b(?:to|in|into|under) [\"“'‘`]([^\"“”'‘’`]+)[\"”'’`]|(?<![\w@])((?:\.{1,2}/|/|~/)[\w./-]+)")
_CHAT_TUNING = re.compile(
    r"\bchat[- ]?tun\w+|\binstruct\w*[- ]tun\w+|\bchat[- ]?(?:fine[- ]?tun\w+|training)", re.IGNORECASE
)


def kind(said: str) -> str | None:
    """The kind of dictionary that a message names."""
    return next((name for name, how in _KINDS.items() if re.search(how, said, re.IGNORECASE)), None)


def _own(given: "Given") -> str | None:
    """A dictionary that a tool made, by its name, where an ordinary word is meant as one; or what a message calls a dictionary."""
    from evidence import artifacts

    said = given.slots.said or given.slots.rest
    for name in artifacts.names("dictionary"):
        ordinary = name.isalpha() and name.islower()
        around = (
            r"[\"“'‘`]{}[\"”'’`]|\b(?:called|named|dictionary|sae|of|in|from|export) {}(?![\w-])"
            if ordinary
            else r"(?<![\w-]){}(?![\w-])"
        )
        if re.search(around.replace("{}", re.escape(name)), said):
            return name
    unknown = _CALLED.search(said)
    called = next((one for one in unknown.groups() if one), "") if unknown else ""
    return called if called and called.lower() not in _NOT_A_NAME else None


_DATA = re.compile(r"\.(?:jsonl?|csv|txt|md|ya?ml|parquet)$", re.IGNORECASE)


def shipped(given: "Given", situation: "Situation", wanted: str) -> str | None:
    """The shipped dictionary of a kind, where a message says of which layer; else None, which is the tool's usual one."""
    from target.spec import dictionaries

    if named := given.slots.dictionary or _own(given):
        return named
    layer = given.slots.layers[0] if given.slots.layers and "layer" not in given.properties else None
    models = {situation.base, given.slots.target}
    mine = [one for one in dictionaries().values() if one.kind == wanted and one.base in models]
    return next((one.name for one in mine if one.layer == layer), None)


def any_kind(given: "Given", situation: "Situation") -> str | None:
    """The dictionary of the layer and kind that a message names, for tools that take any of one model."""
    said = kind(given.slots.rest)
    wanted = said if said in {"matryoshka", "itda", "crosscoder"} else "sae"
    found = shipped(given, situation, wanted)
    named = given.slots.target if given.slots.target in situation.targets else None  # a folder may be where to write
    return found or (None if wanted == "sae" else usual(wanted, named or situation.target))


def model(given: "Given") -> str | None:
    """The model that a message names: a path that holds data is none."""
    named = given.slots.target
    return None if named and _DATA.search(named) else named


def usual(wanted: str, target: str) -> str | None:
    """The shipped dictionary of a kind that reads a target; of crosscoders its own, else its base's. None of a target that is none."""
    from target.spec import dictionaries, parse

    try:
        base = parse(target).base_name
    except TargetError:  # a folder that a message names may hold something else
        return None
    mine = [one for one in dictionaries().values() if one.kind == wanted and one.base in {target, base}]
    return next((one.name for one in sorted(mine, key=lambda one: one.base != target)), None)


def _number(found: "re.Match[str] | None") -> int | None:
    """The first number that a pattern of `_NUMBER`s found."""
    if found is None:
        return None
    groups = found.groups()
    triples = (groups[n : n + 3] for n in range(0, len(groups), 3))
    figure, scale, alone = next(one for one in triples if any(one))
    size = _SCALES.get((scale or alone or "").strip().lower(), 1)
    return round(float((figure or "1").replace(",", "").replace("_", "")) * size)


def _trained(given: "Given", situation: "Situation") -> dict[str, Any]:
    said, full = given.slots.rest, given.slots.said or given.slots.rest
    file, name, sparsity = _FILE.search(full), _NAME.search(full), _SPARSITY.search(said)
    called = name[1] if name and name[1].lower() not in _NOT_A_NAME and not _FILE.fullmatch(name[1]) else None
    return {
        "architecture": kind(said),
        "texts": (file[1] or file[2]) if file else None,
        "d_sae": _number(_SIZE.search(said)),
        "tokens": _number(_TOKENS.search(said)),
        "k": next((int(one) for one in sparsity.groups() if one), None) if sparsity else None,
        "name": called or given.slots.new_name,
    }


def features(given: "Given") -> list[int]:
    """Features by their numbers: "3, 17 and 512", "10-14"."""
    listed = [_RANGE.sub(_written_out, one[1]) for one in _LISTED.finditer(given.slots.rest)]
    return [int(n) for one in listed for n in re.findall(r"-?\d+", one)]


def _written_out(found: "re.Match[str]") -> str:
    """A range as its numbers, where it is one."""
    first, last = int(found[1]), int(found[2])
    within = first < last < first + MOST_IN_A_RANGE
    return " ".join(map(str, range(first, last + 1))) if within else f"{first} {last}"


def _count(given: "Given") -> int | None:
    """How many features: "the best five features", "the top 20"."""
    found = _COUNT.search(given.slots.rest) or _TOP.search(given.slots.rest)
    return None if found is None else _WORDS.get(found[1].lower()) or int(found[1])


def _erased(given: "Given", situation: "Situation") -> dict[str, Any]:
    count = _count(given)
    draws = None if count is not None and "draw" not in given.slots.rest else counts.draws(given.slots.rest)
    return {"features": count, "draws": draws, "dictionary": any_kind(given, situation)}


def _two_models(given: "Given", situation: "Situation") -> dict[str, Any]:
    """Tools of a crosscoder: what chat tuning did is asked of the base itself."""
    found: dict[str, Any] = {"dictionary": shipped(given, situation, "crosscoder")}
    if _CHAT_TUNING.search(given.slots.rest) and not given.slots.target:
        found["target"] = situation.base
    return found


def _exported(given: "Given", situation: "Situation") -> dict[str, Any]:
    place = _PLACE.search(given.slots.said or given.slots.rest)
    return {"folder": (place[1] or place[2]) if place else None, "dictionary": any_kind(given, situation)}


SPECIAL: "dict[str, Callable[[Given, Situation], dict[str, Any]]]" = {
    "train_dictionary": _trained,
    "crosscoder_diff": _two_models,
    "crosscoder_patch": lambda g, s: _two_models(g, s) | {"features": features(g), "k": _count(g)},
    "prefix_view": lambda g, s: {"dictionary": shipped(g, s, "matryoshka")},
    "erase_concept": _erased,
    "export_dictionary": _exported,
    "label_features": lambda g, s: {"features": features(g), "dictionary": any_kind(g, s)},
}
"""What these tools read in their own way."""


_ONCE = {
    "train_dictionary": ("k", ("d_sae", "tokens", "steps", "batch_rows")),
    "export_dictionary": ("target", ("folder",)),
    "erase_concept": ("draws", ("features",)),
}
"""Arguments of which the first cannot mean what one of the others does."""


def settled(tool: str, found: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    """What two readings gave, without what one number or one path cannot mean a second time."""
    first, others = _ONCE.get(tool, ("", ()))
    taken = [found[name] for name in others if name in found]
    if first not in found or found[first] not in taken:
        return found
    left = {name: value for name, value in found.items() if name != first}
    return left | ({first: rules[first]} if first in rules and rules[first] not in taken else {})
