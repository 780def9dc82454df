"""Evidence as the Python that makes it again."""

from collections.abc import Collection, Mapping
from typing import Any

from evidence.shapes import Artifact, Shape

LEAST_DIGEST = 6
"""Characters of a digest that name an artefact."""


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
        variables: names of variables by the digest of what was made, or the id of the evidence that made it.

    Raises:
        ValueError: the evidence was not returned by a tool.
    """
    p = evidence.provenance
    if p is None:
        raise ValueError("this evidence has no provenance: only evidence returned by a tool can be reproduced")
    known = {reference: _Variable(name) for reference, name in (variables or {}).items()}
    arguments = "".join(f", {name}={exactly(value, p.used, known)!r}" for name, value in p.arguments.items())
    return f"{p.tool}(target.load({p.target!r}){arguments})"


def exactly(value: Any, used: Collection[Artifact], known: Mapping[str, Any] | None = None) -> Any:
    """The digest of the artefact that was used, where a value names one: a name may later mean another.

    Args:
        value: an argument.
        used: the artefacts that the call took.
        known: what to say instead of a digest, or of the id of the evidence that made the artefact.
    """
    if isinstance(value, list):
        return [exactly(one, used, known) for one in value]
    if not isinstance(value, str):
        return value
    digest = next((one.digest for one in used if _is_meant(one, value)), value)
    return (known or {}).get(digest, digest)


def references(evidence: Shape) -> list[str]:
    """What artefacts of this evidence are called by in code: their digests, and the id of the evidence."""
    named = [one.digest for one in evidence.artifacts]
    return [*named, evidence.provenance.id] if named and evidence.provenance else named


def _is_meant(artifact: Artifact, reference: str) -> bool:
    by_digest = len(reference) >= LEAST_DIGEST and artifact.digest.startswith(reference)
    return by_digest or reference == artifact.name
