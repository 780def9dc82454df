"""What the HTTP API says besides evidence."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel

from tools._tool import Capability, Tool

EvidenceId = Annotated[str, Path(description="The id in an evidence's provenance: `ev-` and ten hexadecimal digits.")]
CallId = Annotated[str, Path(description="The id given to the call as `?call=`.")]


class ErrorBody(BaseModel):
    """Which kind of error, by the name of its class, and one sentence."""

    type: str
    message: str


class Problem(BaseModel):
    """What every refused request gets."""

    error: ErrorBody


class ToolCard(BaseModel):
    """A tool, as a caller may want to know it."""

    name: str
    summary: str
    description: str
    source: str
    capability: Capability
    arguments: dict[str, Any]
    """JSON schema."""


class TargetCard(BaseModel):
    """A target that ships with the project. Folders, hub ids and `base+adapter` can be named too."""

    name: str
    kind: str
    base: str | None
    description: str


class CallState(BaseModel):
    """A call under way."""

    id: str
    tool: str
    doing: str
    share: float | None
    """0..1, None where unknown."""
    seconds: float


class EvidenceCard(BaseModel):
    """An evidence in a list."""

    id: str
    title: str
    tool: str
    target: str


def card(tool: Tool[Any, Any]) -> ToolCard:
    """A tool's card."""
    return ToolCard(
        name=tool.name,
        summary=tool.summary,
        description=tool.description,
        source=tool.source,
        capability=tool.capability,
        arguments=tool.schema(),
    )


def problems(meanings: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """Refusals as the OpenAPI document names them: JSON everywhere, also where the answer itself is text."""
    schema = Problem.model_json_schema()
    inline = schema | {"properties": {"error": schema.pop("$defs")["ErrorBody"]}}
    return {
        status: {"description": meaning, "content": {"application/json": {"schema": inline}}}
        for status, meaning in meanings.items()
    }
