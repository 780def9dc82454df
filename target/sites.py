"""Where things are in a model, whatever its architecture: one walk through the layers, changing and keeping."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from target.interventions import SITES, Intervention, Site

if TYPE_CHECKING:
    from torch import Tensor

RENAMES = {
    "transformer": "model",
    "gpt_neox": "model",
    "h": "layers",
    "wte": "embed_tokens",
    "embed_in": "embed_tokens",
    "ln_f": "norm",
    "final_layer_norm": "norm",
    "embed_out": "lm_head",
    "attn": "self_attn",
    "attention": "self_attn",
}
_OUTPUT_MATRICES = ("o_proj", "c_proj", "dense", "out_proj")
"""What the matrix that mixes the heads is called."""
_DOWN_MATRICES = ("down_proj", "c_proj", "dense_4h_to_h", "fc2", "fc_out")
"""What the matrix that mixes an MLP's neurons is called."""

Place = tuple[int, Site]
Saver = Callable[[Any], Any]


def sites_of(layer: Any) -> dict[Site, tuple[Any, str]]:
    """For each site of a layer: the module that has it, and whether it is its input or its output.

    Gemma-2 and its like normalise what attention and MLP add; there the sites are after that norm, so that
    residual = input + attention + mlp holds everywhere.
    """
    mixes = next(getattr(layer.self_attn, name) for name in _OUTPUT_MATRICES if hasattr(layer.self_attn._module, name))
    normed = hasattr(layer._module, "post_feedforward_layernorm")
    down = next((getattr(layer.mlp, name) for name in _DOWN_MATRICES if hasattr(layer.mlp._module, name)), layer.mlp)
    return {
        "input": (layer, "input"),
        "head": (mixes, "input"),
        "attention": (layer.post_attention_layernorm if normed else mixes, "output"),
        "neurons": (down, "input"),
        "mlp": (layer.post_feedforward_layernorm if normed else layer.mlp, "output"),
        "residual": (layer, "output"),
    }


def walk(
    layers: Sequence[Any], changes: Sequence[Intervention], wanted: Collection[Place], save: Saver
) -> "dict[Place, Tensor]":
    """Visit the sites in the order they are computed; make the changes, save what is wanted.

    Called inside an nnsight trace; `save` is what keeps a value beyond it.
    """
    places = {(change.layer, change.site) for change in changes} | set(wanted)
    found = {}
    for number, site in sorted(places, key=lambda place: (place[0], SITES.index(place[1]))):
        module, side = sites_of(layers[number])[site]
        value = getattr(module, side)
        for change in changes:
            if (change.layer, change.site) == (number, site):
                value = change.apply(value)
                setattr(module, side, value)
        if (number, site) in wanted:
            found[number, site] = save(value)
    return found
