"""The model under study and where it runs. The only importer of nnsight; light until something is loaded."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target.target import Target

__all__ = ["load"]


def load(spec: str, *, device: str | None = None, dtype: str | None = None) -> "Target":
    """Load a target by its specification; a second call returns the same hosted model.

    Args:
        spec: An organism's public name (`taboo-03`), a local folder, a hub id (`org/name`), `base+adapter` where
            each side is one of these, or a hosted model (`ndif:org/name`, `serve:http://host:port#org/name`).
            Options may follow: `org/name?device=cuda&dtype=nf4`.
        device: "auto" (a GPU when there is one), "cpu", "cuda", "cuda:1" or "mps"; instead of the option.
        dtype: "auto" (float32 on CPU, bfloat16 on a GPU), "float32", "bfloat16", "float16", or "int8", "nf4", "fp4"
            for weights held in fewer bits; instead of the option.

    Raises:
        TargetError: the name is unknown, or its weights cannot be read; one sentence says which.
    """
    from dataclasses import replace

    from target.hosts import host_for
    from target.spec import parse
    from target.target import Target

    parsed = parse(spec)
    given = {name: value for name, value in (("device", device), ("dtype", dtype)) if value is not None}
    if given:
        parsed = replace(parsed, options=replace(parsed.options, **given))
    return Target(host_for(parsed.base, parsed.options), parsed)
