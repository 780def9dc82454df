"""The nodes of the loop. Each reads the state and returns what changed."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.config import get_stream_writer

import prompts
from agent import acting, grounding, interrupts, predictions
from agent.acting import Acting
from agent.archive import Archive, outgrown
from agent.directly import Directly
from agent.events import ASIDE, SPENT
from agent.explanations import ours
from agent.ledger import Ledger
from agent.memory import Memory
from agent.notes import Note
from agent.permissions import Permissions
from agent.situation import Situation, system_message
from agent.speaking import Voice
from agent.spending import NOTHING
from agent.state import MOST_STEPS, Prediction, State, calls, last_said, since_said
from agent.teaching import Teacher
from agent.understanding.own_adapters import targets_of
from agent.understanding.router import Route, router
from evidence.errors import MemoryError_
from target import turn
from target.spec import parse, public_names
from tools._tool import Capability

log = logging.getLogger(__name__)


@dataclass
class Nodes:
    """The loop's steps, bound to what they need."""

    voice: Voice
    ledger: Ledger
    permissions: Permissions
    archive: Archive
    memory: Memory | None
    embedding: str

    @property
    def teacher(self) -> Teacher | None:
        return Teacher(self.memory, self.embedding) if self.memory else None

    @property
    def directly(self) -> Directly:
        return Directly(self.ledger, self.memory, self._read)

    @property
    def acting(self) -> Acting:
        return Acting(self.ledger, self.permissions, self.directly.quizzes)

    async def recall(self, state: State) -> dict[str, Any]:
        """Fetch what is known about the person that bears on what they said; grade it where it answers a check question."""
        fresh: dict[str, Any] = {
            "notes": "",
            "problems": [],
            "repairs": 0,
            "steps": 0,
            "answer": "",
            "prediction": self._open(state),
            "accepted": False,
            "noticed": [],
            "shows": {},
            "explain": [],
            "no_predictions": False,
            "paused": False,
            "learner": "",
        }
        defaults = {"asked_to_predict": state.get("asked_to_predict") or []}
        archived = {"messages": await self._archived(state)}
        try:
            fresh |= await asyncio.to_thread(self._at_hand, state)
        except MemoryError_ as error:
            _notice(str(error))
        if fresh["answer"]:
            return fresh | defaults | {"messages": [*archived["messages"], *fresh["messages"]]}
        return fresh | defaults | {"granted": await self._kept(state, str(last_said(state).content))} | archived

    def _at_hand(self, state: State) -> dict[str, Any]:
        """What code answers by itself, else what is known of the person."""
        return self.directly.answered(state) or (self.teacher.known(state, self._read) if self.teacher else {})

    def _read(self, said: str) -> Route:
        return router(self.embedding).route(said, public_names())

    @staticmethod
    def _open(state: State) -> Prediction | None:
        """A prediction that no measurement has settled yet, such as one before a stop."""
        before = state.get("prediction")
        return before if before and not before["outcome"] else None

    async def _archived(self, state: State) -> list[RemoveMessage]:
        """Take what the conversation has outgrown out of the state; it stays readable in the archive."""
        earlier = outgrown(state["messages"])
        if earlier:
            await asyncio.to_thread(self.archive.add, state["thread"], earlier)
        return [RemoveMessage(str(message.id)) for message in earlier]

    async def _kept(self, state: State, said: str) -> list[Capability]:
        """What stays granted: everything, or nothing when the person takes their permission back."""
        granted = state.get("granted") or []
        if not granted:
            return granted
        route = await asyncio.to_thread(self._read, said)
        if route.intent != "withdraw" or not route.sure:
            return granted
        _notice(self.permissions.withdraw(state))
        return []

    async def think(self, state: State) -> dict[str, Any]:
        """Ask the chat model for the next step: tool calls, or words."""
        if turn.current().stop.is_set():
            return {"messages": [AIMessage(acting.stopped(state))], "steps": state["steps"] + 1, "problems": []}
        repair = []
        if state["problems"]:
            problems = "\n".join(f"- {problem}" for problem in state["problems"])
            text = prompts.load("repair", problems=problems)
            repair = [HumanMessage(text, additional_kwargs={"repair": True})]
        spent = state.get("spent") or NOTHING
        if over := self.voice.budget.exceeded(spent):
            words = f"I stopped before the next step: {over}. What was measured is kept. Raise the limit, or begin a new conversation."
            return {"messages": [AIMessage(words)], "steps": MOST_STEPS, "problems": []}
        shown = [system_message(self._situation(state)), *state["messages"], *repair]
        said, spent = await self.voice.next(shown, spent)
        return {"messages": [said], "steps": state["steps"] + 1, "problems": [], "spent": spent}

    def _situation(self, state: State) -> Situation:
        spec = parse(state["target"])
        return Situation(
            thread=state["thread"],
            target=state["target"],
            base=spec.base_name,
            notes=state["notes"],
            targets=targets_of(str(last_said(state).content)),
            shows=state["shows"],
            explain=state["explain"],
            learner=state["learner"],
            paused=state["paused"],
            prediction=predictions.told(state["prediction"]),
            evidence=self.ledger.names(state["thread"]),
        )

    async def propose(self, state: State) -> dict[str, Any]:
        """Show the plan before it runs."""
        return interrupts.propose(state, self.ledger.seconds)

    async def approve(self, state: State) -> dict[str, Any]:
        """Ask before anything is trained or exported."""
        return interrupts.approve(state, self.permissions, self.ledger.seconds, self._read)

    async def predict(self, state: State) -> dict[str, Any]:
        """Before a reveal, ask what the person expects."""
        return interrupts.predict(state, self._read, lambda: self.ledger.all(state["thread"]).values())

    def due(self, state: State) -> Iterator[Literal["propose", "approve", "predict"]]:
        """The questions that have to be asked before the calls may run, in order."""
        if interrupts.plan_due(state, self.ledger.seconds):
            yield "propose"
        if interrupts.approve_due(state, self.permissions):
            yield "approve"
        if interrupts.predict_due(state):
            yield "predict"

    async def act(self, state: State) -> dict[str, Any]:
        """Run the tool calls one after the other; the result goes to the ledger, its id to the model."""
        messages = await self.acting.results(state, get_stream_writer())
        worked = {m.tool_call_id for m in messages if m.status == "success"}
        named = [str(c["args"]["target"]) for c in calls(state) if c["id"] in worked and c["args"].get("target")]
        return {
            "messages": messages,
            "prediction": self._settled(state, messages),
            "target": named[-1] if named else state["target"],
        }

    def _settled(self, state: State, results: Sequence[ToolMessage]) -> Prediction | None:
        """How the prediction turned out, when the tool that asked for it has decided."""
        found = (self.ledger.get(state["thread"], m.artifact["evidence"]) for m in results if m.artifact)
        return predictions.settled(state["prediction"], found)

    async def answer(self, state: State) -> dict[str, Any]:
        """Take the model's words as the draft; unanswered calls of a spent budget are closed."""
        last = state["messages"][-1]
        if isinstance(last, AIMessage) and last.tool_calls:
            closed = [acting.unrun(dict(c), SPENT) for c in last.tool_calls]
            words = "I stopped after the steps this turn allows. What was measured is in the ledger; ask me to go on."
            return {"messages": [*closed, AIMessage(words)], "answer": words}
        return {"answer": str(last.text).strip()}

    async def check(self, state: State) -> dict[str, Any]:
        """Hold every number and citation against the ledger; one repair round, then the marks stay."""
        problems = grounding.check(predictions.without_scores(state["answer"]), self.ledger.all(state["thread"]))
        problems = [one for one in problems if not ours(one.sentence)]
        repairs, draft = state["repairs"] + 1, state["messages"][-1]
        if problems and repairs <= 1:
            found = [f"{p.what}: {p.sentence}" for p in problems]
            return {"problems": found, "repairs": repairs, "messages": [RemoveMessage(str(draft.id))]}
        marked = grounding.mark(state["answer"], problems)
        return {
            "problems": [],
            "repairs": repairs,
            "answer": marked,
            "messages": [
                draft.model_copy(update={"content": marked})
            ],  # what is kept and shown again is the marked text
        }

    async def teach(self, state: State) -> dict[str, Any]:
        """Add one thing unasked: the open question of a quiz, what waits, a check question, a review, or the next useful step."""
        added = self.directly.quizzes.asked(state) or interrupts.reminded(state) or await self._taught(state)
        if added:
            get_stream_writer()({"aside": added["messages"][0].additional_kwargs[ASIDE]})
        return added

    async def _taught(self, state: State) -> dict[str, Any]:
        if not self.teacher:
            return {}
        ran = [m.name or "" for m in since_said(state) if isinstance(m, ToolMessage) and m.status == "success"]
        try:
            on_it = partial(self.ledger.measured_on, state["thread"], state["target"])
            return await asyncio.to_thread(self.teacher.aside, state, ran, on_it)
        except MemoryError_ as error:
            log.warning("%s", error)
            return {}

    async def remember(self, state: State) -> dict[str, Any]:
        """Keep what the person stated, showed or predicted, from their own words alone."""
        if self.teacher:
            try:
                for note in self._noted(state):
                    kept = await asyncio.to_thread(self.teacher.note, state["person"], note)
                    get_stream_writer()({"noted": kept.id, "text": kept.text, "kind": kept.kind})
                    if old := await asyncio.to_thread(self.teacher.contradicts, state["person"], kept):
                        _notice(
                            f"Earlier you said “{old.text}”; I keep both. Which one holds? The panel can delete the other."
                        )
            except MemoryError_ as error:
                _notice(str(error))
        return {}

    def _noted(self, state: State) -> list[Note]:
        if state["paused"]:
            return []
        return [*(Note.model_validate(note) for note in state["noticed"]), *predictions.noted(state)]


def _notice(text: str) -> None:
    log.warning("%s", text)
    get_stream_writer()({"notice": text})
