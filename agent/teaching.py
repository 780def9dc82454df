"""The learner model's part in the loop: what a turn shows of the person, how an answer is graded, and what is added unasked."""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

from agent.events import with_aside
from agent.learner import checks, turns
from agent.learner.inventory import concepts, taught_by
from agent.learner.moves import Measured, Move, next_move, onward_from
from agent.learner.person import Person, Said, contradicted, noticed
from agent.memory import Memory
from agent.models.glossary import narrower
from agent.notes import Note, describe
from agent.people import People
from agent.predictions import is_another_request
from agent.state import State, last_said
from agent.understanding.router import Route
from target.spec import parse
from tools import TOOLS

log = logging.getLogger(__name__)
SILENT = {"smalltalk", "stop", "export", "forget", "withdraw", "memory", "help"}
"""Intents of messages that show nothing of what somebody understands."""
MAYBE = 0.3
"""Probability from which a message that likens a concept it names to something is taken for more than a request."""
_LIKENS = re.compile(
    r"\b(?:is|are|was|'s) (?:just |kind of |sort of |a bit |basically )*(?:like|akin to)\b", re.IGNORECASE
)
_GIVEN = {"prompt", "prompts", "texts", "direction", "directions", "feature", "corrupted_prompt"}
"""Arguments without which a tool has nothing to work on, whether its schema requires them or not."""
BY_A_QUESTION = {
    "layer_similarity",
    "prefix_view",
    "sparse_probe",
    "erase_concept",
    "label_features",
    "train_dictionary",
}
BY_A_QUESTION |= {"crosscoder_diff", "crosscoder_patch"}
"""Tools that a question alone is enough for, however it sounds."""
ASKING = {"asks", "confused", "analogy"}
"""Kinds of messages that are answered by an explanation."""
LATELY = 4
"""Concepts that are kept as talked about."""


