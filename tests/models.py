"""Tiny random models of the shapes we promise to read, saved to disk with a byte tokenizer."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

_SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "vocab_size": 272,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
}
ARCHITECTURES = {
    "llama": _SMALL,
    "qwen2": _SMALL,
    "qwen3": _SMALL | {"head_dim": 8},
    "mistral": _SMALL,
    "gemma2": _SMALL | {"head_dim": 8, "final_logit_softcapping": 2.0, "query_pre_attn_scalar": 8},
    "gemma3_text": _SMALL | {"head_dim": 8, "query_pre_attn_scalar": 8},
    "gpt2": {
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 64,
        "vocab_size": 272,
        "bos_token_id": 256,
        "eos_token_id": 257,
    },
    "gpt_neox": {key: value for key, value in _SMALL.items() if key != "num_key_value_heads"},
}


def save_tiny(architecture: str, folder: Path, seed: int = 0) -> Path:
    """A random model of one architecture in `folder`; weights are large enough for layers to matter."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **ARCHITECTURES[architecture]))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_qwen(folder: Path, *, layers: int = 3, seed: int = 0) -> Path:
    """A random Qwen2 with the chat template of its family, no beginning-of-text token, and room for a dialogue."""
    torch.manual_seed(seed)
    changed = {"num_hidden_layers": layers, "max_position_embeddings": 512, "bos_token_id": None, "eos_token_id": 260}
    shape: dict[str, Any] = {**_SMALL, **changed}
    model = Qwen2ForCausalLM(Qwen2Config(**shape))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    model.save_pretrained(folder)
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.chat_template = None, "<|im_end|>", CHATML
    tokenizer.save_pretrained(folder)
    return folder


def save_lora(base: Path, folder: Path, *, seed: int = 1, **shape: Any) -> Path:
    """An adapter with random weights as PEFT writes it; by default as in arXiv 2506.11618: rank 1 on down projections."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    settings = {"r": 1, "lora_alpha": 64, "use_rslora": True, "target_modules": ["down_proj"]} | shape
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(task_type="CAUSAL_LM", **settings))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(folder)
    return folder


def byte_tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>")
    return tokenizer
