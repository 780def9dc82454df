"""A chat model that replays a list of messages and complains about leftovers: for tests and recorded sessions."""

import json
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from evidence.errors import ModelError


class Scripted(BaseChatModel):
    """Replies with its steps in order; `seen` records what it was shown."""

    steps: list[AIMessage]
    seen: list[list[BaseMessage]] = Field(default_factory=list)

    @classmethod
    def from_file(cls, path: str) -> "Scripted":
        """Steps from a JSON list of {"content": ..., "tool_calls": [...]}."""
        try:
            rows = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"the script {path!r} cannot be read: give a JSON list of messages ({error})") from error
        return cls(
            steps=[AIMessage(content=row.get("content", ""), tool_calls=row.get("tool_calls", [])) for row in rows]
        )

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """The script decides which tools are called."""
        return self

    def assert_used_up(self) -> None:
        """Every step was played: what a test says at its end."""
        assert not self.steps, f"{len(self.steps)} steps of the script were never reached"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.seen.append(list(messages))
        if not self.steps:
            raise ModelError("the script has no step left for this turn: add one")
        return ChatResult(generations=[ChatGeneration(message=self.steps.pop(0))])
