"""`@tool`: one typed function in, every surface out.

The signature is the schema, the docstring the description, the return annotation the result. What is
missing there (a hint, an argument's description, a `Source:`) is a TypeError at import.
"""

import copy
import difflib
import hashlib
import inspect
import json
import resource
import time
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, wraps
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, ParamSpec, TypeVar

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from evidence import Artifact, Provenance, Shape, artifacts
from evidence.code import exactly
from evidence.errors import ArgumentError
from evidence.shapes import ArtifactKind

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from target.target import Target

P = ParamSpec("P")
R = TypeVar("R", bound=Shape)
Capability = Literal["read", "compute", "intervene", "train", "export"]
_TARGET_HELP = "The model under study: a public name such as `taboo-03`, a folder, a hub id, or `base+adapter`."
_OTHER_HELP = "A second model to compare with, named in the same way; None for the target's own base."
_VERSIONED = ("maieutic", "torch", "transformers", "nnsight", "peft")


@dataclass(frozen=True)
class Tool(Generic[P, R]):
    """One technique: call it like the function it was made from, or `call` it with untrusted arguments."""

    name: str
    function: Callable[P, R]
    summary: str
    """First line of the docstring."""
    description: str
    """The rest: what it shows and what it cannot."""
    source: str
    capability: Capability
    asked_as: tuple[str, ...]
    """How a person may ask for it; `{target}`, `{layer}`, `{text}` and `{word}` stand for arguments."""
    predict: str | None
    """What a person is asked to predict before it reveals something; None when there is nothing to predict."""
    arguments: type[BaseModel]
    """Everything but the target; unknown names are refused."""
    result: type[R]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        bound = inspect.signature(self.function).bind(*args, **kwargs).arguments
        return self.call(next(iter(bound.values())), {k: v for k, v in list(bound.items())[1:]})

    def call(self, target: "Target | str", arguments: dict[str, Any]) -> R:
        """Check the arguments, run the technique, stamp where the result came from.

        Raises:
            ArgumentError: an argument is wrong; the sentence says what is allowed.
            TargetError: the target cannot be loaded.
        """
        if not isinstance(arguments, dict):
            raise ArgumentError(
                f"{arguments!r:.60} came: the arguments of {self.name} are one dict of names and values"
            )
        other = arguments.get("other")
        checked = self.check(arguments)
        model = _resolve(target)
        given = {name: getattr(checked, name) for name in type(checked).model_fields}
        if given.get("other") is not None:
            given["other"] = _resolve(given["other"] if other is None else other)
        started = time.monotonic()
        with artifacts.watching() as used:
            result = self.function(model, **given)  # type: ignore[arg-type]
        stamp = Provenance(
            id=_identity(self.name, _changed(checked), model, used),
            tool=self.name,
            arguments=_changed(checked),
            target=model.name,
            weights=model.weights_digest,
            adapter=model.adapter_digest,
            used=tuple(used.values()),
            control=getattr(result, "control_name", None),
            seed=given.get("seed", 0),
            versions=versions(),
            seconds=round(time.monotonic() - started, 3),
            peak_megabytes=_peak_megabytes(),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        artifacts.made_by(stamp.id, result.artifacts)
        return result.model_copy(update={"provenance": stamp})

    def doing(self, function: Callable[..., R]) -> "Tool[P, R]":
        """The same tool, described alike, that does something else: to measure or to test what is around it."""
        return replace(self, function=wraps(self.function)(function))

    @property
    def references(self) -> "dict[str, ArtifactKind]":
        """The arguments that name an artefact, and its kind."""
        found: dict[str, ArtifactKind] = {}
        for name, field in self.schema()["properties"].items():
            for one in (field, field.get("items", {}), *field.get("anyOf", [])):
                kind = one.get("artifact") or one.get("items", {}).get("artifact")
                if kind:
                    found[name] = kind
        return found

    @property
    def question(self) -> str:
        """The question it answers: the first line of its file."""
        return (inspect.getmodule(self.function).__doc__ or self.summary).strip().splitlines()[0]

    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments, the target among them."""
        return copy.deepcopy(_schema(self.arguments))

    def as_langchain(self) -> "BaseTool":
        """The tool for a LangChain or LangGraph agent: text for the model, the evidence as artifact."""
        from tools._langchain import as_langchain

        return as_langchain(self)

    def check(self, arguments: dict[str, Any]) -> BaseModel:
        """The arguments as the schema has them, the target not among them; nothing is loaded.

        Raises:
            ArgumentError: one is wrong; the sentence says what is allowed.
        """
        kinds, other = self.references, arguments.get("other")
        plain = {name: _reference(value, kinds[name]) for name, value in arguments.items() if name in kinds}
        plain |= {"other": _name(other)} if other is not None else {}
        try:
            return self.arguments.model_validate(arguments | plain)
        except ValidationError as error:
            raise ArgumentError(_sentence(self, error)) from None


def tool(
    *, capability: Capability, asked_as: list[str], predict: str | None = None
) -> Callable[[Callable[P, R]], Tool[P, R]]:
    """Turn one typed, documented function into a `Tool`."""

    def declare(function: Callable[P, R]) -> Tool[P, R]:
        doc = docstring_parser.parse(inspect.getdoc(function) or "", style=docstring_parser.DocstringStyle.GOOGLE)
        hints = _hints(function)
        help_of = {p.arg_name: " ".join((p.description or "").split()) for p in doc.params}
        source, body = _source(doc.long_description or "")
        problems = [
            name for name in hints if name != "return" and not help_of.get(name) and name not in {"target", "other"}
        ]
        if not (doc.short_description and body and source) or problems or not asked_as:
            missing = ", ".join(problems) or "a summary, a description, a Source: line or asked_as"
            raise TypeError(f"tool {function.__name__!r}: fix the docstring or declaration of {missing}")
        return Tool(
            name=function.__name__,
            function=function,
            summary=doc.short_description,
            description=body,
            source=source,
            capability=capability,
            asked_as=tuple(asked_as),
            predict=predict,
            arguments=_arguments(function, hints, help_of),
            result=hints["return"],
        )

    return declare


@cache
def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    schema = arguments.model_json_schema()
    target = {"type": "string", "description": _TARGET_HELP, "default": None}
    return schema | {"properties": {"target": target, **schema.get("properties", {})}}


def versions() -> dict[str, str]:
    """The versions that decide a measurement, of what is installed."""
    found = {}
    for name in _VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Type hints, with `Target` understood although it is imported for types alone."""
    names = {**function.__globals__, "Target": _TargetHint}
    hints = typing.get_type_hints(function, globalns=names, include_extras=True)
    unhinted = [name for name in inspect.signature(function).parameters if name not in hints]
    if unhinted or "return" not in hints:
        raise TypeError(f"tool {function.__name__!r}: give a type hint to {', '.join(unhinted) or 'its result'}")
    return hints


class _TargetHint:
    """Stands for `Target` while a signature is read, so that declaring a tool loads no model code."""


def _arguments(function: Callable[..., Any], hints: dict[str, Any], help_of: dict[str, str]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        hint = (str | None) if name == "other" else hints[name]
        fields[name] = (Annotated[hint, Field(description=help_of.get(name) or _OTHER_HELP)], default)
    return create_model(f"{function.__name__}_arguments", __config__=ConfigDict(extra="forbid", strict=False), **fields)


def _source(text: str) -> tuple[str, str]:
    """Split the `Source:` line off a description."""
    body, _, source = text.partition("Source:")
    return " ".join(source.split()), " ".join(body.split())


def _sentence(tool: Tool[Any, Any], error: ValidationError) -> str:
    found = error.errors()
    first = next(
        (one for one in found if one["type"] == "extra_forbidden"), found[0]
    )  # a misspelt name explains a missing one
    name = str(first["loc"][0])[:80] if first["loc"] else "arguments"
    known = ", ".join(tool.arguments.model_fields)
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, tool.arguments.model_fields, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"{tool.name} has no argument {name!r}: {hint}allowed are {known}"
    if first["type"] == "missing":
        return f"{tool.name} needs the argument {name!r}: its description says what it takes"
    why = first["msg"].removeprefix("Input ")
    return f"{name}={_short(first['input'])} is not allowed for {tool.name}: {why[0].lower() + why[1:]}"


def _short(value: Any) -> str:
    """What came, as one writes it, without the middle of a long text."""
    written = repr(value)
    return written if len(written) <= 80 else f"{written[:60]}... ({len(written)} characters)"


def _changed(checked: BaseModel) -> dict[str, Any]:
    """The arguments as JSON, defaults left out."""
    return checked.model_dump(mode="json", exclude_defaults=True)


def _name(target: Any) -> str:
    """A target's specification; what is neither a name nor a target is left for the schema to refuse."""
    return target if isinstance(target, str) or not hasattr(target, "name") else str(target.name)


def _reference(value: Any, kind: ArtifactKind) -> Any:
    """Evidence or an artefact given in place of its name; lists are read item by item."""
    if isinstance(value, list | tuple):
        return [_reference(one, kind) for one in value]
    if isinstance(value, Artifact):
        return value.digest
    if isinstance(value, Shape):
        made = next((one.digest for one in value.artifacts if one.kind == kind), None)
        if made is None:
            raise ArgumentError(f"this evidence made no {kind}: give one that did, or a name")
        return made
    return value


def _identity(tool: str, arguments: dict[str, Any], model: "Target", used: dict[str, Artifact]) -> str:
    """The same question of the same weights, with the same artefacts, has the same id."""
    exact = {name: exactly(value, used.values()) for name, value in arguments.items()}
    asked = json.dumps(
        [tool, exact, model.name, model.weights_digest, model.adapter_digest, sorted(used)], sort_keys=True
    )
    return "ev-" + hashlib.sha256(asked.encode()).hexdigest()[:10]


def _resolve(target: "Target | str") -> "Target":
    if not isinstance(target, str):
        if hasattr(target, "residuals"):
            return target
        raise ArgumentError(f"target={target!r} is not allowed: give one name, such as 'taboo-03'")
    import target as hosting

    return hosting.load(target)


def _peak_megabytes() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
