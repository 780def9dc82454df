"""The guide: a chat model that needs no LLM. It understands by meaning, plans tool calls, writes from evidence.

What it knows of the conversation is what any chat model gets: the messages, and the situation in the
system message's `additional_kwargs`. When it is unsure it asks; what it cannot do it says.
"""

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from agent.events import NOT_RUN
from agent.models import Read, writing
from agent.models.decisions import CANNOT, Decision, decide
from agent.models.plans import Call, Past
from agent.models.summing_up import in_short
from agent.models.talk import Asked, answered, words_for
from agent.requested import latest, requests, waiting
from agent.situation import Situation, of_messages
from agent.understanding.router import Route, router
from evidence import Evidence


class Guide(BaseChatModel):
    """Plans one step at a time: either tool calls, or words."""

    read: Read
    embedding_name: str

    @property
    def _llm_type(self) -> str:
        return "guide"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """It knows the tools by their declarations."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        said = self._next(messages)
        if said.tool_calls:
            yield ChatGenerationChunk(
                message=AIMessageChunk(content="", tool_calls=said.tool_calls, additional_kwargs=said.additional_kwargs)
            )
            return
        for word in str(said.content).split(" "):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=word + " "))
            if run_manager:
                run_manager.on_llm_new_token(word + " ", chunk=chunk)
            yield chunk
        if said.additional_kwargs:  # what a question back is about, for the next turn
            yield ChatGenerationChunk(message=AIMessageChunk(content="", additional_kwargs=said.additional_kwargs))

    def _next(self, messages: list[BaseMessage]) -> AIMessage:
        situation = of_messages(messages)
        asked_at = max(
            i for i, m in enumerate(messages) if isinstance(m, HumanMessage) and not m.additional_kwargs.get("repair")
        )
        since = messages[asked_at + 1 :]
        if results := [m for m in since if isinstance(m, ToolMessage)]:
            open_ = [str(m.additional_kwargs["open"]) for m in since if m.additional_kwargs.get("open")]
            together = latest(requests(messages))  # also what a plan gave before it was stopped and gone on with
            return AIMessage("\n\n".join([self._report(results, situation, together), *open_]))
        utterance = str(messages[asked_at].content)
        past = self._with_named(utterance, _past(messages[:asked_at]), situation)
        asked = Asked(utterance, past, situation, self._evidence(situation))
        if situation.shows and past.pending is None:
            return AIMessage(answered(asked))
        decision = decide(utterance, past, situation, self._read(situation))
        if decision.calls:
            return _calling(decision, str(messages[asked_at].id))
        if words := decision.ask or decision.cannot:
            return AIMessage(words, additional_kwargs=_pending(decision))
        answer = words_for.get(decision.intent)
        return AIMessage(answer(asked) if answer else CANNOT)

    def _with_named(self, utterance: str, past: Past, situation: Situation) -> Past:
        """What happened before, with the evidence that a message names and that the messages no longer reach back to."""
        named = [
            one for one in re.findall(r"\bE\d+\b", utterance) if one in situation.evidence and one not in past.made_by
        ]
        stamps = {one: stamp for one in named if (stamp := self.read(situation.thread, one).provenance)}
        calls = {one: {"name": p.tool, "args": {**p.arguments, "target": p.target}} for one, p in stamps.items()}
        measured = {one: p.tool for one, p in stamps.items()} | past.measured
        return replace(past, made_by=calls | past.made_by, measured=measured)

    def _read(self, situation: Situation) -> Callable[[str], Route]:
        return lambda said: router(self.embedding_name).route(said, situation.targets)

    def _evidence(self, situation: Situation) -> Callable[[str], Evidence]:
        return lambda name: self.read(situation.thread, name)

    def _report(self, results: list[ToolMessage], situation: Situation, together: Sequence[str]) -> str:
        parts, found = [], []
        for result in results:
            if str(result.content).startswith(NOT_RUN):
                parts.append(f"`{result.name}` was {result.content}.")
            elif result.status == "error" and str(result.content).startswith("stopped"):
                parts.append(f"Stopped: {result.content}.")
            elif result.status == "error":
                parts.append(f"That did not work:\n\n> {result.content}")
            else:
                found.append(str(result.artifact["evidence"]))
                parts.append(writing.findings(found[-1], self.read(situation.thread, found[-1])))
        read_all = [(name, self.read(situation.thread, name)) for name in together if found]
        if short := in_short(read_all):
            parts.insert(0, short)
        if situation.prediction:
            parts.insert(0, situation.prediction)
        return "\n\n".join(parts)


def _past(messages: list[BaseMessage]) -> Past:
    asked = requests(messages)
    last = next((m for m in reversed(messages) if isinstance(m, AIMessage)), None)
    waits = last.additional_kwargs.get("pending") if last else None
    made_by = {name: call for one in asked for name, call in one.made.items()}
    return Past(
        measured={name: call["name"] for name, call in made_by.items()},
        calls=[call for one in asked for call in one.calls],
        pending=Call(waits["tool"], waits["arguments"]) if waits else None,
        unfinished=asked[-1].left if asked else [],
        made_by=made_by,
        waiting=waiting(asked),
        request=asked[-1].wanted if asked else [],
        latest=latest(asked),
    )


def _pending(decision: Decision) -> dict[str, Any]:
    """What the question is about, for the next turn."""
    waits = decision.pending
    return {"pending": {"tool": waits.tool, "arguments": waits.arguments}} if waits else {}


def _calling(decision: Decision, turn: str) -> AIMessage:
    """The calls as a message; their ids follow from the turn, so that a turn done again asks for the same."""
    ids = [uuid.uuid5(uuid.NAMESPACE_OID, f"{turn} {number}").hex[:12] for number in range(len(decision.calls))]
    return AIMessage(
        content="",
        additional_kwargs={"open": decision.ask, **_pending(decision)} if decision.ask else {},
        tool_calls=[
            {"name": one.tool, "args": one.arguments, "id": f"call_{name}", "type": "tool_call"}
            for name, one in zip(ids, decision.calls, strict=True)
        ],
    )
