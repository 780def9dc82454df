"""What happens when a person types, answers, presses stop, or comes back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from agent.conversation import Event, Question, Spent
from evidence.errors import NotYours
from target import turn
from ui import panels, render
from ui.session import House, new_person, new_thread
from ui.shown import Shown

Session = dict[str, Any]
Messages = list[render.Message]
Changes = tuple[Any, ...]

TURN = (
    "shown",
    "box",
    "session",
    "target",
    "question",
    "wording",
    *panels.BUTTONS,
    "cut_off",
    "hint",
    "ask",
    "stop",
    "state",
)
"""The parts of the page that a turn changes, in the order in which its handlers return them."""
EVIDENCE = ("chosen", "empty", "figure", "detail")
WELCOME = "### What would you like to see inside?\nTry one of the questions below, or ask in your own words."
RESTORING = "Restoring the conversation …"
STILL_OPENING = "One moment: the conversation is still being restored. Ask again when it is there."
STILL_ANSWERING = "I am still answering. Press Enter again to stop that and ask this in its place, or wait."
STILL_ENDING = "The answer you asked for before is still being ended …"
NOTHING_TYPED = "Type a question first, or choose one below."
PATIENCE_SECONDS = 1.0
"""How long a new message waits for a turn that is about to end, before it is handed back."""


def changes(names: tuple[str, ...], **new: Any) -> Changes:
    """The new values of some parts of the page; the others stay as they are."""
    assert new.keys() <= set(names), f"no such part: {new.keys() - set(names)}"
    return tuple(new.get(name, gr.skip()) for name in names)


class Chat:
    """The handlers of one page, bound to the house."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def send_typed(self, text: str, shown: Messages, session: Session, target: str) -> AsyncIterator[Changes]:
        """Stream the turn of what was typed; a message that cannot be taken now stays in the box."""
        if not text.strip():
            yield changes(TURN, hint=NOTHING_TYPED)
            return
        insists = self._insists(text, session)
        if insists:
            self.stop(session)
            await self._until_ended(session)
        async for update in self.send(text, shown, session, target, box="", late=insists):
            yield update

    def _insists(self, text: str, session: Session) -> bool:
        """Whether the same message was handed back just now because a turn runs: then it takes that turn's place."""
        thread, insisted = session.get("thread", ""), self.house.handed_back
        again = self._answers(thread) and insisted.pop(thread, None) == text
        if self._answers(thread) and not again:
            insisted[thread] = text
        return again

    async def _until_ended(self, session: Session) -> None:
        while self._answers(session["thread"]):
            await asyncio.sleep(0.05)

    async def send(
        self, text: str, shown: Messages, session: Session, target: str, *, box: str | None = None, late: bool = False
    ) -> AsyncIterator[Changes]:
        """Stream one turn, or say why it has to wait; `late` when another has run since it was sent."""
        late = late or self._answers(session.get("thread", ""))
        if hint := await self._not_now(session):
            yield changes(TURN, hint=hint)
            return
        if late:  # what the page shows was handed over before the turn that ran until now had ended
            shown, session = await self._told(session)
        shown, session = [*shown, render.person(text)], {**session, "target": target}
        with self._running(session) as mine:
            yield self._begun(shown, session, box)
            await self.house.started.wait()
            if self.house.failed:
                yield changes(TURN, shown=[*shown, render.failure(self.house.status)])
            else:
                events = self.house.agent.send(
                    session["thread"], text, person=session["person"], target=target, asked=mine
                )
                async for update in self._follow(events, shown, session):
                    yield update
        yield self._ended(session)

    async def resume(self, shown: Messages, session: Session) -> AsyncIterator[Changes]:
        """Go on with a turn that was cut off."""
        if hint := await self._not_now(session):
            yield changes(TURN, hint=hint)
            return
        with self._running(session) as mine:
            yield self._begun(shown, session, None)
            events = self.house.agent.resume(session["thread"], person=session["person"], asked=mine)
            async for update in self._follow(events, shown, session):
                yield update
        yield self._ended(session)

    async def _not_now(self, session: Session) -> str:
        """Why a message cannot be taken now; empty when it can."""
        if not session.get("restored"):
            return STILL_OPENING
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while self._answers(session["thread"]):
            if asyncio.get_running_loop().time() > deadline:
                return STILL_ANSWERING
            await asyncio.sleep(0.05)
        return ""

    def _answers(self, thread: str) -> bool:
        return thread in self.house.running or self.house.agent.busy(thread)

    @contextmanager
    def _running(self, session: Session) -> Iterator[turn.Turn]:
        """Keep the turn where stop can find it."""
        mine, thread = turn.Turn(owner=f"{session['person']}/{session['thread']}"), session["thread"]
        self.house.running[thread] = mine
        self.house.handed_back.pop(thread, None)
        try:
            yield mine
        finally:
            del self.house.running[thread]

    async def _follow(self, events: AsyncIterator[Event], shown: Messages, session: Session) -> AsyncIterator[Changes]:
        turn_shown = Shown(shown)
        async for event in events:
            if isinstance(event, Spent):
                session["spent"] = event.text
            turn_shown.add(event)
            session |= turn_shown.changes
            found = {"target": session["target"]} if "target" in turn_shown.changes else {}
            asked: dict[str, Any] = {}
            if isinstance(event, Question):
                session["asked"], asked = event.kind, panels.question(event.kind)
            yield changes(TURN, shown=turn_shown.messages, session=session, **asked, **found)

    def _begun(self, shown: Messages, session: Session, box: str | None) -> Changes:
        hidden, typed = gr.update(visible=False), {} if box is None else {"box": box}
        # Hidden only when shown: two changes of visibility within a moment may reach the page in the wrong order.
        asked = panels.question(None) if session.pop("asked", None) else {}
        return changes(TURN, shown=shown, session=session, cut_off=hidden, **asked, **typed, **self._buttons(session))

    def _ended(self, session: Session) -> Changes:
        asked = panels.question(session["asked"]) if session.get("asked") else {}
        return changes(TURN, **asked, **self._buttons(session))

    def _buttons(self, session: Session) -> dict[str, Any]:
        """While a turn runs there is Stop in the place of Ask."""
        running = session["thread"] in self.house.running
        return {
            "hint": "",
            "ask": gr.update(visible=not running),
            "stop": gr.update(visible=running, value="Stop", interactive=True),
            "state": panels.state(self.house, session),
        }

    def stop(self, session: Session) -> Any:
        """Ask the running turn to end; what was measured is kept."""
        if running := self.house.running.get(session.get("thread", "")):
            running.stop.set()
            return gr.update(value="Stopping …", interactive=False)
        return gr.skip()

    def greet(self, browser: Session | None, width: float | None) -> tuple[Session, Session, Any, Any]:
        """A page was opened: who is it, and how wide may a figure be?"""
        known = browser or new_person()
        session = {**known, "target": self.house.target, "width": int(width or 0), "restored": browser is None}
        placeholder = RESTORING if browser else WELCOME
        return session, known, gr.update(placeholder=placeholder), gr.update(interactive=True, autofocus=True)

    async def come_back(self, session: Session) -> AsyncIterator[Changes]:
        """Show the conversation that this browser had, once the stores are open."""
        if session["restored"]:
            yield changes(TURN)
            return
        await self.house.started.wait()
        if self.house.failed:
            yield changes(TURN, shown=gr.update(placeholder="The conversation cannot be restored now."))
            return
        session = await self._own(session)
        thread = session["thread"]
        if self.house.agent.busy(thread):  # the page went away in the middle: the turn is being stopped, or goes on
            yield await self._restored(session, hint=STILL_ENDING)
            await self.house.agent.settled(thread)
        yield await self._restored({**session, "restored": True})

    async def _own(self, session: Session) -> Session:
        """The session as it is kept in the browser, with a new conversation where it names somebody else's."""
        try:
            await self.house.agent.admit(session["thread"], session["person"])
        except NotYours:
            return {**session, "thread": new_thread()}
        return session

    async def _restored(self, session: Session, hint: str = "") -> Changes:
        agent, thread = self.house.agent, session["thread"]
        shown, session = await self._told(session)
        waiting = await agent.waiting(thread)
        if waiting:
            shown.append(render.question(waiting))
        cut_off = await agent.unfinished(thread) and not agent.busy(thread)
        target = await agent.target(thread) or session["target"]
        return changes(
            TURN,
            shown=gr.update(value=shown, placeholder=WELCOME),
            session={**session, "target": target, "asked": waiting.kind if waiting else None},
            target=target,
            **panels.question(waiting.kind if waiting else None),
            cut_off=gr.update(visible=cut_off),
            hint=hint,
        )

    async def _told(self, session: Session) -> tuple[Messages, Session]:
        """The conversation as it is kept: its messages, and its newest evidence."""
        thread = session["thread"]
        names = self.house.agent.ledger.names(thread)
        shown = [render.earlier(part) for part in await self.house.agent.story(thread)]
        return shown, {**session, "evidence": names[-1] if names else None}

    def start_over(self, session: Session) -> Changes:
        """A new conversation of the same person; a running turn is stopped, the old one stays on disk."""
        self.stop(session)
        fresh = {**session, "thread": new_thread(), "evidence": None, "restored": True, "asked": None}
        hidden = gr.update(visible=False)
        begun = changes(TURN, shown=[], session=fresh, question=hidden, cut_off=hidden, box="", **self._buttons(fresh))
        return *begun, {"person": fresh["person"], "thread": fresh["thread"]}

    def show_evidence(self, session: Session) -> Changes:
        """The newest evidence: figure, detail and the list to choose from."""
        name = session.get("evidence")
        chosen = gr.update(choices=panels.choices(self.house, session), value=name, visible=bool(name))
        return changes(EVIDENCE, chosen=chosen, **panels.evidence(self.house, session, name))

    def open_citation(self, clicked: str, session: Session) -> Changes:
        """A citation was clicked, or the undo of a note."""
        name = clicked.split(" ")[0]
        if name.startswith("undo-"):
            if self.house.agent.memory:
                self.house.agent.memory.delete(session["person"], name.removeprefix("undo-"))
            return changes(EVIDENCE)
        return self.show_evidence({**session, "evidence": name})

    def open_evidence(self, name: str | None, session: Session) -> Changes:
        """An evidence was chosen from the list."""
        return changes(EVIDENCE, **panels.evidence(self.house, session, name))

    async def choose(
        self, shown: Messages, session: Session, target: str, event: gr.SelectData
    ) -> AsyncIterator[Changes]:
        """One of the answers under a check question was pressed."""
        async for update in self.send(str(event.value), shown, session, target):
            yield update
