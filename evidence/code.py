"""Evidence as the Python that makes it again."""

from evidence.shapes import Shape


def as_python(evidence: Shape) -> str:
    """A script that repeats the measurement with the same target, arguments and seed."""
    p = evidence.provenance
    if p is None:
        raise ValueError("this evidence has no provenance: only evidence returned by a tool can be reproduced")
    arguments = "".join(f", {name}={value!r}" for name, value in p.arguments.items())
    return f"import target\nfrom tools import {p.tool}\n\nevidence = {p.tool}(target.load({p.target!r}){arguments})\n"
