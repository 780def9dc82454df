"""Weights, tokenizers and adapters from disk or hub: safetensors only, every failure one sentence."""

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence.errors import TargetError
from target.spec import Source, device_of

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # peft imports it where it is installed; it warns of GPUs
ADAPTER_FILE = "adapter_model.safetensors"
_DTYPES = ("float32", "bfloat16", "float16")
_QUANTIZED = ("int8", "nf4", "fp4")
"""Weights held in fewer bits by bitsandbytes; norms, embeddings and the unembedding stay bfloat16, as do activations."""


@dataclass(frozen=True)
class Loaded:
    """A model, its tokenizer and the digest of its weights."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    digest: str


def load_base(source: Source, device: str, dtype: str, *, trained: bool = True) -> Loaded:
    """Load a causal language model and its tokenizer; with `trained` False its shape with random weights.

    Raises:
        TargetError: files are missing, corrupt, or the hub cannot be reached.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    device, dtype = _place(device, dtype)
    if source.local:
        _require_safetensors(source)
    try:
        with _quiet():
            tokenizer = _load_tokenizer(source)
            model = AutoModelForCausalLM.from_pretrained(
                source.location, **_precision(device, dtype), use_safetensors=True, trust_remote_code=False
            )
    except SafetensorError as error:
        raise TargetError(f"the weights of {source.location!r} are corrupt ({error}): restore the file") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise TargetError(_why_not(source, error)) from error
    if not trained:
        model = _untrained(model)
        return Loaded(model.to(device).eval(), tokenizer, "untrained")
    if dtype not in _QUANTIZED:  # these are on their device, and refuse to be moved
        model = model.to(device)
    return Loaded(model.eval(), tokenizer, digest_of(_folder_of(source)))


def _precision(device: str, dtype: str) -> dict[str, Any]:
    """How `from_pretrained` is told what to hold the weights in."""
    import torch

    if dtype not in _QUANTIZED:
        return {"dtype": getattr(torch, dtype)}
    try:
        import bitsandbytes  # noqa: F401
    except ModuleNotFoundError:
        raise TargetError(
            f"dtype {dtype!r} needs bitsandbytes: pip install -e .[quantized], or use 'bfloat16'"
        ) from None
    from nnsight.modeling.quantization import resolve_load_kwargs

    return {**resolve_load_kwargs({"dtype": dtype}), "device_map": {"": device}}


def load_shape(source: Source) -> "tuple[PretrainedConfig, PreTrainedTokenizerBase]":
    """The configuration and tokenizer of a hub model, without its weights.

    Raises:
        TargetError: they are neither in the hub's cache nor to be had.
    """
    from transformers import AutoConfig

    try:
        with _quiet():
            return AutoConfig.from_pretrained(source.location, trust_remote_code=False), _load_tokenizer(source)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise TargetError(_why_not(source, error)) from error


def _untrained(model: "PreTrainedModel") -> "PreTrainedModel":
    """The same architecture with weights drawn by a fixed seed."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return type(model)(model.config).to(model.dtype)


def merged_matrices(layer: Any) -> "list[torch.Tensor]":
    """The weight matrices of one layer as float32 copies, with what an active adapter adds to them."""
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    found = []
    for module in layer.modules():
        if getattr(getattr(module, "weight", None), "quant_type", None) or hasattr(module, "state"):
            raise TargetError("weights held in fewer bits cannot be compared: load both models with dtype=bfloat16")
        if isinstance(module, BaseTunerLayer):
            weight = module.get_base_layer().weight.detach().float()
            if not module.disable_adapters:
                weight = weight + sum(module.get_delta_weight(name).float() for name in module.active_adapters)
            found.append(weight.detach())
        elif isinstance(module, torch.nn.Linear) and "lora" not in type(module).__name__.lower():
            found.append(module.weight.detach().float())
    return found


def load_adapter(model: "PreTrainedModel", source: Source, name: str) -> str:
    """Add a LoRA adapter to a loaded model under `name`, switched off; returns its digest.

    Raises:
        TargetError: the adapter is missing, corrupt, or made for another architecture.
    """
    from peft import PeftConfig, inject_adapter_in_model, set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        folder = adapter_folder(source)
        config = PeftConfig.from_pretrained(str(folder))
        config.inference_mode = True
        state = load_file(folder / ADAPTER_FILE)
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="Already found a `peft_config`"
            )  # several adapters are what we want
            inject_adapter_in_model(config, model, name)
        result = set_peft_model_state_dict(model, state, adapter_name=name)
    except SafetensorError as error:
        raise TargetError(f"the adapter {source.location!r} is corrupt ({error}): restore the file") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise TargetError(_why_not(source, error)) from error
    if not state or (result is not None and result.unexpected_keys):
        raise TargetError(f"the adapter {source.location!r} does not fit this base: its weights have no place in it")
    return digest_of(folder)


def adapter_folder(source: Source) -> Path:
    """Where the adapter's two files are; a hub adapter is fetched, and nothing but safetensors is."""
    if source.local:
        folder = source.folder
    else:
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(source.location, allow_patterns=["adapter_config.json", ADAPTER_FILE]))
    if not (folder / ADAPTER_FILE).exists():
        raise TargetError(
            f"the adapter {source.location!r} has no {ADAPTER_FILE}: weights in other formats are never loaded"
        )
    return folder


