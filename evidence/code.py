"""Evidence as the Python that makes it again."""

from collections.abc import Mapping
from typing import Any

from evidence.shapes import Shape


class _Variable(str):
    """A name that stands in code as it is, without quotes."""

    __repr__ = str.__str__


def as_python(evidence: Shape) -> str:
    """A script that repeats the measurement: the same target, arguments and seed, and the same artefacts by digest."""
    call = as_call(evidence)
    return f"import target\nfrom tools import {call.partition('(')[0]}\n\nevidence = {call}\n"


def as_call(evidence: Shape, variables: Mapping[str, str] | None = None) -> str:
    """The call that repeats the measurement; artefacts are named by digest, or by the variable that holds their maker.

    Args:
        evidence: what a tool returned.
        variables: names of variables by the digest of what was made.

    Raises:
        ValueError: the evidence was not returned by a tool.
    """
    p = evidence.provenance
    if p is None:
        raise ValueError("this evidence has no provenance: only evidence returned by a tool can be reproduced")
    known = {digest: _Variable(name) for digest, name in (variables or {}).items()}
    digests = {one.name: known.get(one.digest, one.digest) for one in p.used}
    arguments = "".join(f", {name}={exactly(value, digests)!r}" for name, value in p.arguments.items())
    return f"{p.tool}(target.load({p.target!r}){arguments})"


def exactly(value: Any, digests: Mapping[str, Any]) -> Any:
    """The artefact that was used, where a value names one: a name may later mean another."""
    if isinstance(value, list):
        return [exactly(one, digests) for one in value]
    return digests.get(value, value) if isinstance(value, str) else value
