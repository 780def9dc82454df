"""Formats of sparse dictionaries on disk, each brought to the one form of `Dictionary`; what is not understood is refused.

SAELens: cfg.json + sae_weights.safetensors. dictionary_learning: config.json + ae.pt, of which only tensors are
read. Gemma Scope (Lieberum et al., arXiv 2408.05147): params.npz.
"""

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from evidence.errors import ArgumentError
from target.sparse import saelens
from tools._dictionary import Architecture, Dictionary, Normalization, Source
from tools._dictionary_assembly import assemble, from_atoms, not_read, readable

if TYPE_CHECKING:
    from torch import Tensor

INDEX = "index.safetensors"
FILES = (saelens.CONFIG, saelens.WEIGHTS, "config.json", "ae.pt", "params.npz", INDEX)
"""All that is ever fetched of a repository."""
_RESIDUAL = re.compile(r"(?:.+\.)?(?:blocks|layers|h)\.(\d+)(?:\.(hook_resid_post|hook_resid_pre|output))?")
_SAELENS: dict[str, Architecture] = {"topk": "topk", "jumprelu": "jumprelu", "gated": "gated", "standard": "relu"}
_SAELENS |= {"batchtopk": "batchtopk", "matryoshka_batchtopk": "batchtopk"}
_DICTIONARY_LEARNING: dict[str, Architecture] = {
    "AutoEncoder": "relu",
    "AutoEncoderNew": "relu",
    "AutoEncoderTopK": "topk",
    "BatchTopKSAE": "batchtopk",
    "MatryoshkaBatchTopKSAE": "batchtopk",
    "JumpReluAutoEncoder": "jumprelu",
    "GatedAutoEncoder": "gated",
}
_RENAMED = {"encoder.bias": "b_enc", "gate_bias": "b_gate", "mag_bias": "b_mag"}
_RENAMED |= dict.fromkeys(("bias", "decoder.bias", "decoder_bias"), "b_dec")


def read_folder(folder: Path, name: str) -> Dictionary:
    """The dictionary in a folder, in whichever format it is.

    Raises:
        ArgumentError: there is none, it is damaged, or it is of a kind that is not read.
    """
    readers = {saelens.WEIGHTS: _saelens, "ae.pt": _dictionary_learning, "params.npz": _gemma_scope}
    reader = next((reader for file, reader in readers.items() if (folder / file).exists()), None)
    if reader is None:
        raise ArgumentError(f"{name!r} holds no dictionary: one of {', '.join(readers)} must be in that folder")
    with readable(name):
        return reader(folder, name)


def from_saelens(name: str, config: Mapping[str, Any], tensors: "Mapping[str, Tensor]", **more: Any) -> Dictionary:
    """A dictionary from what SAELens keeps of it: cfg.json and its tensors.

    Raises:
        ArgumentError: its architecture, its place in the model or its scaling is not understood.
    """
    with readable(name):
        facts = dict(config.get("metadata") or {}) | dict(config)  # before version 6 all of it stood in cfg.json itself
        return _from_facts(name, facts, dict(tensors), more)


