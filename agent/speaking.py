"""One step of a chat model: what it is offered, what is mended of its reply, and what goes wrong, said in one sentence.

The guide goes the same way; of all this it needs nothing.
"""

import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call

from agent.models import failures
from agent.spending import NOTHING, Budget, Spent, added
from agent.toolbox import Offer
from evidence.errors import MaieuticError, ModelError

log = logging.getLogger(__name__)
MENDED = 2
"""How often a model is told that its tool calls were no JSON before it is given up."""
KEPT_LETTERS = 2000
"""Signs of a tool's result that are kept when a conversation has to be shortened."""
CUT = "\n\n*(The answer was cut at the length the model allows.)*"


@dataclass
class Voice:
    """A chat model, what it is offered, and what it may cost."""

    model: BaseChatModel
    spec: str = "guide"
    offer: Offer = field(default_factory=Offer)
    budget: Budget = field(default_factory=Budget)

    @property
    def costs(self) -> bool:
        """Whether its words cost tokens: the guide's and a script's do not."""
        return self.spec != "guide" and not self.spec.startswith("scripted")

    async def next(self, messages: Sequence[BaseMessage], spent: Spent | None) -> tuple[AIMessage, Spent]:
        """The next message, and what has been spent with it.

        Raises:
            ModelError: the model's server cannot be reached, refused, or did not answer in a way that can be used.
        """
        spent = spent or NOTHING
        shown = list(messages)
        for _ in range(MENDED + 1):
            said = await self._said(shown)
            if self.costs:
                spent = added(spent, said, shown)
            if self.costs and not (said.text or said.tool_calls or said.invalid_tool_calls):
                said = await self._said(shown, streaming=False)  # a refusal is not in what some packages stream
                spent = added(spent, said, shown)
            if said.tool_calls or not said.invalid_tool_calls:
                return _finished(said, self.spec), spent
            shown += _told_off(said)
        raise ModelError(
            f"{self.spec} called a tool {MENDED + 1} times with arguments that are no JSON: ask in other words"
        )

    async def _said(self, messages: list[BaseMessage], *, streaming: bool = True) -> AIMessage:
        """One reply; a request that is too long is shortened once, an answer that breaks off is asked for once more."""
        plain = self.model if streaming else self.model.model_copy(update={"disable_streaming": True})
        model = plain.bind_tools(self.offer.tools(messages))
        for tries in range(2):
            try:
                return await _whole(model.astream(messages))
            except MaieuticError:
                raise
            except Exception as error:
                kind, sentence = failures.kind(error), failures.understood(error, self.spec)
                if sentence is None:
                    raise
                log.warning("%s: %s", self.spec, error)
                if tries or kind == "other":
                    raise sentence from error
                messages = _shortened(messages) if kind == "overflow" else messages
        raise AssertionError("unreachable: the second try returns or raises")


async def _whole(pieces: AsyncIterator[BaseMessage]) -> AIMessage:
    """A reply from its pieces. Arguments that are only the beginning of JSON are none: LangChain would complete them."""
    whole: Any = None
    async for piece in pieces:
        whole = piece if whole is None else whole + piece
    if not isinstance(whole, AIMessageChunk):
        return whole or AIMessage("")
    good, bad = [], []
    for chunk in whole.tool_call_chunks:
        try:
            arguments = json.loads(chunk["args"] or "{}")
        except json.JSONDecodeError:
            arguments = None
        if isinstance(arguments, dict):
            good.append(tool_call(name=chunk["name"] or "", args=arguments, id=chunk["id"]))
        else:
            bad.append(
                invalid_tool_call(name=chunk["name"], args=chunk["args"], id=chunk["id"], error="no JSON object")
            )
    return AIMessage(
        whole.content,
        id=whole.id,
        tool_calls=good,
        invalid_tool_calls=[*bad, *(whole.invalid_tool_calls if not whole.tool_call_chunks else [])],
        usage_metadata=whole.usage_metadata,
        response_metadata=whole.response_metadata,
        additional_kwargs=whole.additional_kwargs,
    )


def _finished(said: AIMessage, spec: str) -> AIMessage:
    """A reply as it is kept: calls that were no JSON dropped, a refusal and an early end in words."""
    about = said.response_metadata
    refusal = said.additional_kwargs.get("refusal")
    if said.invalid_tool_calls:  # the others can run; a server would ask for a result of every call it sees
        said = said.model_copy(update={"invalid_tool_calls": [], "additional_kwargs": {}})
    if said.tool_calls:
        return said
    words = str(said.text).strip()
    if refusal or about.get("finish_reason") in {"content_filter", "refusal"} or about.get("stop_reason") == "refusal":
        return AIMessage(f"{spec} declined to answer: {refusal or words or 'it gave no reason'}", id=said.id)
    if not words:
        raise ModelError(f"{spec} answered with nothing: ask again, or in other words")
    early = about.get("finish_reason") == "length" or about.get("stop_reason") == "max_tokens"
    return said.model_copy(update={"content": words + CUT}) if early else said


def _told_off(said: AIMessage) -> list[BaseMessage]:
    """A reply whose calls are no JSON, as a model may read it again, and what was wrong."""
    wrong = "; ".join(f"{call['name']}: {str(call['args'])[:200]}" for call in said.invalid_tool_calls)
    return [
        AIMessage(str(said.text) or "(a tool call)"),
        HumanMessage(f"That call could not be read: its arguments are no JSON object ({wrong}). Call the tool again."),
    ]


def _shortened(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The system prompt and the last turn, with long results cut: for a model whose context is full."""
    last = max(i for i, m in enumerate(messages) if isinstance(m, HumanMessage))
    kept = [m for m in messages[:1] if isinstance(m, SystemMessage)] + messages[last:]
    return [_cut(m) if isinstance(m, ToolMessage) else m for m in kept]


def _cut(message: ToolMessage) -> ToolMessage:
    text = str(message.content)
    if len(text) <= KEPT_LETTERS:
        return message
    return message.model_copy(update={"content": f"{text[:KEPT_LETTERS]}\n(... cut: the evidence has all of it)"})
