"""What happens when a person types, answers, presses stop, or comes back."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from agent.conversation import Answer, Event, Failure, Noted, Notice, Question, Step, Words
from target import turn
from ui import panels, render
from ui.session import House, new_person, new_thread

Session = dict[str, Any]
Messages = list[render.Message]


class Shown:
    """The messages of a page while one turn streams in."""

    def __init__(self, messages: Messages) -> None:
        self.messages = list(messages)
        self.changes: Session = {}
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
            case Question(text=words):
                self._settle(render.assistant(f"**{words}**", citations=False))
            case Noted(kind=kind, text=words):
                self.messages.append(render.notice(f"I noted your {kind}: {words} (the memory panel can delete it)"))
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


class Chat:
    """The handlers of one page, bound to the house."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def send(self, text: str, shown: Messages, session: Session, target: str) -> AsyncIterator[tuple[Any, ...]]:
        """Stream one turn: (messages, text box, session, question row, target)."""
        shown, session = [*shown, render.person(text)], {**session, "target": target}
        yield self._update(shown, session, box="")
        await self.house.started.wait()
        if self.house.failed:
            yield self._update([*shown, render.failure(self.house.status)], session)
            return
        with self._running(session) as mine:
            thread, person = session["thread"], session["person"]
            events = self.house.agent.send(thread, text, person=person, target=target, asked=mine)
            async for update in self._follow(events, shown, session):
                yield update

    async def resume(self, shown: Messages, session: Session) -> AsyncIterator[tuple[Any, ...]]:
        """Go on with a turn that was cut off."""
        with self._running(session) as mine:
            events = self.house.agent.resume(session["thread"], person=session["person"], asked=mine)
            async for update in self._follow(events, shown, session):
                yield update

    @contextmanager
    def _running(self, session: Session) -> Iterator[turn.Turn]:
        """Keep the turn where stop can find it."""
        mine, thread = turn.Turn(owner=f"{session['person']}/{session['thread']}"), session["thread"]
        self.house.running.setdefault(thread, mine)
        try:
            yield mine
        finally:
            if self.house.running.get(thread) is mine:
                del self.house.running[thread]

    async def _follow(
        self, events: AsyncIterator[Event], shown: Messages, session: Session
    ) -> AsyncIterator[tuple[Any, ...]]:
        turn_shown = Shown(shown)
        async for event in events:
            turn_shown.add(event)
            session = session | turn_shown.changes
            question = event if isinstance(event, Question) else None
            yield self._update(turn_shown.messages, session, question=question)

    def _update(
        self, shown: Messages, session: Session, *, box: Any = None, question: Question | None = None
    ) -> tuple[Any, ...]:
        target = gr.update(value=session["target"]) if session.get("target") else gr.update()
        text = gr.update() if box is None else gr.update(value=box)
        return shown, text, session, gr.update(visible=question is not None), target

    def stop(self, session: Session) -> None:
        """Ask the running turn to end; what was measured is kept."""
        if running := self.house.running.get(session["thread"]):
            running.stop.set()

    def greet(self, browser: Session | None) -> tuple[Session, Session]:
        """A page was opened: who is it?"""
        session = browser or new_person()
        return {**session, "target": self.house.target}, session

    async def come_back(self, session: Session) -> tuple[Any, ...]:
        """Show the conversation that this browser had, once the stores are open."""
        await self.house.started.wait()
        hidden = gr.update(visible=False)
        if self.house.failed:
            return [], session, hidden, hidden, gr.update()
        agent, thread = self.house.agent, session["thread"]
        shown = [render.person(t) if who == "person" else render.assistant(t) for who, t in await agent.history(thread)]
        waiting = await agent.waiting(thread)
        if waiting:
            shown.append(render.assistant(f"**{waiting.text}**", citations=False))
        names = agent.ledger.names(thread)
        target = await agent.target(thread) or session["target"]
        session = {**session, "evidence": names[-1] if names else None, "target": target}
        asked, cut_off = gr.update(visible=waiting is not None), gr.update(visible=await agent.unfinished(thread))
        return shown, session, asked, cut_off, gr.update(value=target)

    def start_over(self, session: Session) -> tuple[Any, ...]:
        """A new conversation of the same person; a running turn is stopped, the old one stays on disk."""
        self.stop(session)
        fresh = {"person": session["person"], "thread": new_thread()}
        hidden = gr.update(visible=False)
        return [], {**fresh, "target": session["target"]}, fresh, hidden, hidden

    def show_evidence(self, session: Session) -> tuple[Any, ...]:
        """The newest evidence: figure, detail and the list to choose from."""
        thread, name = session["thread"], session.get("evidence")
        names = self.house.agent.ledger.names(thread) if self.house.started.is_set() and not self.house.failed else []
        return (
            panels.figure(self.house, thread, name),
            panels.detail(self.house, thread, name),
            gr.update(choices=names, value=name),
        )

    def open_citation(self, clicked: str, session: Session) -> tuple[Any, ...]:
        """A citation was clicked."""
        name = clicked.split(" ")[0]
        return self.show_evidence({**session, "evidence": name})

    def open_evidence(self, name: str | None, session: Session) -> tuple[Any, Any]:
        """An evidence was chosen from the list."""
        return panels.figure(self.house, session["thread"], name), panels.detail(self.house, session["thread"], name)

    def show_notes(self, session: Session) -> tuple[Any, Any]:
        text, choices = panels.notes(self.house, session["person"])
        return text, gr.update(choices=choices, value=None)

    def delete_note(self, note_id: str | None, session: Session) -> tuple[Any, Any]:
        if note_id and self.house.agent.memory:
            self.house.agent.memory.delete(session["person"], note_id)
        return self.show_notes(session)

    def forget_notes(self, session: Session) -> tuple[Any, Any]:
        if self.house.agent.memory:
            self.house.agent.memory.forget(session["person"])
        return self.show_notes(session)
