"""How do I take a dictionary elsewhere?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Table
from evidence.errors import ArgumentError, ToolError
from target.sparse import saelens
from tools._arguments import DictionaryRef
from tools._dictionary_formats import load
from tools._dictionary_readers import read_folder
from tools._dictionary_saving import packed, save
from tools._tool import tool

if TYPE_CHECKING:
    from target.target import Target
    from tools._dictionary import Dictionary


@tool(
    capability="export",
    asked_as=[
        "export the dictionary to a folder",
        "save the SAE in SAELens format",
        "write dictionary mine to /tmp/mine",
        "how do I use this dictionary in SAELens?",
        "take the sparse autoencoder elsewhere",
    ],
)
def export_dictionary(
    target: "Target",
    folder: Annotated[str, Field(min_length=1, max_length=1000)],
    *,
    dictionary: DictionaryRef,
) -> Table:
    """Write a dictionary to a folder in SAELens' format, and read it back to see that it is the same.

    Shows what was written, and the largest difference between the dictionary and what is read back. A crosscoder is
    written with its models side by side; an ITDA keeps the layout, which SAELens does not know. It cannot show that
    another program treats it the same.

    Source: SAELens (Bloom, Tigges, Duong & Chanin 2024), the format of its version 6

    Args:
        folder: Where to write; made where there is none. A folder that holds anything else is refused.
        dictionary: A shipped dictionary, one that a tool made, a folder, or a hub release.
    """
    found, place = load(dictionary, target), Path(folder).expanduser()
    if place.exists() and not (place.is_dir() and _is_new_or_same(place, found)):
        raise ArgumentError(f"{folder[:200]!r} holds something else already: name a folder that is new or empty")
    try:
        save(found, place)
    except OSError as error:
        raise ToolError(f"{folder[:200]!r} cannot be written ({error.strerror}): name another folder") from error
    back = read_folder(place, found.name)
    parts = ("W_enc", "b_enc", "W_dec", "b_dec")
    furthest = max(float((getattr(found, part) - getattr(back, part)).abs().max()) for part in parts)
    sizes = [(file.name, round(file.stat().st_size / 1e6, 3), "megabytes") for file in sorted(place.iterdir())]
    return Table(
        title=f"{found.name} written to {folder}",
        caveat=_readers(found),
        columns=("what", "value", "unit"),
        rows=(
            *sizes,
            ("features", found.d_sae, ""),
            ("width it reads", found.d_in, ""),
            ("largest difference when read back", furthest, ""),
        ),
    )


def _is_new_or_same(place: Path, dictionary: "Dictionary") -> bool:
    """Whether a folder is empty, or holds this very dictionary from before."""
    import torch

    files = {file.name for file in place.iterdir()}
    if files != {saelens.CONFIG, saelens.WEIGHTS}:
        return not files
    config, tensors = saelens.read(place)
    mine, same = packed(dictionary)
    equal = tensors.keys() == mine.keys() and all(torch.equal(mine[name], tensors[name]) for name in mine)
    return equal and config == json.loads(json.dumps(same))


def _readers(dictionary: "Dictionary") -> str:
    """Who else reads what was written."""
    if dictionary.architecture == "itda":
        return "SAELens does not know such a dictionary: Maieutic reads it by the folder's name"
    if dictionary.sources:
        return "SAELens reads it with SAE.load_from_disk as one SAE of its models' streams side by side"
    return "SAELens reads it with SAE.load_from_disk; contexts are not part of that format"
