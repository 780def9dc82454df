"""Snapshots of a training run: what there was after every few steps, and what it takes to go on after a kill.

`checkpoint-N/` holds the adapter after step N in PEFT's format, as float32 (differences of neighbouring ones are
studied); `trainer_state.json` the loss and gradient norm of every step, in the form of transformers' Trainer;
`going_on.safetensors` the newest weights and the optimizers' memory. Nothing is ever pickled.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import torch

STATE, GOING_ON = "trainer_state.json", "going_on.safetensors"


class Checkpoints(BaseModel):
    """Where snapshots of a run go, and how often."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    folder: str
    every: int
    """Steps between two snapshots."""
    keep: bool = True
    """Whether adapters are kept for study; else only what it takes to go on."""


class Log:
    """What every step gave; written with each snapshot."""

    def __init__(self, checkpoints: Checkpoints | None) -> None:
        self._where = checkpoints
        self.lines: list[dict[str, float]] = []

    def resume(self, model: Any, optimizers: "list[torch.optim.Optimizer]") -> int:
        """Put weights and optimizers back where an earlier run was cut off; returns the steps that are done."""
        if self._where is None or not (Path(self._where.folder) / GOING_ON).exists():
            return 0
        from safetensors.torch import load_file

        folder = Path(self._where.folder)
        tensors = load_file(folder / GOING_ON)
        done = int(tensors.pop("step"))
        self.lines = json.loads((folder / STATE).read_text(encoding="utf-8"))["log_history"][:done]
        _put_back(model, optimizers, tensors)
        return done

    def step(self, model: Any, optimizers: "list[torch.optim.Optimizer]", line: dict[str, float]) -> None:
        """Note what the next step gave, and take a snapshot when it is time."""
        if self._where is None:
            return
        self.lines.append(line)
        if len(self.lines) % self._where.every == 0:
            self._snapshot(model, optimizers, keep=self._where.keep)

    def close(self, model: Any, optimizers: "list[torch.optim.Optimizer]") -> None:
        """Write down the steps after the last snapshot; they make no adapter of their own."""
        if self._where is not None and len(self.lines) % self._where.every:
            self._snapshot(model, optimizers, keep=False)

    def _snapshot(self, model: Any, optimizers: "list[torch.optim.Optimizer]", *, keep: bool) -> None:
        import torch
        from safetensors.torch import save_file

        assert self._where is not None
        folder, number = Path(self._where.folder), len(self.lines)
        folder.mkdir(parents=True, exist_ok=True)
        if keep:
            adapter = {name: value.contiguous() for name, value in model.state_dict().items() if "lora_" in name}
            model.save_pretrained(folder / f"checkpoint-{number}", state_dict=adapter)
            (folder / f"checkpoint-{number}" / "README.md").unlink(missing_ok=True)
        _write(folder / STATE, json.dumps({"global_step": number, "log_history": self.lines}).encode())
        tensors = _memory(model, optimizers) | {"step": torch.tensor(number)}
        save_file(tensors, folder / f"{GOING_ON}.new")
        os.replace(folder / f"{GOING_ON}.new", folder / GOING_ON)


def _memory(model: Any, optimizers: "list[torch.optim.Optimizer]") -> "dict[str, torch.Tensor]":
    """Every trained weight, and what the optimizers remember of it, by name."""
    import torch

    names = {parameter: name for name, parameter in model.named_parameters() if parameter.requires_grad}
    tensors = {f"weight:{name}": parameter.detach().contiguous() for parameter, name in names.items()}
    for optimizer in optimizers:
        for parameter, state in optimizer.state.items():
            for key, value in state.items():
                tensors[f"{key}:{names[parameter]}"] = torch.as_tensor(value).detach().contiguous()
    return tensors


def _put_back(model: Any, optimizers: "list[torch.optim.Optimizer]", tensors: "dict[str, torch.Tensor]") -> None:
    import torch

    owners = {parameter: one for one in optimizers for group in one.param_groups for parameter in group["params"]}
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, tensor in tensors.items():
            key, _, parameter = name.partition(":")
            own = parameters[parameter]
            if key == "weight":
                own.copy_(tensor)
            else:  # a count stays where it is, on any device
                owners[own].state[own][key] = tensor.to(own.device) if tensor.ndim else tensor


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    os.replace(new, path)
