"""SAELens' format on disk, as its version 6 reads it: what cfg.json says, and the tensors beside it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"


def config(
    architecture: str,
    d_in: int,
    d_sae: int,
    metadata: dict[str, Any],
    *,
    k: int | None = None,
    apply_b_dec_to_input: bool = True,
    normalization: str = "none",
) -> dict[str, Any]:
    """What cfg.json says of a dictionary in float32; `metadata` is what SAELens does not ask for."""
    return {
        "architecture": architecture,
        "d_in": d_in,
        "d_sae": d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": apply_b_dec_to_input,
        "normalize_activations": normalization,
        "reshape_activations": "none",
        **({"k": k} if k is not None else {}),
        "metadata": {"sae_lens_version": "6.0.0"} | metadata,
    }


def write(folder: Path, config: dict[str, Any], tensors: "dict[str, Tensor]") -> None:
    """Both files, in a folder that is made where there is none."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> "tuple[dict[str, Any], dict[str, Tensor]]":
    """What cfg.json says, and the tensors."""
    from safetensors.torch import load_file

    return json.loads((folder / CONFIG).read_text(encoding="utf-8")), load_file(folder / WEIGHTS)
