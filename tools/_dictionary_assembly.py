"""From the tensors of an architecture to the one form of `Dictionary`, and the sentences when that cannot be."""

import hashlib
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evidence.errors import ArgumentError
from tools._dictionary import Architecture, Dictionary
from tools._dictionary_itda import PursuedDictionary

if TYPE_CHECKING:
    from torch import Tensor

_DAMAGED = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError),
    *(pickle.UnpicklingError, zipfile.BadZipFile),
)


def assemble(
    name: str,
    layer: int,
    architecture: Architecture,
    tensors: "Mapping[str, Tensor]",
    *,
    apply_b_dec_to_input: bool,
    k: int | None = None,
    rescale: bool = False,
    **more: Any,
) -> Dictionary:
    """Fold what an architecture does beyond the one form; `rescale` multiplies features by their decoder row's length."""
    parts = {key: tensor.detach().cpu().float() for key, tensor in tensors.items()}
    W_enc, W_dec = parts["W_enc"], parts["W_dec"]
    if architecture == "gated":  # its gate opens where the magnitude exceeds b_mag - b_gate * gain
        gain = parts["r_mag"].exp()
        W_enc, bias, threshold = W_enc * gain, parts["b_mag"], parts["b_mag"] - parts["b_gate"] * gain
    else:
        bias, learnt = parts["b_enc"], architecture in {"jumprelu", "batchtopk"}
        threshold = parts["threshold"].expand_as(bias) if learnt else W_enc.new_zeros(bias.shape)
    if rescale:
        norms = W_dec.norm(dim=-1).clamp(min=1e-8)
        W_enc, bias, threshold, W_dec = W_enc * norms, bias * norms, threshold * norms, W_dec / norms[:, None]
    settled = {"W_enc": W_enc, "b_enc": bias, "W_dec": W_dec, "b_dec": parts["b_dec"]}
    by_count = architecture == "topk"
    return Dictionary(
        name=name,
        layer=layer,
        architecture=architecture,
        **{key: tensor.contiguous() for key, tensor in settled.items()},
        threshold=None if by_count else threshold.contiguous(),
        k=int(k or 0) if by_count else None,
        apply_b_dec_to_input=apply_b_dec_to_input,
        digest=_digest([*settled.values(), threshold]),
        **({"normalization": "none"} | more),
    )


def from_atoms(
    name: str, layer: int, tensors: "Mapping[str, Tensor]", l0: int, more: Mapping[str, Any]
) -> PursuedDictionary:
    """An ITDA from its atoms, which are of unit length again when they were stored in fewer bits, and their labels."""
    import torch

    atoms = tensors["W_dec"]
    if atoms.dtype != torch.float32:
        atoms = torch.nn.functional.normalize(atoms.float(), dim=1)
    return PursuedDictionary(
        name=name,
        layer=layer,
        architecture="itda",
        W_enc=atoms.T,
        b_enc=torch.zeros(len(atoms)),
        W_dec=atoms,
        b_dec=torch.zeros(atoms.shape[1]),
        threshold=None,
        k=min(l0, len(atoms)),
        apply_b_dec_to_input=False,
        normalization="none",
        digest=_digest([atoms]),
        labels=tensors["labels"],
        **more,
    )


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Whatever a damaged file or a wrong configuration makes of reading it, one sentence.

    Raises:
        ArgumentError: the files cannot be read.
    """
    from safetensors import SafetensorError

    try:
        yield
    except ArgumentError:
        raise
    except (*_DAMAGED, SafetensorError) as error:
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise ArgumentError(f"the dictionary {name!r} cannot be read: restore its files ({why})") from error


def _digest(tensors: "list[Tensor]") -> str:
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(tensor.contiguous().numpy().data)
    return total.hexdigest()[:12]


def not_read(name: str, what: str, allowed: str) -> ArgumentError:
    return ArgumentError(f"the dictionary {name!r} has {what}, which is not read: allowed is {allowed}")
