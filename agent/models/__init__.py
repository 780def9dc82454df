"""The chat models the agent may speak through; the graph cannot tell them apart."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from evidence import Evidence
from evidence.errors import ModelError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Read = Callable[[str, str], Evidence]
"""Evidence of a conversation by id: (thread, "E3")."""
PROVIDERS = {
    "openai": "langchain-openai",
    "anthropic": "langchain-anthropic",
    "google_genai": "langchain-google-genai",
    "ollama": "langchain-ollama",
}


def resolve(spec: str, *, read: Read, embedding: str) -> "BaseChatModel":
    """A chat model by its specification: `guide`, `scripted:FILE`, or `provider:model`.

    Raises:
        ModelError: the specification is unknown, or the provider's package or key is missing.
    """
    provider, _, model = spec.partition(":")
    if spec == "guide":
        from agent.models.guide import Guide

        return Guide(read=read, embedding_name=embedding)
    if provider == "scripted" and model:
        from agent.models.scripted import Scripted

        return Scripted.from_file(model)
    if provider not in PROVIDERS or not model:
        allowed = ", ".join(f"'{name}:MODEL'" for name in PROVIDERS)
        raise ModelError(f"no agent is called {spec!r}: allowed are 'guide', 'scripted:FILE', {allowed}")
    from langchain.chat_models import init_chat_model

    try:
        return init_chat_model(model, model_provider=provider)
    except ImportError as error:
        raise ModelError(
            f"{spec!r} needs a package that is not installed: run `pip install {PROVIDERS[provider]}`"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{spec!r} could not be set up: {' '.join(str(error).split())[:160]}") from error
