"""What code answers at once, whichever voice speaks: an answer in a quiz, taking a note back, another target, the meeting note."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

from agent.events import told
from agent.export.conversation import Conversation
from agent.export.note import note
from agent.ledger import Ledger
from agent.memory import Memory
from agent.notes import Note
from agent.quizzing import Quizzes
from agent.state import State, last_said
from agent.understanding.router import Route
from target.spec import trained

_TURN = re.compile(
    r"^\W*(?:(?:please|now|ok|okay|let'?s|never ?mind|can we|could you)[ ,]+)*(?:switch|change|go|move|turn)(?: over| back)? to (?:the )?"
    r"(?:target |model )?(?P<what>[\w@.-]*\w)(?: (?:now|instead|please))?\W*$",
    re.IGNORECASE,
)
_UNDO = re.compile(
    r"^\W*(?:please )?(?:undo|take (?:that|it) back|un-?note (?:that|it)|don'?t note that)(?: (?:that|it|this|the last (?:one|note)))?\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Directly:
    """Reads what a conversation has, and takes back what was noted last where that is asked for."""

    ledger: Ledger
    memory: Memory | None
    read: Callable[[str], Route]

    @property
    def quizzes(self) -> Quizzes:
        return Quizzes(self.ledger.all)

    def answered(self, state: State) -> dict[str, Any]:
        """What changes where code alone answers the message; nothing where a voice has to."""
        return self._turned(state) or self.quizzes.answered(state) or self._undone(state) or self._written(state)

    def _turned(self, state: State) -> dict[str, Any]:
        """Another target from now on, where that is all that is asked for."""
        m = _TURN.match(str(last_said(state).content))
        own = next((name for name in trained() if m and name.lower() == m["what"].lower()), None)
        named = own or (self.read(m["what"]).slots.target if m else None)
        if not named:
            return {}
        return _answer(f"Now we look at `{named}`: what you ask from here on is of it.") | {"target": named}

    def _undone(self, state: State) -> dict[str, Any]:
        if not self.memory or not _UNDO.match(str(last_said(state).content)):
            return {}
        mine = self._notes(state)
        if not mine:
            return _answer("There is nothing to take back: I noted nothing in this conversation.")
        last = [note for note in mine if note.turn == mine[0].turn]
        self.memory.delete(state["person"], *(note.id for note in last))
        return _answer(
            "Taken back, as if it had never been noted: " + "; ".join(f"“{note.text}”" for note in last) + "."
        )

    def _written(self, state: State) -> dict[str, Any]:
        route = self.read(str(last_said(state).content))
        if route.intent != "note" or not route.sure:
            return {}
        mine = self._notes(state)
        rounds = state.get("rounds") or []
        words = note(
            Conversation(state["thread"], told(state["messages"]), self.ledger.all(state["thread"]), mine, rounds)
        )
        return _answer(words)

    def _notes(self, state: State) -> list[Note]:
        """What was noted of the person in this conversation, the newest first."""
        notes = self.memory.all(state["person"]) if self.memory else []
        return [one for one in notes if one.thread == state["thread"]]


def _answer(words: str) -> dict[str, Any]:
    return {"answer": words, "messages": [AIMessage(words)]}
