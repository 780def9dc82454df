"""The chat models the agent may speak through; the graph cannot tell them apart."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from evidence import Evidence

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Read = Callable[[str, str], Evidence]
"""Evidence of a conversation by id: (thread, "E3")."""


def resolve(spec: str, *, read: Read, embedding: str) -> "BaseChatModel":
    """A chat model by its specification: `guide`, `scripted:FILE`, `hf:PATH`, `openai-compatible:URL`, or `provider:model`.

    Raises:
        ModelError: the specification is unknown, or the provider's package or key is missing.
    """
    kind, _, what = spec.partition(":")
    if spec == "guide":
        from agent.models.guide import Guide

        return Guide(read=read, embedding_name=embedding)
    if kind == "scripted" and what:
        from agent.models.scripted import Scripted

        return Scripted.from_file(what)
    if kind == "hf" and what:
        from agent.models.local import Local

        return Local(path=what)
    from agent.models import providers

    return providers.remote(spec)


def is_small(spec: str) -> bool:
    """Whether a model is offered few tools with strict schemas: one that runs here is likely a small one."""
    return spec.partition(":")[0] in {"hf", "ollama"}
