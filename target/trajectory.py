"""The path an adapter took while it was trained: from `checkpoint-N/` folders, or packed into one file.

Folders are what transformers' Trainer and our own trainer write. `pack` puts the adapters of a run into
`trajectory.safetensors` (each tensor stacked over checkpoints, float16), beside their configuration and the log.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence.errors import TargetError
from target.checkpoints import STATE

if TYPE_CHECKING:
    from torch import Tensor

PACKED, CONFIG, WEIGHTS = "trajectory.safetensors", "adapter_config.json", "adapter_model.safetensors"


@dataclass(frozen=True)
class Trajectory:
    """Every checkpoint of one adapter's training, in order."""

    steps: tuple[int, ...]
    tensors: "dict[str, Tensor]"
    """Of each adapter weight (checkpoint, ...)."""
    config: dict[str, Any]
    log: list[dict[str, float]]
    """Step, loss and gradient norm, where they were kept."""

    def path(self) -> "Tensor":
        """All B matrices of each checkpoint side by side (checkpoint, d): what the adapter writes."""
        import torch

        names = sorted(name for name in self.tensors if ".lora_B." in name)
        if not names:
            raise TargetError("the checkpoints hold no B matrix of an adapter: give a run of a LoRA fine-tune")
        return torch.cat([self.tensors[name].float().flatten(1) for name in names], 1)

    def logged(self, key: str) -> list[float | None]:
        """A logged number at each checkpoint; None where it was not kept."""
        by_step = {int(line["step"]): line[key] for line in self.log if "step" in line and key in line}
        return [by_step.get(step) for step in self.steps]

    def write(self, index: int, folder: Path, amplify: float = 1.0) -> None:
        """One checkpoint as an adapter in PEFT's format, what it adds multiplied by `amplify`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS).write_bytes(self._blob(index))
        config = self.config | {"lora_alpha": self.config["lora_alpha"] * amplify}
        (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")

    def written(self, index: int, home: Path, amplify: float = 1.0) -> Path:
        """The same in a folder of `home` that is named by the weights, so that no other checkpoint is taken for it."""
        folder = home / f"{hashlib.sha256(self._blob(index)).hexdigest()[:12]}-{amplify:g}"
        self.write(index, folder, amplify)
        return folder

    def _blob(self, index: int) -> bytes:
        from safetensors.torch import save

        return save({name: rows[index].float().contiguous() for name, rows in sorted(self.tensors.items())})


def read(folder: Path) -> Trajectory:
    """The trajectory in a folder, packed or as `checkpoint-N/` anywhere below it.

    Raises:
        TargetError: there are no checkpoints, or they are not of one adapter.
    """
    from safetensors import SafetensorError

    packed = next(iter(sorted(folder.rglob(PACKED))), None)
    try:
        return _packed(packed) if packed else _unpacked(folder)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise TargetError(f"the checkpoints in {folder.name!r} cannot be read: {error}") from error


def pack(folder: Path, out: Path, base_name: str | None = None) -> None:
    """Put the checkpoints below a folder into one file in `out`, with their configuration (its base by this name) and log."""
    import torch
    from safetensors.torch import save_file

    found = _unpacked(folder)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {name: rows.to(torch.float16) for name, rows in found.tensors.items()}
    save_file(tensors | {"steps": torch.tensor(found.steps)}, out / PACKED)
    config = found.config | ({"base_model_name_or_path": base_name} if base_name else {})
    config["target_modules"] = sorted(config["target_modules"])
    (out / CONFIG).write_text(json.dumps(config, sort_keys=True), encoding="utf-8")
    kept = [{key: round(value, 5) for key, value in line.items()} for line in found.log]
    (out / STATE).write_text(json.dumps({"log_history": kept}), encoding="utf-8")


def _packed(file: Path) -> Trajectory:
    from safetensors.torch import load_file

    tensors = load_file(file)
    steps = tuple(int(step) for step in tensors.pop("steps"))
    config = json.loads((file.parent / CONFIG).read_text(encoding="utf-8"))
    return Trajectory(steps, tensors, config, _log(file.parent))


def _unpacked(folder: Path) -> Trajectory:
    import torch
    from safetensors.torch import load_file

    found = {
        int(name[1]): one
        for one in folder.rglob("checkpoint-*")
        if (name := re.fullmatch(r"checkpoint-(\d+)", one.name)) and (one / WEIGHTS).exists()
    }
    if len(found) < 3:
        raise TargetError(
            f"{folder.name!r} holds {len(found)} checkpoints of an adapter: at least 3 folders `checkpoint-N` with "
            f"{WEIGHTS} are needed to follow its training"
        )
    steps = tuple(sorted(found))
    each = [load_file(found[step] / WEIGHTS) for step in steps]
    last = found[steps[-1]]
    return Trajectory(
        steps,
        {name: torch.stack([one[name] for one in each]) for name in each[0]},
        json.loads((last / CONFIG).read_text(encoding="utf-8")),
        _log(folder) or _log(last),
    )


def _log(folder: Path) -> list[dict[str, float]]:
    file = folder / STATE
    if not file.exists():
        return []
    kept: list[dict[str, float]] = json.loads(file.read_text(encoding="utf-8"))["log_history"]
    return kept
