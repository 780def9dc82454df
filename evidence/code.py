"""Evidence as the Python that makes it again."""

from typing import Any

from evidence.shapes import Shape


def as_python(evidence: Shape) -> str:
    """A script that repeats the measurement: the same target, arguments and seed, and the same artefacts by digest."""
    p = evidence.provenance
    if p is None:
        raise ValueError("this evidence has no provenance: only evidence returned by a tool can be reproduced")
    digests = {one.name: one.digest for one in p.used}
    arguments = "".join(f", {name}={exactly(value, digests)!r}" for name, value in p.arguments.items())
    return f"import target\nfrom tools import {p.tool}\n\nevidence = {p.tool}(target.load({p.target!r}){arguments})\n"


def exactly(value: Any, digests: dict[str, str]) -> Any:
    """The artefact that was used, where a value names one: a name may later mean another."""
    if isinstance(value, list):
        return [exactly(one, digests) for one in value]
    return digests.get(value, value) if isinstance(value, str) else value
