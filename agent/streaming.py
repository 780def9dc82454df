"""What LangGraph streams of a turn, as events for a person."""

from typing import Any

from agent.events import Aside, Event, Noted, Notice, Step, Words, ended_as


class Heard:
    """Translates the stream; remembers which tool a step belongs to."""

    def __init__(self) -> None:
        self._steps: dict[str, str] = {}

    def events(self, mode: str, chunk: Any) -> list[Event]:
        """The events of one piece of the stream."""
        if mode == "messages":
            message, metadata = chunk
            if metadata.get("langgraph_node") == "think" and message.type == "AIMessageChunk" and message.text:
                return [Words(str(message.text))]
            return []
        if mode != "custom":
            return []
        if "notice" in chunk:
            return [Notice(chunk["notice"])]
        if "aside" in chunk:
            return [Aside(chunk["aside"])]
        if "noted" in chunk:
            return [Noted(chunk["noted"], chunk["kind"], chunk["text"])]
        return [self._step(chunk)]

    def _step(self, chunk: dict[str, Any]) -> Step:
        if "tool" in chunk:
            self._steps[chunk["step"]] = chunk["tool"]
        tool = self._steps.get(chunk["step"], "")
        if "done" in chunk:
            evidence = (chunk["evidence"] or {}).get("evidence")
            return Step(
                chunk["step"],
                tool,
                status=ended_as(chunk["done"], chunk["detail"]),
                detail=chunk["detail"],
                evidence=evidence,
            )
        return Step(chunk["step"], tool, chunk.get("arguments", {}), chunk.get("progress", ""), chunk.get("share"))
