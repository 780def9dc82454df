"""What goes wrong between us and a chat model, in one sentence for a person.

Each provider has exceptions of its own; what they share is a status code, or a name that says what happened.
"""

import re
from typing import Literal

from evidence.errors import ModelError

Kind = Literal["overflow", "broken off", "other"]
_OVERFLOW = re.compile(
    r"context[ _]length|context window|maximum context|too many tokens|too long|exceeds? the (?:maximum|limit)",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"incomplete|peer closed|RemoteProtocol|ChunkedEncoding|IncompleteRead|connection (?:reset|lost)", re.IGNORECASE
)
_WORDS = {
    400: "the model's server did not take the request",
    401: "the model's server refused the key: check it in the environment",
    402: "the account of the model's provider has no credit left",
    403: "the key may not use this model: choose another one with --agent",
    404: "the model's server knows no such model: check the name given with --agent",
    408: "the model's server took too long",
    413: "the conversation is too long for the model",
    429: "the model's provider says that there were too many requests (429), also after waiting: ask again in a minute",
    529: "the model's provider is overloaded: ask again in a minute",
}
_THEIRS = "the model's server had an error of its own"
_KEPT = "Nothing you said is lost; ask again to go on."


def kind(error: BaseException) -> Kind:
    """Whether a request was too long, or its answer broke off in the middle."""
    text = _chain(error)
    if _status(error) in {400, 413, None} and _OVERFLOW.search(text):
        return "overflow"
    return "broken off" if _BROKEN.search(text) else "other"


def understood(error: Exception, spec: str) -> ModelError | None:
    """The sentence for a failure of a provider; None for what is no such failure, but a fault of ours."""
    status, name = _status(error), type(error).__name__
    detail = re.sub(r"(sk-|key-)[\w-]+", r"\1…", " ".join(str(error).split()))[:160]
    if kind(error) == "overflow":
        return ModelError(
            f"the conversation is too long for {spec}, also without its older turns: begin a new one. {_KEPT}"
        )
    if status is not None:
        words = _WORDS.get(status, _THEIRS if status >= 500 else "the model's server refused the request")
        return ModelError(f"{words} ({spec}, status {status}: {detail}). {_KEPT}")
    if "Timeout" in name:
        return ModelError(f"{spec} did not answer in time. {_KEPT}")
    if kind(error) == "broken off":
        return ModelError(f"the answer of {spec} broke off twice in the middle. {_KEPT}")
    if "Connect" in name or isinstance(error, ConnectionError):
        return ModelError(f"no model server answers for {spec}: start it, or choose another --agent. {_KEPT}")
    if "RateLimit" in name:
        return ModelError(f"{_WORDS[429]}. {_KEPT}")
    theirs = type(error).__module__.split(".")[0]
    return ModelError(f"{spec} failed: {detail}. {_KEPT}") if theirs in _PROVIDERS else None


_PROVIDERS = {
    "openai",
    "anthropic",
    "google",
    "ollama",
    "httpx",
    "httpcore",
    "langchain_openai",
    "langchain_google_genai",
}


def _chain(error: BaseException | None) -> str:
    """An error and what caused it, by name and text: packages wrap what the network said."""
    return f"{type(error).__name__} {error} {_chain(error.__cause__)}" if error else ""


def _status(error: BaseException) -> int | None:
    found = getattr(error, "status_code", None) or getattr(error, "code", None)
    return found if isinstance(found, int) else None
