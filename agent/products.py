"""What a tool call makes that others take by name: a direction, a probe, a dictionary, an adapter."""

import re
from collections.abc import Mapping
from typing import Any

from evidence import Provenance
from tools import TOOLS

MAKERS = {
    "direction": ("find_direction", "misalignment_direction"),
    "probe": ("probe",),
    "dictionary": ("train_dictionary",),
    "adapter": ("train_adapter",),
}
"""The tools that make something of a kind."""
_MODELS = ("target", "other")
"""Arguments that name a model, which an adapter may be."""
Product = tuple[str, str]
"""A kind and a name."""


def made(call: Mapping[str, Any]) -> Product | None:
    """What a call makes; None where it makes nothing that others take."""
    kind = next((kind for kind, tools in MAKERS.items() if call["name"] in tools), None)
    if kind is None or call["name"] not in TOOLS:
        return None
    usual = TOOLS[call["name"]].schema()["properties"].get("name", {}).get("default")
    name = call["args"].get("name") or usual
    return (kind, str(name)) if name else None


def adapter_of(stamp: Provenance | None) -> str | None:
    """The name of the adapter that a measurement is the training of."""
    product = made({"name": stamp.tool, "args": stamp.arguments}) if stamp else None
    return product[1] if product and product[0] == "adapter" else None


def taken(call: Mapping[str, Any]) -> set[Product]:
    """What a call takes, as far as it names it."""
    if call["name"] not in TOOLS:
        return set()
    kinds = TOOLS[call["name"]].references | dict.fromkeys(_MODELS, "adapter")
    return {(kind, one) for name, kind in kinds.items() for one in _names(call["args"].get(name))}


def named_after(what: str, target: str) -> str:
    """A name for something found in a target, such as `harm-em-04`."""
    return f"{what}-{slug(target)}"


def slug(target: str) -> str:
    """A target's name as a part of another name."""
    return re.sub(r"[^\w.-]+", "-", target).strip("-.")[:60]


def _names(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value]) if one]
