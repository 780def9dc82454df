"""Adapters trained on this machine: where a training starts, where it is kept until it is done, and how it gets its name."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError
from target.locks import locked
from target.spec import NAME, adapters_home, catalogue
from target.train import LORA_TARGETS

if TYPE_CHECKING:
    from target.target import Target

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@dataclass(frozen=True)
class Start:
    """What a training of an adapter starts from."""

    folder: Path
    name: str
    """How the adapter's configuration names it."""
    device: str
    linears: tuple[str, ...]
    """The kinds of linear layers it has, of those an adapter may change."""


def start_of(target: "Target") -> Start:
    """The base to train on.

    Raises:
        ArgumentError: the target is hosted elsewhere, is an adapter itself, or is held in fewer bits.
    """
    spec = target._spec
    plain = spec.base_name.partition("?")[0]
    if spec.base.engine != "here":
        raise ArgumentError(f"{target.name} is hosted elsewhere: name a model that runs here, a folder or a hub id")
    if spec.adapter is not None:
        raise ArgumentError(f"{target.name} is an adapter already: train another one on its base, {plain!r}")
    model = target._host.model
    if getattr(model.config, "quantization_config", None) is not None:
        raise ArgumentError(f"{target.name} is held in fewer bits: load it in bfloat16 or float32 to train on it")
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    linears = tuple(one for one in LORA_TARGETS if one in names)
    if not linears:
        raise ArgumentError(f"{target.name} has none of the layers {', '.join(LORA_TARGETS)}: name a Llama-like model")
    if spec.base.local:
        name = plain if plain in catalogue() else spec.base.location
        return Start(spec.base.folder, name, spec.options.device, linears)
    from huggingface_hub import snapshot_download

    return Start(Path(snapshot_download(plain, local_files_only=True)), plain, spec.options.device, linears)


def check_name(name: str) -> None:
    """Raise `ArgumentError` unless an adapter may be called so."""
    if not NAME.fullmatch(name):
        raise ArgumentError(
            f"{name[:80]!r} cannot be a name: use letters, digits, '-', '_' and '.', beginning with a letter or digit"
        )
    if name in catalogue():
        raise ArgumentError(f"{name!r} is the name of a target that ships with the project: choose another name")
    if (adapters_home() / name).exists() and not (adapters_home() / name).is_symlink():
        raise ArgumentError(
            f"{name!r} is something in {adapters_home()} that was not trained here: choose another name"
        )


@contextmanager
def unfinished(key: str) -> Iterator[Path]:
    """The folder in which one training goes on where it was cut off, for one caller at a time.

    Raises:
        ToolError: the same training is under way, or the disk cannot be written.
    """
    with locked(adapters_home() / ".unfinished" / key, "the training") as folder:
        yield folder


def keep(folder: Path, base: str) -> Path:
    """Move a finished adapter to where it stays, under the digest of its files; it has no name yet."""
    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": base, "target_modules": sorted(config["target_modules"])}
    (folder / _CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    digest = hashlib.sha256()
    for name in (_CONFIG, _WEIGHTS):
        digest.update((folder / name).read_bytes())
    place = adapters_home() / ".versions" / digest.hexdigest()[:12]
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        folder.replace(place)
    return place.resolve()


def call_it(place: Path, name: str) -> None:
    """Give a kept adapter its name, in one step; what had it before is deleted unless another name has it, too."""
    link = adapters_home() / name
    before = link.resolve()
    new = adapters_home() / f".{name}.{os.getpid()}"
    new.unlink(missing_ok=True)
    new.symlink_to(Path(".versions", place.name), target_is_directory=True)
    new.replace(link)
    still = {one.resolve() for one in adapters_home().iterdir() if one.is_symlink()}
    if before.parent == place.parent and before not in still:
        shutil.rmtree(before, ignore_errors=True)
