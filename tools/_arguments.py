"""Argument types that tools share: bounds stand in the type, once."""

from typing import Annotated

from pydantic import Field

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Layer = Annotated[int, Field(ge=0, le=1000)]
TopK = Annotated[int, Field(ge=1, le=20)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Temperature = Annotated[float, Field(ge=0.0, le=2.0)]
NewTokens = Annotated[int, Field(ge=1, le=512)]