def select_adapter(model: "PreTrainedModel", name: str | None) -> None:
    """Switch every LoRA layer to one adapter, or with None to the bare base."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            has_it = name is not None and name in getattr(module, "lora_A", {})
            module.enable_adapters(has_it)
            if has_it:
                module.set_adapter(name, inference_mode=True)


def digest_of(folder: Path) -> str:
    """sha256 over the weight files of a folder, first 12 hex digits."""
    total = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        total.update(_file_digest(file, file.stat().st_mtime_ns).encode())
    return total.hexdigest()[:12]


@cache
def _file_digest(file: Path, modified: int) -> str:
    blob = file.resolve().name
    if len(blob) == 64 and set(blob) <= set("0123456789abcdef"):
        return blob  # the hub's cache names a file by its sha256
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _place(device: str, dtype: str) -> tuple[str, str]:
    import torch

    device = device_of(device)
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", device):
        raise TargetError(f"device {device!r} is not known: allowed are 'auto', 'cpu', 'cuda', 'cuda:1' and 'mps'")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise TargetError(f"device {device!r} is not here: no GPU was found, use 'cpu' or 'auto'")
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "bfloat16"
    if dtype not in _DTYPES + _QUANTIZED:
        allowed = ", ".join(map(repr, _DTYPES + _QUANTIZED))
        raise TargetError(f"dtype {dtype!r} is not known: allowed are 'auto', {allowed}")
    return device, dtype


def _load_tokenizer(source: Source) -> "PreTrainedTokenizerBase":
    """AutoTokenizer, except where the folder says a plain fast tokenizer: Auto would rebuild it wrongly."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if source.local:
        file = source.folder / "tokenizer_config.json"
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if config.get("tokenizer_class") in {"PreTrainedTokenizerFast", "TokenizersBackend"}:
            return PreTrainedTokenizerFast.from_pretrained(source.location)
    return AutoTokenizer.from_pretrained(source.location, trust_remote_code=False)


def _require_safetensors(source: Source) -> None:
    if not any(source.folder.glob("*.safetensors")):
        raise TargetError(
            f"the folder {source.shown!r} holds no .safetensors file: weights in other formats are never loaded"
        )


def _folder_of(source: Source) -> Path:
    if source.local:
        return source.folder
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(source.location, local_files_only=True))


def _why_not(source: Source, error: Exception) -> str:
    first = " ".join(str(error).split()).partition(". ")[0][:200]
    if source.local:
        return f"the folder {source.shown!r} cannot be loaded: {first}"
    return f"{source.location!r} is not in the local hub cache and could not be downloaded: check the id and the network ({first})"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries from printing progress bars, load reports and retries while a target loads."""
    from huggingface_hub.utils import logging as hub
    from transformers.utils import logging

    levels = logging.get_verbosity(), hub.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    hub.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(levels[0])
        hub.set_verbosity(levels[1])
