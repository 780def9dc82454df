"""The model under study and where it runs. The only importer of nnsight; light until something is loaded."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target.target import Target

__all__ = ["load"]


def load(spec: str, *, device: str = "auto", dtype: str = "auto") -> "Target":
    """Load a target by its specification; a second call returns the same hosted model.

    Args:
        spec: An organism's public name (`taboo-03`), a local folder, a hub id (`org/name`), or
            `base+adapter` where each side is one of these.
        device: "auto" (a GPU when there is one), "cpu", "cuda" or "cuda:1".
        dtype: "auto" (float32 on CPU, bfloat16 on a GPU), "float32", "bfloat16" or "float16".

    Raises:
        TargetError: the name is unknown, or its weights cannot be read; one sentence says which.
    """
    from target.hosts import host_for
    from target.spec import parse
    from target.target import Target

    parsed = parse(spec)
    return Target(host_for(parsed.base, device=device, dtype=dtype), parsed)
