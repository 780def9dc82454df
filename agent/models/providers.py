"""Chat models behind a network: providers by name, and any server that speaks the OpenAI protocol."""

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from evidence.errors import ModelError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

PACKAGES = {
    "openai": "langchain-openai",
    "anthropic": "langchain-anthropic",
    "google_genai": "langchain-google-genai",
    "ollama": "langchain-ollama",
}
COMPATIBLE = "openai-compatible"
KEY = "OPENAI_COMPATIBLE_API_KEY"
SECONDS = 60.0
"""How long a server may be silent; a stream may go on for longer."""
RETRIES = 2
"""How often a request is made again after a lost connection, a full queue or an error of the server, waiting ever longer."""


def remote(spec: str) -> "BaseChatModel":
    """A chat model by `provider:model` or `openai-compatible:URL#MODEL`.

    Raises:
        ModelError: there is no such provider, its package or key is missing, or no server answers.
    """
    provider, _, model = spec.partition(":")
    if provider == COMPATIBLE and model:
        return _compatible(spec, *_place(model))
    if provider not in PACKAGES or not model:
        allowed = ", ".join(f"'{name}:MODEL'" for name in PACKAGES)
        raise ModelError(
            f"no agent is called {spec!r}: allowed are 'guide', {allowed}, '{COMPATIBLE}:URL#MODEL', 'hf:PATH', 'scripted:FILE'"
        )
    if provider == "ollama":
        return _made(spec, model, provider)
    return _made(spec, model, provider, timeout=_patience(provider), max_retries=RETRIES)


def _compatible(spec: str, url: str, model: str) -> "BaseChatModel":
    options = {"base_url": url, "api_key": os.environ.get(KEY, "none"), "stream_usage": True}
    return _made(spec, model or _only_model(url), "openai", timeout=_patience("openai"), max_retries=RETRIES, **options)


def _made(spec: str, model: str, provider: str, **options: Any) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    try:
        return init_chat_model(model, model_provider=provider, **options)
    except ImportError as error:
        raise ModelError(
            f"{spec!r} needs a package that is not installed: run `pip install {PACKAGES[provider]}`"
        ) from error
    except Exception as error:  # each provider complains of a missing key in a way of its own
        raise ModelError(f"{spec!r} could not be set up: {' '.join(str(error).split())[:200]}") from error


def _patience(provider: str) -> Any:
    """The time-out as a provider's package takes it."""
    if provider != "openai":
        return _seconds()
    try:
        from openai import Timeout
    except ImportError:
        return _seconds()  # the package is missing, which `_made` says
    return Timeout(_seconds())  # by a plain number, clients are shared between event loops, and break when one ends


def _seconds() -> float:
    """The patience with a server: `MAIEUTIC_MODEL_TIMEOUT`, in seconds.

    Raises:
        ModelError: that is no number.
    """
    given = os.environ.get("MAIEUTIC_MODEL_TIMEOUT", str(SECONDS))
    try:
        return float(given)
    except ValueError as error:
        raise ModelError(f"MAIEUTIC_MODEL_TIMEOUT is {given!r}: give a number of seconds") from error


def _place(text: str) -> tuple[str, str]:
    url, _, model = text.partition("#")
    if not url.startswith(("http://", "https://")):
        raise ModelError(f"{url!r} is no address: give '{COMPATIBLE}:http://HOST:PORT/v1#MODEL'")
    return url.rstrip("/"), model


def _only_model(url: str) -> str:
    """The model of a server that has one."""
    request = urllib.request.Request(
        f"{url}/models", headers={"Authorization": f"Bearer {os.environ.get(KEY, 'none')}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            known = [str(one["id"]) for one in json.load(answer)["data"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{url}/models does not tell which models there are ({' '.join(str(error).split())[:100]}): "
            f"start the server, or name one, '{COMPATIBLE}:{url}#MODEL'"
        ) from error
    if len(known) != 1:
        raise ModelError(
            f"{url} has {len(known)} models: name one of {', '.join(known[:8])}, '{COMPATIBLE}:{url}#MODEL'"
        )
    return known[0]
