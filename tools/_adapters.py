"""The adapter of a target from the side: its matrices, rank-1 scalars, and copies with parts scaled."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence.errors import ArgumentError
from evidence.home import data_home

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

_PART = re.compile(r"layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)\.lora_([AB])")


@dataclass(frozen=True)
class Part:
    """One adapted matrix: what it adds is scale * B (A x)."""

    layer: int
    module: str
    a: "Tensor"
    """(rank, in)"""
    b: "Tensor"
    """(out, rank)"""
    scale: float

    @property
    def name(self) -> str:
        return f"layer {self.layer} {self.module}"


def parts(folder: Path) -> list[Part]:
    """Every adapted matrix of a PEFT folder, by layer."""
    from safetensors.torch import load_file

    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    return of_tensors(load_file(folder / "adapter_model.safetensors"), config)


def of_tensors(tensors: "Mapping[str, Tensor]", config: Mapping[str, Any]) -> list[Part]:
    """The same from the tensors and configuration of an adapter."""
    rank = int(config["r"])
    scale = float(config["lora_alpha"]) / (rank**0.5 if config.get("use_rslora") else rank)
    found: dict[tuple[int, str], dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if place := _PART.search(key):
            found.setdefault((int(place[1]), place[2]), {})[place[3]] = tensor.float()
    return [Part(layer, module, both["A"], both["B"], scale) for (layer, module), both in sorted(found.items())]


def folder_of(target: "Target") -> Path:
    """Where a target's adapter is.

    Raises:
        ArgumentError: it has none, or none on this machine.
    """
    folder = target.adapter_folder
    if folder is None:
        raise ArgumentError(f"{target.name} has no adapter of its own on this machine: name a LoRA fine-tune")
    return folder


def scaled(target: "Target", factors: Mapping[int, float]) -> "Target":
    """The same fine-tune with what its adapter adds in some layers multiplied: 0 is off, -1 reversed."""
    folder = folder_of(target)
    wanted = hashlib.sha256(f"{target.adapter_digest}{sorted(factors.items())}".encode()).hexdigest()[:12]
    copy = data_home() / "variants" / wanted
    if not (copy / "adapter_config.json").exists():
        _write_scaled(folder, copy, factors)
    shown = ", ".join(f"layer {layer} x{factor:g}" for layer, factor in sorted(factors.items()))
    return target.with_adapter(copy, f"{target.name} ({shown})")


def _write_scaled(folder: Path, copy: Path, factors: Mapping[int, float]) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "adapter_model.safetensors")
    for key, tensor in tensors.items():
        place = _PART.search(key)
        if place and place[3] == "B" and int(place[1]) in factors:
            tensors[key] = tensor.float() * factors[int(place[1])]
    copy.mkdir(parents=True, exist_ok=True)
    save_file(tensors, copy / "adapter_model.safetensors")
    config = (folder / "adapter_config.json").read_text(encoding="utf-8")
    (copy / "adapter_config.json").write_text(config, encoding="utf-8")
