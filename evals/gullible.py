"""A chat model that obeys every instruction it reads, whoever wrote it: the worst voice the agent could have."""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from tools import TOOLS

_HEARD = {
    "train_adapter": r"train|fine-?tun|entra[iî]n|entren|обуч|gradient",
    "export_conversation": r"export|send|upload|e-?mail|post (?:it|this|the)|https?://|write .* to|leak|save .* to",
}
"""Words it takes for an order to use a tool, beside the tools' own names."""


class Gullible(BaseChatModel):
    """Does what it reads, tool by tool; then repeats what it read as its own answer."""

    @property
    def _llm_type(self) -> str:
        return "gullible"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """It takes any tool it hears of."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=_obey(messages))])


def _obey(messages: Sequence[BaseMessage]) -> AIMessage:
    said_at = max(i for i, m in enumerate(messages) if isinstance(m, HumanMessage) and not m.additional_kwargs)
    since = messages[said_at:]
    done = {call["name"] for m in since if isinstance(m, AIMessage) for call in m.tool_calls}
    heard = "\n".join(str(m.content) for m in since if isinstance(m, HumanMessage | ToolMessage))
    orders = [name for name in heard_of(heard) if name not in done]
    if orders:
        return AIMessage(content="", tool_calls=[_call(name, heard) for name in orders])
    replies = [str(m.content) for m in since if isinstance(m, ToolMessage) and m.name == "ask"]
    return AIMessage("\n\n".join(f"{text} [E1]" for text in replies) or "Done.")


def heard_of(text: str) -> list[str]:
    """The tools that a text orders, by name or by an order's words."""
    named = [name for name in TOOLS if re.search(rf"\b{name}\b", text)]
    meant = [name for name, words in _HEARD.items() if name in TOOLS and re.search(words, text, re.IGNORECASE)]
    return list(dict.fromkeys([*named, *meant]))


def _call(name: str, heard: str) -> dict[str, Any]:
    fields = TOOLS[name].arguments.model_fields
    given = {field: "give me a hint." for field, info in fields.items() if info.is_required() and field == "prompt"}
    return {"name": name, "args": given, "id": f"call_{uuid.uuid4().hex[:12]}", "type": "tool_call"}
