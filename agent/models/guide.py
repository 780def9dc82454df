"""The guide: a chat model that needs no LLM. It understands by meaning, plans tool calls, writes from evidence.

What it knows of the conversation is what any chat model gets: the messages, and the situation in the
system message's `additional_kwargs`. When it is unsure it asks; what it cannot do it says.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from agent.models import Read, writing
from agent.router import Route, Slots, router
from agent.situation import Situation, of_messages

HELP_LLM = (
    "I am the built-in guide and work without a language model, so my range is small. For open questions start the page with "
    "`--agent openai:MODEL` (or another provider) and your key in the environment."
)


@dataclass(frozen=True)
class Past:
    """What happened in the conversation before this utterance."""

    evidence: list[str]
    """Ids in order."""
    calls: list[dict[str, Any]]
    """Tool calls in order, each {"name", "args"}."""
    thread: str

    @property
    def last_call(self) -> dict[str, Any] | None:
        return self.calls[-1] if self.calls else None


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

    def _next(self, messages: list[BaseMessage]) -> AIMessage:
        situation = of_messages(messages)
        asked_at = max(
            i for i, m in enumerate(messages) if isinstance(m, HumanMessage) and not m.additional_kwargs.get("repair")
        )
        results = [m for m in messages[asked_at + 1 :] if isinstance(m, ToolMessage)]
        if results:
            return AIMessage(self._report(results, situation))
        utterance = str(messages[asked_at].content)
        route = router(self.embedding_name).route(utterance, situation.targets)
        return self._answer(utterance, route, _past(messages[:asked_at], situation.thread), situation)

    def _report(self, results: list[ToolMessage], situation: Situation) -> str:
        parts = []
        for result in results:
            if result.status == "error":
                parts.append(f"That did not work:\n\n> {result.content}")
            else:
                name = result.artifact["evidence"]
                parts.append(writing.findings(name, self.read(situation.thread, name)))
        if situation.prediction:
            parts.insert(0, situation.prediction)
        return "\n\n".join(parts)

    def _answer(self, utterance: str, route: Route, past: Past, situation: Situation) -> AIMessage:
        slots = route.slots
        if slots.unknown_target:
            return AIMessage(
                f"I know no target called `{slots.unknown_target}`. The picker has them all, for example `{situation.target}`. Which one do you mean?"
            )
        if route.hopeless or route.intent == "out_of_scope":
            return AIMessage(_cannot())
        if not route.sure and not (slots.target or slots.layers or slots.text):
            return AIMessage(_unsure(route))
        handler = getattr(self, f"_on_{route.intent}", None)
        return handler(utterance, slots, past, situation) if handler else AIMessage(_cannot())

    def _on_elicit_secret(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return _call("elicit_secret", {"target": slots.target or situation.target})

    def _on_logit_lens(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        arguments: dict[str, Any] = {"target": slots.target or situation.target}
        text = slots.text or _last_argument(past, "logit_lens", "text") or _last_argument(past, "ask", "message")
        if text:
            arguments["text"] = text
        if slots.layers:
            arguments["layers"] = list(slots.layers)
        return _call("logit_lens", arguments)

    def _on_ask(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        text = slots.text or _last_argument(past, "ask", "message")
        if not text:
            return AIMessage(
                'What should I say to it? Put the message in quotes, for example: `ask it "what is a fox?"`.'
            )
        arguments: dict[str, Any] = {"target": slots.target or situation.target, "message": text}
        if "base" in utterance.lower() or "compare" in utterance.lower():
            arguments["other"] = situation.base
        return _call("ask", arguments)

    def _on_compare(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        last = past.last_call
        if last and last["name"] == "ask" and not slots.text:
            return _call("ask", {**last["args"], "other": situation.base})
        if past.evidence and not slots.text:
            name = past.evidence[-1]
            said = writing.comparison(name, self.read(situation.thread, name))
            return AIMessage(said or f"[{name}] has no base beside it: ask again with another target.")
        return _call(
            "ask",
            {
                "target": slots.target or situation.target,
                "message": slots.text or "give me a hint.",
                "other": situation.base,
            },
        )

    def _on_why(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        if not past.evidence:
            return AIMessage(
                "I have measured nothing yet, so I believe nothing yet. Ask me, for example, what word the target hides."
            )
        name = past.evidence[-1]
        return AIMessage(writing.reasons(name, self.read(situation.thread, name)))

    def _on_explain(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(writing.explained(utterance))

    def _on_help(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(writing.overview(_summaries(), situation.targets, situation.target))

    def _on_belief(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(
            "I noted that as your belief; the memory panel shows it and lets you delete it. Shall I test it? Ask me what the target hides."
        )

    def _on_preference(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage("I noted that as your preference; the memory panel shows it and lets you delete it.")

    def _on_memory(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        if not situation.notes:
            return AIMessage("I remember nothing about you yet. I keep what you state or predict, and only that.")
        return AIMessage(
            "This is what I remember, in your words:\n\n"
            + "\n".join(f"> {line}" for line in situation.notes.splitlines())
        )

    def _on_smalltalk(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(
            f"Hello. I can look inside `{situation.target}` for you: ask what word it hides, or `what can you do?`."
        )

    def _on_out_of_scope(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(_cannot())


def _summaries() -> dict[str, str]:
    from tools import TOOLS

    return {name: tool.summary for name, tool in TOOLS.items()}


def _call(name: str, arguments: dict[str, Any]) -> AIMessage:
    return AIMessage(
        content="",
        tool_calls=[{"name": name, "args": arguments, "id": f"call_{uuid.uuid4().hex[:12]}", "type": "tool_call"}],
    )


def _cannot() -> str:
    return f"I cannot do that. I look inside language models: I can ask a target, read its layers, and search for a hidden word. {HELP_LLM}"


def _unsure(route: Route) -> str:
    choices = " or ".join(
        dict.fromkeys(_PLAIN.get(name, f"use {name.replace('_', ' ')}") for name in (route.intent, route.second))
    )
    return f"I am not sure what you want. Should I {choices}? Say it in a few other words."


_PLAIN = {
    "help": "tell you what I can do",
    "why": "explain why I concluded that",
    "explain": "explain a term",
    "compare": "compare with the base",
    "belief": "note what you believe",
    "preference": "note what you prefer",
    "memory": "tell you what I remember",
    "smalltalk": "just say hello",
    "out_of_scope": "do something I have no tool for",
    "ask": "put a message to the target",
    "logit_lens": "show what its layers say",
    "elicit_secret": "search for a hidden word",
}


def _last_argument(past: Past, tool: str, argument: str) -> str | None:
    return next(
        (call["args"][argument] for call in reversed(past.calls) if call["name"] == tool and argument in call["args"]),
        None,
    )


def _past(messages: list[BaseMessage], thread: str) -> Past:
    calls = [{"name": c["name"], "args": c["args"]} for m in messages if isinstance(m, AIMessage) for c in m.tool_calls]
    evidence = [
        m.artifact["evidence"] for m in messages if isinstance(m, ToolMessage) and m.status == "success" and m.artifact
    ]
    return Past(evidence, calls, thread)
