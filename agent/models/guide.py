"""The guide: a chat model that needs no LLM. It understands by meaning, plans tool calls, writes from evidence.

What it knows of the conversation is what any chat model gets: the messages, and the situation in the
system message's `additional_kwargs`. When it is unsure it asks; what it cannot do it says.
"""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from agent.models import Read, plans, writing
from agent.models.plans import Past
from agent.router import Route, router
from agent.situation import Situation, of_messages
from agent.slots import Slots
from tools import FAMILIES, TOOLS

HELP_LLM = (
    "I am the built-in guide and work without a language model, so my range is small. For open questions start the page with "
    "`--agent openai:MODEL` (or another provider) and your key in the environment."
)


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
        utterance = str(messages[asked_at].content)
        if results:
            return AIMessage(self._report(results, situation) + _left_over(utterance))
        asked = _questions(utterance)[0]
        route = router(self.embedding_name).route(asked, situation.targets)
        answer = self._answer(asked, route, self._past(messages[:asked_at], situation.thread), situation)
        return answer if answer.tool_calls else AIMessage(str(answer.content) + _left_over(utterance))

    def _past(self, messages: list[BaseMessage], thread: str) -> Past:
        calls = [
            {"name": c["name"], "args": c["args"]} for m in messages if isinstance(m, AIMessage) for c in m.tool_calls
        ]
        evidence = [
            m.artifact["evidence"]
            for m in messages
            if isinstance(m, ToolMessage) and m.status == "success" and m.artifact
        ]
        return Past(evidence, calls, lambda name: self.read(thread, name))

    def _report(self, results: list[ToolMessage], situation: Situation) -> str:
        parts = []
        for result in results:
            if result.status == "error" and str(result.content).startswith("stopped"):
                parts.append(f"Stopped: {result.content}.")
            elif result.status == "error":
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
        named = slots.any and route.intent in TOOLS
        if not route.sure and (not named or route.second == "belief"):
            return AIMessage(_unsure(route))
        if route.intent in TOOLS:
            return _planned(plans.plan(route.intent, utterance, slots, past, situation))
        handler = getattr(self, f"_on_{route.intent}", None)
        return handler(utterance, slots, past, situation) if handler else AIMessage(_cannot())

    def _on_compare(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        if slots.other:
            return _planned(plans.plan("compare_targets", utterance, slots, past, situation))
        last = past.last_call
        if last and last["name"] == "ask" and not slots.text:
            return _call("ask", {**last["args"], "other": situation.base})
        if past.evidence and not slots.text:
            name = past.evidence[-1]
            said = writing.comparison(name, past.read(name))
            return AIMessage(said or f"[{name}] has no base beside it: ask again with another target.")
        return _planned(plans.plan("ask", f"compare {utterance}", slots, past, situation))

    def _on_again(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        if past.last_call is None:
            return AIMessage("There is nothing to go on with yet: ask, for example, `what can you do?`.")
        return _call(past.last_call["name"], past.last_call["args"])

    def _on_measured(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        if not situation.evidence:
            return AIMessage("Nothing has been measured yet in this conversation.")
        lines = [f"- [{name}] {past.read(name).title}" for name in situation.evidence]
        return AIMessage("So far I have measured:\n\n" + "\n".join(lines))

    def _on_forget(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(
            "I delete nothing by word of mouth. Open the memory panel: each note has its own delete, and "
            "`Forget everything` removes all of them for good."
        )

    def _on_withdraw(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(
            "From now on I ask again before anything that needs your permission. What was done stays in the audit log: "
            "`python -m agent audit show`."
        )

    def _on_why(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        if not past.evidence:
            return AIMessage(
                "I have measured nothing yet, so I believe nothing yet. Ask me, for example, what word the target hides."
            )
        name = past.evidence[-1]
        return AIMessage(writing.reasons(name, past.read(name)))

    def _on_explain(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(writing.explained(utterance))

    def _on_help(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(writing.overview(FAMILIES, situation.targets, situation.target))

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
        greeting = "You are welcome." if "thank" in utterance.lower() else "Hello."
        return AIMessage(
            f"{greeting} I can look inside `{situation.target}` for you: ask what word it hides, or `what can you do?`."
        )

    def _on_out_of_scope(self, utterance: str, slots: Slots, past: Past, situation: Situation) -> AIMessage:
        return AIMessage(_cannot())


def _call(name: str, arguments: dict[str, Any]) -> AIMessage:
    return AIMessage(
        content="",
        tool_calls=[{"name": name, "args": arguments, "id": f"call_{uuid.uuid4().hex[:12]}", "type": "tool_call"}],
    )


def _cannot() -> str:
    return f"I cannot do that. I look inside language models; `what can you do?` lists my tools. {HELP_LLM}"


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
    "again": "repeat the last experiment",
    "measured": "list what was measured",
    "forget": "delete what I remember",
    "withdraw": "take back your permission",
    "ask": "put a message to the target",
    "logit_lens": "show what its layers say",
    "elicit_secret": "search for a hidden word",
}


def _planned(made: plans.Call | plans.Question) -> AIMessage:
    return AIMessage(made.text) if isinstance(made, plans.Question) else _call(made.tool, made.arguments)


def _questions(utterance: str) -> list[str]:
    """The questions of an utterance that asks several, else the whole of it."""
    parts = [part.strip() for part in re.split(r"(?<=\?)\s+(?:and\s+)?(?=\w)", utterance.strip()) if part.strip()]
    quoted = utterance.count('"') + utterance.count("“")
    return parts if len(parts) > 1 and not quoted and all(part.endswith("?") for part in parts) else [utterance]


def _left_over(utterance: str) -> str:
    rest = _questions(utterance)[1:]
    said = "; ".join(f"“{part}”" for part in rest)
    return f"\n\nYou also asked {said}: I take one question at a time, please ask it again." if rest else ""