@dataclass(frozen=True)
class Teacher:
    """Reads and writes what is known of people."""

    memory: Memory
    embedding: str

    def person(self, name: str) -> Person:
        """What is known of somebody now."""
        return People(self.memory).person(name)

    def known(self, state: State, read: Callable[[str], Route]) -> dict[str, Any]:
        """What is known of the person for this turn; or how they answered the open question, which is all there is to the turn."""
        person = self.person(state["person"])
        if (graded := self.graded(state, read)) and "answer" in graded:
            return graded | {"paused": person.paused}
        said = _said(state).text
        route = read(said)
        notes = describe(self._recalled(state["person"], person, said, about_them=route.intent == "memory"))
        passed = [*(state.get("passed") or []), *([left["concept"]] if (left := state.get("check")) else [])]
        return {"notes": notes, "check": None, "passed": passed, "paused": person.paused} | self.noticed(
            state, person, route
        )

    def _recalled(self, name: str, person: Person, said: str, *, about_them: bool) -> list[Note]:
        """The notes that bear on what was said; where it was about the person themselves, the newest ones."""
        if about_them:
            return [note for note in person.notes if note.kind != "setting"][:12]
        near = self.memory.recall(name, said, need=person.need()) if person.notes else []
        return [n for n in person.notes if n.kind == "preference"] + [n for n in near if n.kind != "preference"]

    def graded(self, state: State, read: Callable[[str], Route]) -> dict[str, Any]:
        """What changes where the message answers the open question; nothing where it is something else."""
        pending, said = state.get("check"), _said(state)
        if not pending or pending["concept"] not in concepts():
            return {}
        route = read(said.text)
        asks = route.sure and route.intent in TOOLS
        own = asks or said.text.rstrip().endswith("?") or is_another_request(said.text, route)
        found = checks.graded(pending, said.text, "" if own else self.embedding)
        if found is None or (found.answer is None and own):
            return {"check": None}
        grade = found.answer.grade if found.answer else "wrong"
        told = checks.told(found)
        name = concepts()[found.concept].name
        sign = said.note(
            kind="sign", concept=found.concept, sign="check", grade=grade, choices=len(found.check.answers),
            text=f"{name}: your answer to “{found.check.question}” was {grade}"[:1000],
        )  # fmt: skip
        about = _lately([found.concept], state)
        return {
            "check": None,
            "noticed": [sign.model_dump()],
            "about": about,
            "answer": told,
            "messages": [AIMessage(told)],
        }

    def noticed(self, state: State, person: Person, route: Route) -> dict[str, Any]:
        """What the message shows of the person, to be noted when the turn ends; and how to speak to them."""
        said = _said(state)
        intent = route.intent if route.sure else ""
        shown = None
        names = bool(turns.all_named(said.text))
        outside = intent == "out_of_scope" and not names
        measures = route.intent in TOOLS or route.intent == "followup"
        complete = intent in BY_A_QUESTION
        complete |= intent != "" and measures and bool(route.slots.groups or route.slots.layers)
        complete |= measures and route.slots.dictionary is not None
        if not (person.paused or outside or intent in SILENT or complete):
            likens = names and bool(_LIKENS.search(said.text))
            least = MAYBE if likens else 0.0 if names and not measures else turns.SURE  # what else could it be about?
            shown = turns.shown(said.text, self.embedding, state.get("about") or [], least=least)
        if shown and (_doubtful(shown, route, intent) or (not names and narrower(said.text))):
            shown = None  # a request, or a question about less than a whole concept
        found = [] if person.paused else noticed(said, intent, shown, self.embedding)
        wishes = Person((*found[::-1], *person.notes)).wishes
        wants = intent in ("", "stop") and any(note.kind == "preference" for note in found)
        mine = [shown.concept] if shown else []
        unclear = names and not shown and not measures and intent == ""
        meant = [] if narrower(said.text) else (state.get("about") or [])[:1]
        named = (turns.all_named(said.text) or meant) if intent == "explain" or unclear else []
        return {
            "noticed": [note.model_dump() for note in found],
            "shows": {"kind": "wishes", "concept": ""} if wants else _shows(shown, named[0] if unclear else ""),
            "about": _lately([*mine, *named], state),
            "explain": [self._explain(name, person) for name in dict.fromkeys([*mine, *named])][:2],
            "no_predictions": not wishes.predictions,
            "learner": person.summary(),
        }

    def _explain(self, concept: str, person: Person) -> dict[str, str]:
        return {"concept": concept, "depth": person.depth(concept), "analogy": person.analogy(concept)}

    def aside(self, state: State, tools: Sequence[str], measured: Callable[[], Measured]) -> dict[str, Any]:
        """The move after an answer, with the answer's message that keeps it; by the tools of the turn, and all used on the target so far."""
        shown = [name for tool in tools if (name := taught_by(tool))]
        if state["paused"] or not (state["noticed"] or state["explain"] or tools):
            return {}
        person = self.person(state["person"])
        person = Person((*(Note.model_validate(note) for note in state["noticed"][::-1]), *person.notes))
        graded = any(note.sign == "check" for note in person.notes[: len(state["noticed"])])
        talked = (state.get("about") or []) if graded else [one["concept"] for one in state["explain"]]
        in_play = list(dict.fromkeys([*talked, *shown[:1]]))
        passed = state.get("passed") or []
        in_play = [name for name in in_play if name not in passed]
        onward = self._onward(state, measured) if tools or graded else None
        explained = bool(talked) and not graded
        move = next_move(person, in_play, explained=explained, ran=tools, onward=onward) if in_play or onward else None
        if move is None:
            return {}
        kept = with_aside(state["messages"][-1], move.text)
        offered = [] if move.pending else [move.text]
        about = _lately([*talked, *shown[:1]], state)
        return {"check": move.pending, "messages": [kept], "about": about, "passed": [*passed, *offered]}

    @staticmethod
    def _onward(state: State, measured: Callable[[], Measured]) -> Move | None:
        """What would tell more about a fine-tune."""
        fine_tune = parse(state["target"]).adapter
        return onward_from(state["target"], measured(), state.get("passed") or []) if fine_tune else None

    def note(self, person: str, note: Note) -> Note:
        """Keep a note; a belief that an earlier one contradicts keeps the other's id, and both stay."""
        if note.kind == "belief" and (old := contradicted(note, self.memory.like(person, note.text))):
            note = note.model_copy(update={"against": old.id})
        return self.memory.remember(person, note)

    def contradicts(self, person: str, note: Note) -> Note | None:
        """The note that one says the opposite of."""
        return next((one for one in self.memory.all(person) if note.against and one.id == note.against), None)


def _said(state: State) -> Said:
    last = last_said(state)
    return Said(str(last.content), state["thread"], str(last.id), state["target"])


def _doubtful(shown: turns.Shown, route: Route, intent: str) -> bool:
    """Whether a message is rather the request that it is taken for: for an experiment that needs nothing else, or for an explanation."""
    rather = (_whole(intent) or (intent in TOOLS and shown.kind not in ASKING)) and route.score > shown.share
    return rather or (intent == "explain" and shown.kind not in ASKING and shown.share < turns.SURE)


def _shows(shown: turns.Shown | None, named: str) -> dict[str, str]:
    """What a message shows, for the voice; one that names a concept and is nothing else asks for it."""
    if shown is None:
        return {"kind": "asks", "concept": named} if named else {}
    return {"kind": shown.kind, "concept": shown.concept}


def _whole(intent: str) -> bool:
    """Whether a request of this tool needs nothing else to be one."""
    return intent in BY_A_QUESTION or (intent in TOOLS and not _GIVEN & set(TOOLS[intent].schema()["properties"]))


def _lately(concepts_: Sequence[str], state: State) -> list[str]:
    return list(dict.fromkeys([*concepts_, *(state.get("about") or [])]))[:LATELY]
