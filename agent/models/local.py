"""A local chat model through transformers: its own chat template, its own form of tool calls, words as they come."""

import json
import re
import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

from evidence.errors import ModelError
from target import turn

MOST_NEW_TOKENS = 512
_CALLS = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|$)|\[TOOL_CALLS\]\s*(\[.*?\])\s*$", re.DOTALL)
_MARKS = ("<tool_call>", "[TOOL_CALLS]", "{")
"""How a reply, or the end of one, begins that is a tool call and no words."""


class Local(BaseChatModel):
    """A causal language model with a chat template that knows tools, loaded when it first speaks."""

    path: str
    tools: list[dict[str, Any]] = Field(default_factory=list)
    _loaded: Any = PrivateAttr(default=None)

    @property
    def _llm_type(self) -> str:
        return "hf"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "Local":
        """The same model, offered these tools."""
        bound = Local(path=self.path, tools=[convert_to_openai_tool(tool) for tool in tools])
        bound._loaded = self._parts()
        return bound

    def _parts(self) -> Any:
        """Tokenizer and model.

        Raises:
            ModelError: there is no such model here, or it cannot chat.
        """
        if self._loaded is None:
            from transformers import AutoModelForCausalLM, AutoTokenizer

            try:
                tokenizer = AutoTokenizer.from_pretrained(self.path)
                model = AutoModelForCausalLM.from_pretrained(self.path, use_safetensors=True).eval()
            except (OSError, ValueError) as error:
                raise ModelError(
                    f"'hf:{self.path}' could not be loaded ({' '.join(str(error).split())[:120]}): give a folder or a hub id that is here"
                ) from error
            if not tokenizer.chat_template:
                raise ModelError(f"'hf:{self.path}' has no chat template: choose a model that was made to chat")
            self._loaded = (tokenizer, model, threading.Lock())
        return self._loaded

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        whole: Any = None
        for chunk in self._stream(messages, stop, run_manager, **kwargs):
            whole = chunk if whole is None else whole + chunk
        said = whole.message
        return ChatResult(
            generations=[
                ChatGeneration(
                    message=AIMessage(
                        said.content,
                        tool_calls=said.tool_calls,
                        invalid_tool_calls=said.invalid_tool_calls,
                        usage_metadata=said.usage_metadata,
                        response_metadata=said.response_metadata,
                    )
                )
            ]
        )

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        tokenizer, _, _ = self._parts()
        prompt = tokenizer.apply_chat_template(
            [_as_dict(message) for message in messages],
            tools=self.tools or None,
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        read, reply, shown = int(prompt["input_ids"].shape[1]), "", 0
        for piece in self._pieces(prompt):
            reply += piece
            safe = _words(reply)
            if len(safe) > shown:
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=safe[shown:]))
                if run_manager:
                    run_manager.on_llm_new_token(safe[shown:], chunk=chunk)
                yield chunk
                shown = len(safe)
        yield ChatGenerationChunk(message=self._end(reply, shown, read))

    def _end(self, reply: str, shown: int, read: int) -> AIMessageChunk:
        """What is left of a reply: its tool calls, and what it cost."""
        written = len(self._parts()[0](reply, add_special_tokens=False)["input_ids"])
        good, bad = calls(reply)
        rest = "" if good or bad else reply[shown:]
        early = {"finish_reason": "length"} if written >= MOST_NEW_TOKENS else {"finish_reason": "stop"}
        chunks = [
            tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=number)
            for number, call in enumerate(good)
        ]
        said = AIMessageChunk(
            content=rest,
            tool_call_chunks=chunks,
            usage_metadata=UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written),
            response_metadata=early,
        )
        said.invalid_tool_calls = [
            invalid_tool_call(name="?", args=text, id=_id(), error="no JSON object with a name") for text in bad
        ]
        return said

    def _pieces(self, prompt: Any) -> Iterator[str]:
        """The reply as it is written; it ends early when the person presses stop."""
        from transformers import StoppingCriteriaList, TextIteratorStreamer

        tokenizer, model, lock = self._parts()
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        stopped = turn.current().stop
        failed: list[Exception] = []

        def write() -> None:
            try:
                with lock:
                    model.generate(
                        **prompt,
                        streamer=streamer,
                        max_new_tokens=MOST_NEW_TOKENS,
                        do_sample=False,
                        eos_token_id=model.generation_config.eos_token_id or tokenizer.eos_token_id,
                        pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
                        stopping_criteria=StoppingCriteriaList([lambda ids, scores: stopped.is_set()]),
                    )
            except (RuntimeError, ValueError, IndexError) as error:  # handed to the thread that waits for the words
                failed.append(error)
                streamer.end()

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        yield from streamer
        writer.join()
        if failed:
            raise ModelError(
                f"'hf:{self.path}' could not answer: {' '.join(str(failed[0]).split())[:160]}"
            ) from failed[0]


def calls(reply: str) -> tuple[list[Any], list[str]]:
    """The tool calls of a reply, and what looks like one and is none; the forms of Qwen and Hermes, Mistral, and bare JSON."""
    texts = [a or b for a, b in _CALLS.findall(reply)]
    if not texts and reply.strip().startswith("{"):
        texts = [reply.strip()]
    good, bad = [], []
    for text in texts:
        found = _parsed(text)
        good += [tool_call(name=name, args=args, id=_id()) for name, args in found or []]
        bad += [] if found else [text]
    return good, bad


def _parsed(text: str) -> list[tuple[str, dict[str, Any]]] | None:
    """Names and arguments; None when it is no JSON of that form."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        return None
    found = []
    for one in data if isinstance(data, list) else [data]:
        name = one.get("name") if isinstance(one, dict) else None
        arguments = one.get("arguments", one.get("parameters", {})) if isinstance(one, dict) else None
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return None
        found.append((name, arguments))
    return found


def _words(reply: str) -> str:
    """The part of an unfinished reply that is surely words."""
    if reply.lstrip().startswith("{"):
        return ""
    ends = [reply.find(mark) for mark in _MARKS[:2] if mark in reply]
    if ends:
        return reply[: min(ends)].rstrip()
    longest = max(len(mark) for mark in _MARKS)
    for size in range(min(longest, len(reply)), 0, -1):  # the beginning of a mark may still grow into one
        if any(mark.startswith(reply[-size:]) for mark in _MARKS[:2]):
            return reply[:-size]
    return reply


def _as_dict(message: BaseMessage) -> dict[str, Any]:
    """A message as chat templates read it."""
    role = {"human": "user", "ai": "assistant"}.get(message.type, message.type)
    found: dict[str, Any] = {"role": role, "content": str(message.text)}
    if isinstance(message, AIMessage) and message.tool_calls:
        found["tool_calls"] = [
            {"type": "function", "function": {"name": call["name"], "arguments": call["args"]}}
            for call in message.tool_calls
        ]
    return found | ({"name": message.name} if isinstance(message, ToolMessage) else {})


def _id() -> str:
    return f"call_{uuid.uuid4().hex[:12]}"
