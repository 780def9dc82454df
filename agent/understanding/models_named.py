"""Targets that a message names, with typos mended."""

import difflib
import re
from collections.abc import Sequence

_ELSEWHERE = re.compile(
    r"(?<!\S)(?:\.{1,2}/[\w@.+-]+(?:/[\w@.+-]+)*|/[\w@.+-]+(?:/[\w@.+-]+)+|(?![lL]\d+/[lL]?\d)(?=\S*[A-Z\d])[A-Za-z][\w.-]*/[\w.+-]*\w)(?![\w/])"
)
"""A folder, or a hub id such as org/name."""
_WORDISH = re.compile(r"[\w@/.-]*\w(?:\s\d{1,3}\b)?")
_NO_TARGET = re.compile(
    r"(?:layer|head|feature|latent|neuron|strength|number|step|top|temp\w*|l|e)[-\s_]?\d", re.IGNORECASE
)
ALIKE = 0.75
"""Similarity of letters from which a name is taken for a mistyped one."""


def named(text: str, targets: Sequence[str], stand_in: str) -> tuple[str | None, str | None, str]:
    """The first target of a text, or what only looks like one; and the text with a stand-in for it."""
    if elsewhere := _ELSEWHERE.search(text):
        return elsewhere[0], None, text.replace(elsewhere[0], stand_in, 1)
    simple = {_simple(name): name for name in targets}
    unknown = None
    for found in _WORDISH.finditer(text):
        for word in dict.fromkeys((found[0], found[0].split()[0])):
            if known := _known(word, simple):
                return known, None, text.replace(word, stand_in, 1)
            unknown = unknown or (word if _resembles(word, simple) else None)
    return None, unknown, text


def _known(word: str, simple: dict[str, str]) -> str | None:
    key = _simple(word)
    if key in simple:
        return simple[key]
    if not re.search(r"[a-z]+[-\s_]?\d+$", word.lower()) or _NO_TARGET.match(word):
        return None
    family = [name for name in simple if name.rstrip("0123456789") and name[-2:] == key[-2:]]
    close = difflib.get_close_matches(key, family, n=1, cutoff=ALIKE)
    return simple[close[0]] if close else None


def _resembles(word: str, simple: dict[str, str]) -> bool:
    """Whether it is written like a target that none is called."""
    if not re.search(r"[a-z]+[-\s_]?\d+$", word.lower()) or _NO_TARGET.match(word):
        return False
    families = [name.rstrip("0123456789") for name in simple]
    return bool(difflib.get_close_matches(_simple(word).rstrip("0123456789"), families, n=1, cutoff=ALIKE))


def _simple(name: str) -> str:
    """A name without case, punctuation and leading zeros: "Taboo 3" and "taboo-03" are one."""
    letters = re.sub(r"[^a-z0-9@/]", "", name.lower())
    return re.sub(r"(?<=[a-z])0*(\d{1,2})$", lambda m: f"{int(m[1]):02d}", letters)
