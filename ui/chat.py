"""What happens when a person types, answers, presses stop, or comes back."""

from collections.abc import AsyncIterator
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
        """Stream one turn: (messages, text box, session, question row, question, target)."""
        shown = [*shown, render.person(text)]
        yield self._update(shown, session, box="")
        await self.house.started.wait()
        if self.house.failed:
            yield self._update([*shown, render.failure(self.house.status)], session)
            return
        mine = turn.Turn(owner=f"{session['person']}/{session['thread']}")
        self.house.running[session["thread"]] = mine
        try:
            events = self.house.agent.send(session["thread"], text, person=session["person"], target=target, asked=mine)
            async for update in self._follow(events, shown, session):
                yield update
        finally:
            self.house.running.pop(session["thread"], None)

    async def resume(self, shown: Messages, session: Session) -> AsyncIterator[tuple[Any, ...]]:
        """Go on with a turn that was cut off."""
        events = self.house.agent.resume(session["thread"], person=session["person"])
        async for update in self._follow(events, shown, session):
            yield update

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

    async def come_back(self, browser: Session | None) -> tuple[Any, ...]:
        """A page was opened: find the person and their conversation again."""
        session: Session = {**(browser or new_person())}
        if not self.house.started.is_set() or self.house.failed:
            return [], session, _kept(session), gr.update(visible=False), gr.update(visible=False)
        history = await self.house.agent.history(session["thread"])
        shown = [render.person(text) if who == "person" else render.assistant(text) for who, text in history]
        names = self.house.agent.ledger.names(session["thread"])
        session["evidence"] = names[-1] if names else None
        waiting = await self.house.agent.waiting(session["thread"])
        if waiting:
            shown.append(render.assistant(f"**{waiting.text}**", citations=False))
        unfinished = await self.house.agent.unfinished(session["thread"])
        return shown, session, _kept(session), gr.update(visible=waiting is not None), gr.update(visible=unfinished)

    def start_over(self, session: Session) -> tuple[Any, ...]:
        """A new conversation of the same person; the old one stays on disk."""
        fresh = {"person": session["person"], "thread": new_thread()}
        return [], fresh, _kept(fresh), gr.update(visible=False), gr.update(visible=False)

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


def _kept(session: Session) -> Session:
    """What a browser keeps between visits."""
    return {"person": session["person"], "thread": session["thread"]}
