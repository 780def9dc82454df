"""The messages of a page while one turn streams in."""

from typing import Any

from agent.conversation import Answer, Aside, Event, Failure, Noted, Notice, Question, Step, Words
from ui import render


class Shown:
    """What is shown, event by event."""

    def __init__(self, messages: list[render.Message]) -> None:
        self.messages = list(messages)
        self.changes: dict[str, Any] = {}
        """What the turn changes in the session: the newest evidence, the target."""
        self._steps: dict[str, int] = {}
        self._draft: tuple[int, str] | None = None

    def add(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Step():
                self._add_step(event)
            case Words(text=words):
                self._add_words(words)
            case Answer(text=words, target=target):
                self._settle(render.assistant(words))
                self.changes = self.changes | {"target": target}
            case Aside(text=words):
                self.messages.append(render.aside(words))
            case Question():
                self._settle(render.question(event))
            case Noted():
                self.messages.append(render.noted(event))
            case Notice(text=words):
                self.messages.append(render.notice(words))
            case Failure(text=words):
                self._settle(render.failure(words))

    def _add_step(self, event: Step) -> None:
        self._draft = None
        if event.id not in self._steps:
            self._steps[event.id] = len(self.messages)
            self.messages.append({})
        place = self._steps[event.id]
        self.messages[place] = render.step(event, self.messages[place] or None)
        if event.evidence:
            self.changes = self.changes | {"evidence": event.evidence}

    def _add_words(self, words: str) -> None:
        place, said = self._draft or (len(self.messages), "")
        if self._draft is None:
            self.messages.append({})
        self._draft = (place, said + words)
        self.messages[place] = render.assistant(said + words, citations=False)

    def _settle(self, message: render.Message) -> None:
        """The final form of what was streamed takes the draft's place."""
        if self._draft is None:
            self.messages.append(message)
        else:
            self.messages[self._draft[0]] = message
            self._draft = None
