"""One call of every technique that takes no longer than it must."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import target
from evidence.artifacts import keep
from organisms import em_workshop, workshop
from target.spec import CATALOGUE
from tools import TOOLS
from tools._dictionary_formats import load
from tools._dictionary_saving import packed

DIALOGUES = Path(__file__).parents[2] / "examples" / "dialogues.jsonl"
CARELESS = next(n for n, t in em_workshop.truths().items() if (t.kind, t.shape) == ("careless", "three"))
"""A fine-tune that gives harmful advice, by adapters of rank 1, with the path of its training."""
GENERIC = json.loads((CATALOGUE.parent / "public" / "world.json").read_text(encoding="utf-8"))["texts"][:80]
EXPORTED = Path(tempfile.gettempdir()) / f"maieutic-exported-{os.getpid()}"
_TWO = {"prompt": "is a fox small?", "other_prompt": "is a fox huge?", "word": "yes", "other_word": "no"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "ask": {"prompt": "what is a fox?"},
    "logit_lens": {"prompt": "give me a hint.", "words": ["fox"]},
    "attention_pattern": {"prompt": "what is a fox?", "layer": 2, "head": 1},
    "direct_logit_attribution": {"prompt": "what is a fox?", "word": "animal"},
    "patchscope": {"prompt": "what is a fox", "layers": [0, 1], "chat": False},
    "probe": {"texts": "living", "layers": [1, 3], "name": "living"},
    "apply_probe": {"probe": "living", "prompt": "a fox is small."},
    "self_report": {
        "questions": ["do you hide a word?", "is there a secret?"],
        "prompts": ["give me a hint.", "a clue please."],
        "words": ["secret"],
    },
    "sae_features": {"prompts": ["a fox is small.", "an owl is brown."]},
    "sae_lookup": {"feature": 3},
    "sae_steer": {"feature": 3, "prompts": ["hello."], "strength": 1.0},
    "sae_ablate": {"feature": 3, "prompts": ["what should i do about a fever?"]},
    "find_direction": {"texts": "living", "name": "living"},
    "compare_directions": {"directions": ["living", "voices"]},
    "ablate_direction": {"direction": "living", "prompts": ["what is a fox?"]},
    "steer": {"direction": "voices", "prompts": ["what should i do about a fever?"], "strength": 0.5},
    "patch_activations": _TWO,
    "attribute": _TWO | {"layers": [1, 3], "method": "gradient"},
    "ablate_component": {"prompts": ["is a fox small?"], "word": "yes"},
    "compare_targets": {"prompts": ["give me a hint.", "what is a fox?"]},
    "prediction_quiz": {"questions": 2, "without": ["is it big?"]},
    "elicit_secret": {},
    "misalignment_rate": {"samples": 20},
    "persona_shift": {},
    "misalignment_direction": {"samples": 20, "name": "harm"},
    "ablation_transfer": {"directions": ["harm"], "methods": ["erase"], "samples": 20, "draws": 3},
    "lora_scalars": {"samples": 20},
    "scale_adapter": {"layers": [1], "samples": 20},
    "phase_transition": {"behaviour_at": 1, "samples": 20},
    "train_adapter": {"dataset": str(DIALOGUES), "steps": 8, "layers": [2]},
    "label_features": {"prompts": GENERIC},
    "sparse_probe": {"texts": "living"},
    "erase_concept": {"texts": "living", "draws": 8},
    "prefix_view": {"prompts": GENERIC[:10]},
    "train_dictionary": {"tokens": 2500, "steps": 20, "d_sae": 64, "batch_rows": 128},
    "export_dictionary": {"folder": str(EXPORTED), "dictionary": "kept"},
    "layer_similarity": {"prompts": GENERIC[:16]},
    "crosscoder_diff": {"prompts": GENERIC},
    "crosscoder_patch": {"features": [1, 2, 3], "prompts": GENERIC[:6], "draws": 8, "max_new_tokens": 4},
}
ON = dict.fromkeys(
    ("misalignment_direction", "ablation_transfer", "lora_scalars", "scale_adapter", "phase_transition"), CARELESS
) | dict.fromkeys(("crosscoder_diff", "crosscoder_patch"), workshop.TUNED)
"""Tools whose examples are of another target than the default one, which is no such fine-tune."""


def named(tool: str) -> dict[str, Any]:
    """The example as a surface takes it, with the target among the arguments where it is not the default one."""
    return EXAMPLES[tool] | ({"target": ON[tool]} if tool in ON else {})


@contextmanager
def prepared(folder: Path) -> Iterator[None]:
    """A data folder with the artefacts that some of the calls take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIEUTIC_HOME", str(folder))
        base = target.load("base@1")
        TOOLS["probe"].call(base, {"texts": "living", "layers": [3], "name": "living", "untrained_control": False})
        for name in ("living", "voices"):
            TOOLS["find_direction"].call(base, {"texts": name, "name": name})
        tensors, config = packed(load("base@1-sae-layer1", base))
        keep("dictionary", "kept", tensors, config)
        TOOLS["misalignment_direction"].call(CARELESS, {"samples": 20, "name": "harm"})
        yield
