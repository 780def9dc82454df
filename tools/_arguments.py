"""Argument types that tools share: bounds stand in the type, once; one name means one thing in every tool."""

from typing import Annotated

from pydantic import Field

from evidence.shapes import ArtifactKind

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=2000)]
Word = Annotated[str, Field(min_length=1, max_length=80)]
Words = Annotated[list[Word], Field(min_length=1, max_length=50)]
Layer = Annotated[int, Field(ge=0, le=1000)]
Layers = Annotated[list[Layer], Field(min_length=1, max_length=200)]
Head = Annotated[int, Field(ge=0, le=1000)]
Feature = Annotated[int, Field(ge=0, le=10_000_000)]
TopK = Annotated[int, Field(ge=1, le=20)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Strength = Annotated[float, Field(ge=-1000.0, le=1000.0)]
Draws = Annotated[int, Field(ge=8, le=500)]
Temperature = Annotated[float, Field(ge=0.0, le=2.0)]
NewTokens = Annotated[int, Field(ge=1, le=512)]
Prefill = Annotated[str, Field(max_length=1000)]
Samples = Annotated[int, Field(ge=20, le=2000)]
JudgeSpec = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=80)]


def _reference(kind: ArtifactKind) -> object:
    return Field(min_length=1, max_length=300, json_schema_extra={"artifact": kind})


DirectionRef = Annotated[str, _reference("direction")]
ProbeRef = Annotated[str, _reference("probe")]
DictionaryRef = Annotated[str, _reference("dictionary")]
"""An artefact by its name, its digest, or the id of the evidence that made it; from Python also the evidence itself."""
