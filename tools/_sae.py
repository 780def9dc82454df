"""Which dictionary a tool takes when none is named."""

from typing import TYPE_CHECKING

from evidence.errors import ArgumentError
from target.spec import DictionaryEntry, catalogue, dictionaries

if TYPE_CHECKING:
    from target.target import Target


def usual(target: "Target", kind: str = "sae") -> str:
    """The name of the shipped dictionary of a kind nearest to the middle of the depth of the target's base.

    Of crosscoders it is one that reads the target itself.

    Raises:
        ArgumentError: none ships for this base.
    """
    mine = shipped(target, kind)
    if not mine:
        raise ArgumentError(
            f"no {kind} ships for {target.name}: train one with `train_dictionary`, or name one as `dictionary`, a folder, "
            "a SAELens 'release/sae_id' or 'hf:org/repo/folder'"
        )
    return min(mine, key=lambda one: abs(one.layer - target.num_layers / 2)).name


def shipped(target: "Target", kind: str) -> list[DictionaryEntry]:
    """The shipped dictionaries of a kind that fit a target."""
    name = target.name if kind == "crosscoder" else target.base.name
    entry = catalogue().get(name)
    return [one for one in dictionaries().values() if entry and one.kind == kind and one.base == entry.name]
