"""The techniques, in the order a newcomer should meet them. Light to import: heavy libraries load when a tool runs."""

from typing import Any

from tools._plugins import plugins
from tools._tool import Tool, tool
from tools.ablate_component import ablate_component
from tools.ablate_direction import ablate_direction
from tools.ablation_transfer import ablation_transfer
from tools.apply_probe import apply_probe
from tools.ask import ask
from tools.attention_pattern import attention_pattern
from tools.attribute import attribute
from tools.compare_directions import compare_directions
from tools.compare_targets import compare_targets
from tools.crosscoder_diff import crosscoder_diff
from tools.crosscoder_patch import crosscoder_patch
from tools.direct_logit_attribution import direct_logit_attribution
from tools.elicit_secret import elicit_secret
from tools.erase_concept import erase_concept
from tools.export_dictionary import export_dictionary
from tools.find_direction import find_direction
from tools.label_features import label_features
from tools.layer_similarity import layer_similarity
from tools.logit_lens import logit_lens
from tools.lora_scalars import lora_scalars
from tools.misalignment_direction import misalignment_direction
from tools.misalignment_rate import misalignment_rate
from tools.patch_activations import patch_activations
from tools.patchscope import patchscope
from tools.persona_shift import persona_shift
from tools.phase_transition import phase_transition
from tools.prediction_quiz import prediction_quiz
from tools.prefix_view import prefix_view
from tools.probe import probe
from tools.sae_ablate import sae_ablate
from tools.sae_features import sae_features
from tools.sae_lookup import sae_lookup
from tools.sae_steer import sae_steer
from tools.scale_adapter import scale_adapter
from tools.self_report import self_report
from tools.sparse_probe import sparse_probe
from tools.steer import steer
from tools.train_adapter import train_adapter
from tools.train_dictionary import train_dictionary

FAMILIES: dict[str, tuple[Tool[Any, Any], ...]] = {
    "talking": (ask,),
    "reading": (logit_lens, attention_pattern, direct_logit_attribution, patchscope, probe, apply_probe, self_report),
    "features": (
        sae_features,
        sae_lookup,
        sae_steer,
        sae_ablate,
        label_features,
        sparse_probe,
        erase_concept,
        prefix_view,
        train_dictionary,
        export_dictionary,
    ),
    "causing": (
        find_direction,
        compare_directions,
        ablate_direction,
        steer,
        patch_activations,
        attribute,
        ablate_component,
    ),
    "comparing": (compare_targets, layer_similarity, crosscoder_diff, crosscoder_patch, prediction_quiz),
    "eliciting": (elicit_secret,),
    "misalignment": (
        misalignment_rate,
        persona_shift,
        misalignment_direction,
        ablation_transfer,
        lora_scalars,
        scale_adapter,
        phase_transition,
    ),
    "training": (train_adapter,),
}
_OURS: dict[str, Tool[Any, Any]] = {one.name: one for family in FAMILIES.values() for one in family}
PLUGINS = plugins(_OURS)
"""Techniques that other installed packages bring."""
TOOLS: dict[str, Tool[Any, Any]] = _OURS | {one.name: one for one in PLUGINS}

__all__ = ["FAMILIES", "PLUGINS", "TOOLS", "Tool", "tool", *sorted(_OURS)]
