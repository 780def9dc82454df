"""What code answers at once, whichever voice speaks: an answer in a quiz, and the meeting note."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

from agent.events import told
from agent.export.conversation import Conversation
from agent.export.note import note
from agent.ledger import Ledger
from agent.memory import Memory
from agent.quizzing import Quizzes
from agent.state import State, last_said
from agent.understanding.router import Route


@dataclass(frozen=True)
class Directly:
    """Reads what a conversation has; changes nothing."""

    ledger: Ledger
    memory: Memory | None
    read: Callable[[str], Route]

    @property
    def quizzes(self) -> Quizzes:
        return Quizzes(self.ledger.all)

    def answered(self, state: State) -> dict[str, Any]:
        """What changes where code alone answers the message; nothing where a voice has to."""
        return self.quizzes.answered(state) or self._noted(state)

    def _noted(self, state: State) -> dict[str, Any]:
        route = self.read(str(last_said(state).content))
        if route.intent != "note" or not route.sure:
            return {}
        notes = self.memory.all(state["person"]) if self.memory else []
        mine = [one for one in notes if one.thread == state["thread"]]
        rounds = state.get("rounds") or []
        words = note(
            Conversation(state["thread"], told(state["messages"]), self.ledger.all(state["thread"]), mine, rounds)
        )
        return {"answer": words, "messages": [AIMessage(words)]}
