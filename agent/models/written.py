"""Arguments written as in code: "layers=[1,3] chat=off --draws 40"."""

import re
from collections.abc import Mapping
from typing import Any

_WRITTEN = re.compile(
    r"(?<![\w.])(?:--?)?([a-z][a-z_]*)\s*(?:=|:)\s*(\[[^\]]*\]|\d+\s*\.\.\s*\d+|-?[\d.]*\d|true|false|yes|no|on|off|[a-z]\w*)",
    re.IGNORECASE,
)
_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def written(said: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments written as in code, "layers=[1,3] chat=off draws: 40", as far as their names and types fit."""
    found = {}
    for name, text in _WRITTEN.findall(said):
        field = properties.get(name.lower())
        if field is not None and (value := _typed(text, field)) is not None:
            found[name.lower()] = value
    return found


def _typed(text: str, field: Mapping[str, Any]) -> Any:
    """A written value as the schema wants it; None where it does not fit, or is a text, which is found by its quotes."""
    kinds = {one.get("type") for one in (field, *field.get("anyOf", []))}
    numbers = [float(n) for n in re.findall(r"-?(?:\d+\.\d+|\d+)", text)]
    if "boolean" in kinds:
        return _SWITCH.get(text.lower())
    if "array" in kinds and numbers:
        span = ".." in text and len(numbers) == 2
        return list(range(int(numbers[0]), int(numbers[1]) + 1)) if span else [int(n) for n in numbers]
    if len(numbers) == 1 and text[0] in "-.0123456789":
        return int(numbers[0]) if "integer" in kinds else numbers[0] if "number" in kinds else None
    choices = [value for one in (field, *field.get("anyOf", [])) for value in one.get("enum", [])]
    return text.lower() if text.lower() in choices else None
