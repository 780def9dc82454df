"""A chat model that a tool asks, by its specification, such as 'openai:gpt-4o-mini'."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evidence.errors import ArgumentError, ToolError
from target.turn import check

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

AT_ONCE = 8


class ChatModel:
    """Asked without a memory: each text by itself.

    Raises:
        ArgumentError: the specification names no model, or the model cannot be set up.
    """

    def __init__(self, spec: str) -> None:
        self.name = spec
        self._model = _model(spec)

    def ask(self, texts: Sequence[str]) -> list[str]:
        """What it says to each.

        Raises:
            ToolError: it could not be asked.
        """
        said: list[str] = []
        for start in range(0, len(texts), AT_ONCE):
            check()  # so that stop works between batches
            some: list[Any] = list(texts[start : start + AT_ONCE])
            batch: list[Any] = self._model.batch(some, {"max_concurrency": AT_ONCE}, return_exceptions=True)
            if failed := next((one for one in batch if isinstance(one, Exception)), None):
                raise ToolError(f"the judge {self.name!r} could not be asked: {' '.join(str(failed).split())[:200]}")
            said += [str(one.text) for one in batch]
        return said


def fenced(text: str) -> str:
    """A text that cannot close the fence it stands in."""
    return text.replace("</", "< /")


def _model(spec: str) -> "BaseChatModel":
    provider, _, model = spec.partition(":")
    if not model:
        raise ArgumentError(
            f"judge={spec!r} is not allowed: write provider:model, such as 'openai:gpt-4o-mini', or 'grammar'"
        )
    from langchain.chat_models import init_chat_model

    try:
        return init_chat_model(model, model_provider=provider, temperature=0)
    except Exception as error:  # each provider complains of a missing package or key in a way of its own
        raise ArgumentError(f"the judge {spec!r} could not be set up: {' '.join(str(error).split())[:200]}") from error
