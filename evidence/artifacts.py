"""What tools make for one another: safetensors beside JSON, found by name, digest or evidence id.

An artefact is a folder-less pair of files, `<digest>.safetensors` and `<digest>.json`, written whole or not at
all. The digest covers the tensors and what is said of them, so the same content is stored once.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from evidence.code import LEAST_DIGEST
from evidence.errors import ArgumentError
from evidence.home import data_home
from evidence.shapes import Artifact, ArtifactKind

if TYPE_CHECKING:
    from torch import Tensor

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,79}")


_used: ContextVar[dict[str, Artifact] | None] = ContextVar("used", default=None)


@dataclass(frozen=True)
class Stored:
    """An artefact read back."""

    kind: ArtifactKind
    name: str
    digest: str
    about: dict[str, Any]
    """What is said of it: `weights` and `d_model` of the target it was made on, layers, and what the kind needs."""
    tensors: "dict[str, Tensor]"
    file: Path
    """Where the tensors are."""

    @property
    def artifact(self) -> Artifact:
        return Artifact(kind=self.kind, name=self.name, digest=self.digest)


def keep(kind: ArtifactKind, name: str, tensors: "Mapping[str, Tensor]", about: Mapping[str, Any]) -> Artifact:
    """Store an artefact under its digest and a name of the person's choice; a later one of that name comes first.

    Raises:
        ArgumentError: the name cannot be a file's name, or the disk refuses.
    """
    from safetensors.torch import save

    check_name(name)
    blob = save({key: tensor.detach().contiguous().cpu() for key, tensor in sorted(tensors.items())})
    said = json.dumps({"kind": kind, "about": dict(about)}, sort_keys=True)
    digest = hashlib.sha256(blob + said.encode()).hexdigest()[:12]
    folder = _folder(kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{digest}.safetensors", blob)
        before = next((one for one in _all(kind) if one["digest"] == digest), {})
        names = _names(before) | {name: time.time()}  # made again under another name, it keeps the first one too
        line = {"kind": kind, "name": name, "names": names, "about": dict(about), "evidences": _evidences(before)}
        _write(folder / f"{digest}.json", json.dumps(line, indent=1).encode())
    except OSError as error:
        raise ArgumentError(f"the {kind} {name!r} could not be stored in {folder} ({error.strerror})") from error
    return Artifact(kind=kind, name=name, digest=digest)


def check_name(name: str) -> None:
    """Refuse what cannot be an artefact's name, for those who would work long before they keep one.

    Raises:
        ArgumentError: it cannot be a file's name, or means evidence.
    """
    if not _NAME.fullmatch(name) or re.fullmatch(r"E\d+|ev-[0-9a-f]+", name):
        raise ArgumentError(
            f"{name[:80]!r} cannot be a name: use letters, digits, '-', '_' and '.', beginning with a letter or digit"
        )


def made_by(evidence_id: str, artifacts: tuple[Artifact, ...]) -> None:
    """Remember which evidence an artefact came from, so that it can be named by the evidence's id."""
    for artifact in artifacts:
        file = _folder(artifact.kind) / f"{artifact.digest}.json"
        if file.exists():
            line = json.loads(file.read_text(encoding="utf-8"))
            ids = [*dict.fromkeys([*_evidences(line), evidence_id])]
            _write(file, json.dumps(line | {"evidences": ids}, indent=1).encode())


def forget(evidence_ids: Collection[str]) -> int:
    """Delete what these measurements made, and no other made too; returns how many artefacts."""
    gone = 0
    for kind in get_args(ArtifactKind):
        for line in list(_all(kind)):
            if (made := _evidences(line)) and set(made) <= set(evidence_ids):
                for ending in (".json", ".safetensors"):
                    (_folder(kind) / f"{line['digest']}{ending}").unlink(missing_ok=True)
                gone += 1
    return gone


def find(kind: ArtifactKind, reference: str) -> Stored:
    """The artefact a person means by a name, a digest (or its beginning), or an evidence id.

    Raises:
        ArgumentError: there is none; the sentence names those there are.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    known = sorted(_all(kind), key=lambda line: -_names(line).get(reference, max(_names(line).values(), default=0.0)))
    for line in known:
        by_digest = len(reference) >= LEAST_DIGEST and line["digest"].startswith(reference)
        if reference in (*_names(line), *_evidences(line)) or by_digest:
            file = _folder(kind) / f"{line['digest']}.safetensors"
            try:
                tensors = load_file(file)
            except (OSError, SafetensorError) as error:
                raise ArgumentError(f"the {kind} {reference!r} is stored but cannot be read: make it again") from error
            name = reference if reference in _names(line) else line["name"]
            stored = Stored(kind, name, line["digest"], line["about"], tensors, file)
            using(stored.artifact)
            return stored
    names = ", ".join(repr(name) for name in dict.fromkeys(name for line in known for name in _names(line)))
    plural = f"{kind.removesuffix('y')}ies" if kind.endswith("y") else f"{kind}s"
    here = f"{plural} here: {names}" if names else f"there is no {kind} yet"
    raise ArgumentError(f"no {kind} is called {reference!r}{_of_another_kind(reference, kind)}; {here}")


def names(kind: ArtifactKind) -> list[str]:
    """Names of all that is stored of a kind."""
    return list(dict.fromkeys(name for one in _all(kind) for name in _names(one)))


def _of_another_kind(reference: str, kind: ArtifactKind) -> str:
    """Where a name is that of something else, what it is."""
    for other in get_args(ArtifactKind):
        if other != kind and any(reference in (*_names(one), one["digest"], *_evidences(one)) for one in _all(other)):
            return f", it is a {other}"
    return ""


@contextmanager
def watching() -> Iterator[dict[str, Artifact]]:
    """Collect the artefacts that are used within the block, by digest."""
    found: dict[str, Artifact] = {}
    token = _used.set(found)
    try:
        yield found
    finally:
        _used.reset(token)


def using(artifact: Artifact) -> None:
    """Say that an artefact is used: a name may later mean another, the digest stands in the provenance."""
    if (known := _used.get()) is not None:
        known[artifact.digest] = artifact


def _all(kind: ArtifactKind) -> Iterator[dict[str, Any]]:
    for file in _folder(kind).glob("*.json"):
        try:
            yield json.loads(file.read_text(encoding="utf-8")) | {"digest": file.stem}
        except ValueError:
            continue  # half of a pair that another program damaged: the other artefacts stay usable


def _names(line: Mapping[str, Any]) -> dict[str, float]:
    """Every name an artefact was given, and when."""
    return dict(line.get("names") or ({line["name"]: line.get("made", 0.0)} if "name" in line else {}))


def _evidences(line: Mapping[str, Any]) -> list[str]:
    """Ids of the evidence that made it."""
    return list(line.get("evidences") or ([line["evidence"]] if line.get("evidence") else []))


def _folder(kind: ArtifactKind) -> Path:
    return data_home() / "artifacts" / kind


def _write(file: Path, content: bytes) -> None:
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(file)