def _from_facts(name: str, facts: dict[str, Any], parts: "dict[str, Tensor]", more: dict[str, Any]) -> Dictionary:
    more = {"weights": facts.get("weights"), "neuronpedia": facts.get("neuronpedia_id")} | more
    layer = _layer_of(name, str(facts.get("hook_name") or facts.get("hook_point")))
    if facts.get("architecture") == "itda":
        return from_atoms(name, layer, parts, int(facts["k"]), more)
    activation = facts.get("activation_fn") or facts.get("activation_fn_str") or "relu"
    said = "topk" if activation == "topk" else facts.get("architecture") or "standard"
    if said not in _SAELENS or activation not in {"relu", "topk"} or facts.get("finetuning_scaling_factor"):
        raise not_read(name, f"architecture {said!r} with activation {activation!r}", ", ".join(_SAELENS))
    normalization = facts.get("normalize_activations") or "none"
    if normalization not in get_args(Normalization):
        raise not_read(name, f"normalize_activations={normalization!r}", ", ".join(get_args(Normalization)))
    rescale = "topk" in said and bool(facts.get("rescale_acts_by_decoder_norm"))
    if "topk_threshold" in parts:  # a BatchTopK saved as it is trained: its threshold is in rescaled units
        parts["threshold"] = parts.pop("topk_threshold") / (parts["W_dec"].norm(dim=-1) if rescale else 1)
    sources = tuple(Source(**source) for source in facts.get("sources") or ())
    return assemble(
        name,
        layer,
        _SAELENS[said],
        parts,
        k=facts.get("k") or (facts.get("activation_fn_kwargs") or {}).get("k"),
        rescale=rescale,
        apply_b_dec_to_input=bool(facts.get("apply_b_dec_to_input", True)),
        normalization=normalization,
        groups=_groups(facts),
        sources=sources,
        source=max(0, len(sources) - 1),  # the model under study is written last
        **more,
    )


def _groups(facts: Mapping[str, Any]) -> tuple[int, ...]:
    """Sizes of nested groups: as such, or as SAELens writes where each ends, of a training or of what came of it."""
    trained = facts.get("training_architecture_details") or {}
    ends = [0, *(facts.get("matryoshka_widths") or trained.get("matryoshka_widths") or ())]
    return tuple(facts.get("groups") or (b - a for a, b in pairwise(ends)))


def _saelens(folder: Path, name: str) -> Dictionary:
    index = folder / INDEX
    return from_saelens(name, *saelens.read(folder), index=index if index.exists() else None)


def _dictionary_learning(folder: Path, name: str) -> Dictionary:
    """Features are multiplied by their decoder row's length where that library does so."""
    import torch

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["trainer"]
    kind, place = config["dict_class"], str(config.get("submodule_name") or "")
    if kind not in _DICTIONARY_LEARNING:
        raise not_read(name, f"dict_class {kind!r}", ", ".join(_DICTIONARY_LEARNING))
    if re.search("mlp|att", place):
        raise not_read(name, f"the place {place!r}", "the residual stream")
    state = torch.load(folder / "ae.pt", map_location="cpu", weights_only=True)
    tensors = {_RENAMED.get(key, key): value for key, value in state.items()}
    for matrix, linear in (("W_enc", "encoder.weight"), ("W_dec", "decoder.weight")):
        if linear in tensors:
            tensors[matrix] = tensors.pop(linear).T
    if kind.endswith("BatchTopKSAE") and float(tensors["threshold"]) < 0:
        raise not_read(name, "a threshold that was never learnt", "dictionaries whose training was finished")
    return assemble(
        name,
        int(config["layer"]),
        _DICTIONARY_LEARNING[kind],
        tensors,
        k=config.get("k"),
        rescale=kind in {"JumpReluAutoEncoder", "GatedAutoEncoder"},
        apply_b_dec_to_input=kind not in {"AutoEncoderNew", "JumpReluAutoEncoder"},
    )


def _gemma_scope(folder: Path, name: str) -> Dictionary:
    """Only its path says where in the model it belongs."""
    import numpy as np
    import torch

    path = folder.resolve().as_posix()
    layers = re.findall(r"layer_(\d+)", path)
    if not layers or re.search(r"gemma-scope-[\w.-]*-(att|mlp|transcoders)", path):
        raise not_read(name, "a path without the residual stream's layer", "folders below one called layer_N")
    with np.load(folder / "params.npz", allow_pickle=False) as arrays:
        tensors = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
    return assemble(name, int(layers[-1]), "jumprelu", tensors, apply_b_dec_to_input=False)


def _layer_of(name: str, hook: str) -> int:
    """The layer, 0-based, after which a hook reads the residual stream."""
    match = _RESIDUAL.fullmatch(hook)
    layer = int(match[1]) - (match[2] == "hook_resid_pre") if match else -1
    if layer < 0:
        raise not_read(name, f"the place {hook!r}", "the residual stream after a layer")
    return layer
