"""Where a sparse dictionary comes from: what ships, what a tool made, a folder, a SAELens release, a hub repository."""

import os
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evidence import Artifact
from evidence.artifacts import find, using
from evidence.errors import ArgumentError, ToolError
from target.spec import dictionaries
from tools._dictionary import Dictionary
from tools._dictionary_index import PARTS
from tools._dictionary_readers import FILES, from_saelens, read_folder

if TYPE_CHECKING:
    from target.target import Target

_REPOSITORY = re.compile(r"hf:([\w.-]+/[\w.-]+)((?:/[\w.=-]+)*)")


def load(reference: str, target: "Target") -> Dictionary:
    """The dictionary a person means, if it fits the target.

    Args:
        reference: A shipped dictionary's public name; the name, digest or evidence id of one that a tool made; a
            folder; a SAELens release, `release/sae_id`; or a folder of a hub repository, `hf:org/repo/folder`.
        target: The model under study: the width, the layer and, where known, the base weights must be its own.

    Raises:
        ArgumentError: there is no such dictionary, it cannot be read, or it was made for another model.
        ToolError: the optional package that knows SAELens' releases is not installed.
    """
    found = _found(reference.strip())
    if found.d_model != target.d_model:
        raise ArgumentError(
            f"{found.name} reads activations of width {found.d_model}: {target.name} has width {target.d_model}, "
            "use a dictionary made for it"
        )
    if found.layer >= target.num_layers:
        raise ArgumentError(
            f"{found.name} belongs after layer {found.layer}: {target.name} has layers 0..{target.num_layers - 1}"
        )
    if found.sources:
        found = replace(found, source=_place(found, target))
    elif found.weights not in {None, target.weights_digest}:
        raise ArgumentError(
            f"{found.name} was trained on the base weights {found.weights}: {target.name} has {target.weights_digest}, "
            "use a dictionary made for it"
        )
    using(Artifact(kind="dictionary", name=found.name, digest=found.digest))
    return found


def load_crosscoder(reference: str, target: "Target") -> Dictionary:
    """A dictionary that reads the target beside another model.

    Raises:
        ArgumentError: as `load`, or it reads one model alone.
        ToolError: as `load`.
    """
    found = load(reference, target)
    if not found.sources:
        raise ArgumentError(f"{found.name} reads one model: name a crosscoder, such as one `train_dictionary` made")
    return found


def load_single(reference: str, target: "Target") -> Dictionary:
    """A dictionary that reads one model alone.

    Raises:
        ArgumentError: as `load`, or it is a crosscoder.
        ToolError: as `load`.
    """
    found = load(reference, target)
    if found.sources:
        raise ArgumentError(
            f"{found.name} is a crosscoder, which reads two models at once: here name a dictionary of one, "
            "or ask for `crosscoder_diff` and `crosscoder_patch`"
        )
    return found


def _place(crosscoder: Dictionary, target: "Target") -> int:
    """Which of a crosscoder's models the target is."""
    wanted = (target.weights_digest, target.adapter_digest)
    places = [n for n, one in enumerate(crosscoder.sources) if (one.weights, one.adapter) == wanted]
    if not places:
        names = " and ".join(one.name for one in crosscoder.sources)
        raise ArgumentError(f"{crosscoder.name} is a crosscoder of {names}: {target.name} is neither, ask one of them")
    return places[0]


def _found(reference: str) -> Dictionary:
    if shipped := dictionaries().get(reference):
        return read_folder(shipped.path, shipped.name)
    path = os.path.expanduser(reference)
    if reference and os.path.isdir(path):
        return read_folder(Path(path), Path(path).resolve().name)
    if reference.startswith("hf:"):
        return _from_repository(reference)
    if "/" in reference and not reference.startswith((".", "/", "~")):
        return _from_release(reference)
    return _stored(reference)


def _stored(reference: str) -> Dictionary:
    """One that a tool made: its `about` is SAELens' cfg.json with the digest of the base beside it."""
    try:
        stored = find("dictionary", reference)
    except ArgumentError as error:
        shipped = ", ".join(dictionaries()) or "none"
        raise ArgumentError(
            f"{error}; shipped are {shipped}, and a folder, a SAELens 'release/sae_id' or 'hf:org/repo/folder' will do"
        ) from None
    index = stored.file if set(PARTS) <= stored.tensors.keys() else None
    return replace(from_saelens(stored.name, stored.about, stored.tensors), digest=stored.digest, index=index)


def _from_release(reference: str) -> Dictionary:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of its dependencies
            from sae_lens import SAE
    except ImportError as error:
        raise ToolError(
            f"{reference!r} is read as a SAELens release, which needs an optional package: pip install 'maieutic[sae]'"
        ) from error
    release, _, sae_id = reference.partition("/")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sae = SAE.from_pretrained(release, sae_id)
    except (OSError, ValueError, KeyError) as error:
        raise _unreachable(reference, "no folder here, nor a SAELens release that could be loaded", error) from error
    return from_saelens(reference, sae.cfg.to_dict(), sae.state_dict())


def _from_repository(reference: str) -> Dictionary:
    from huggingface_hub import snapshot_download

    named = _REPOSITORY.fullmatch(reference)
    if not named or ".." in reference:
        raise ArgumentError(f"{reference[:80]!r} names no folder of a hub repository: write 'hf:org/repo/folder'")
    repository, inside = named[1], named[2].strip("/")
    patterns = [f"{inside}/{file}".lstrip("/") for file in FILES]
    try:
        copy = Path(snapshot_download(repository, allow_patterns=patterns))
    except (OSError, ValueError) as error:
        raise _unreachable(reference, "not in the local hub cache and could not be downloaded", error) from error
    return read_folder(copy / inside, reference)


def _unreachable(reference: str, what: str, error: Exception) -> ArgumentError:
    why = " ".join(str(error).split())[:200]
    return ArgumentError(f"{reference[:80]!r} is {what}: check the name and the network ({why})")
