"""Texts in quotes, and what each is given as: a prompt, the beginning of a reply, a system prompt, a name, a single word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Role = Literal["text", "system", "prefill", "name", "word", "other word", "inspection"]
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|(?<!\w)'([^']+)'(?!\w)|(?<!\w)‘([^’]+)’(?!\w)|`([^`]+)`")
_BEFORE: dict[Role, str] = {
    "system": r"\bsystem(?: prompt| message| text)?\b(?: set| saying| that says| to| of| as|:| is|=)*\s*$",
    "prefill": r"\bpre-?fill\w*\b[^\"“]{0,24}$"
    r"|\b(?:start|begin|open)(?:s|n?ing)?\b[^\"“,;.]{0,40}\b(?:with|by|as)\s*$"
    r"|\b(?:reply|answer|response)\b[^\"“,;.]{0,12}\b(?:start|begin)\w*[^\"“,;.]{0,14}$"
    r"|\bcontinu\w+ from\s*$|\binto its mouth:?\s*$|\banswer begun (?:as|with)\s*$",
    "inspection": r"\binspection(?: prompt)?\s*(?:is|:|=)?\s*$",
    "name": r"\b(?:call(?:ed)?|name[d]?|save|store|keep)\b(?: it| them| this| that| the \w+)*(?: as| under)?(?: the name)?\s*$",
    "word": r"\b(?:words?|tokens?|logit of|probability of|(?:follow|track|watch)(?:ing)?)\b(?: like|:| is)?\s*$",
    "other word": r"\b(?:against|relative to|rather than|instead of|versus|vs\.?|compared (?:to|with)|as opposed to|over)\s*$",
}
"""What stands right before a quotation of each role."""
_AFTER: dict[Role, str] = {
    "inspection": r"\s*(?:as|for|is) (?:the |an |its )?inspection",
    "system": r"\s*(?:as|for) (?:the |a |its )?system",
    "prefill": r"\s*(?:as|for) (?:the |a |its )?(?:prefill|beginning|start|first words?)|\s*(?:already )?(?:put )?in(?:to)? its mouth",
}
"""What stands right after one."""
_BETWEEN = re.compile(r"^[\s,;]*(?:and|or|&|/)?[\s,;]*$")
"""What stands between two members of one list."""


@dataclass(frozen=True)
class Quote:
    """One quotation: where it stands, what it holds, and as what."""

    start: int
    end: int
    text: str
    role: Role
    group: int
    """Quotations that are listed one after the other have the same number."""


def quotes(said: str) -> list[Quote]:
    """The quotations of a message in order."""
    found: list[Quote] = []
    for m in _QUOTED.finditer(said):
        text = next(group for group in m.groups() if group)
        role = _role(said[: m.start()], said[m.end() :])
        role = role if _fits(role, text) else "text"
        listed = bool(found) and bool(_BETWEEN.match(said[found[-1].end : m.start()]))
        if listed and role == "text" and found[-1].role == "word":
            role = "word"
        group = found[-1].group if listed else (found[-1].group + 1 if found else 0)
        found.append(Quote(m.start(), m.end(), text, role, group))
    return found


def _role(before: str, after: str) -> Role:
    last, next_ = before[-60:].lower(), after[:48].lower()
    for role, pattern in _AFTER.items():
        if re.match(pattern, next_):
            return role
    return next((role for role, pattern in _BEFORE.items() if re.search(pattern, last)), "text")


def _fits(role: Role, text: str) -> bool:
    """Whether a text can be what it seems to be given as: only one word is held against another."""
    return role != "other word" or (len(text.split()) == 1 and not text.strip().endswith((".", "?", "!")))


def masked(said: str, found: list[Quote], stand_in: str) -> str:
    """The message with a stand-in for every quotation."""
    return "".join(_parts(said, found, stand_in))


def _parts(said: str, found: list[Quote], stand_in: str) -> Iterator[str]:
    at = 0
    for one in found:
        yield said[at : one.start]
        yield "fox" if one.role in ("word", "other word") else stand_in
        at = one.end
    yield said[at:]
