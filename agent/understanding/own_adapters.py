"""Adapters that a person trained here, where a message names one as a model: any word can be the name of one."""

import re

from agent.understanding.quotes import quotes
from target.spec import public_names, trained

_BEFORE = (
    r"\b(?:in|of|for|with|to|is|does|did|has|can|should|on|and|than|against|ask|tell|about|from|compare|examine|check|audit|test|judge|trust|like|"
    r"target|model|adapter|fine-?tune|called|named|switch to|look at)\s+(?:(?:the|my|our|that)\s+)?(?:(?:adapter|model|fine-?tune|target)\s+)?[`]?"
)
"""What stands before a model's name."""


def targets_of(said: str) -> list[str]:
    """The public targets, and the adapters trained here that a message speaks of outside its quotations."""
    for one in reversed([one for one in quotes(said) if said[one.start] != "`"]):
        said = said[: one.start] + " " + said[one.end :]
    return [*public_names(), *(name for name in trained() if _meant(name, said))]


def _meant(name: str, said: str) -> bool:
    return re.search(rf"(?:{_BEFORE}|^\W*){re.escape(name)}(?![\w-])", said, re.IGNORECASE) is not None
