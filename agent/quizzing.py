"""The quiz on what a target replies, as a part of the loop: which prompts may be asked, the next question, what an answer gives."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from agent.events import with_aside
from agent.learner import gain
from agent.learner.checks import lettered, skipped
from agent.learner.gain import DO_NOT_KNOW, VOID, Round
from agent.state import State, last_said, since_said
from evidence import AnyEvidence, Quiz
from tools.prediction_quiz import PROMPTS, plain

TOOL = "prediction_quiz"
SEEN = "The target was asked this very thing while the question was open, so it does not count."
NO_QUIZ = "Then no quiz; nothing was counted."
_STOP = re.compile(
    r"^\W*(?:(?:please|ok|okay) )?(?:stop|end|quit|cancel|leave|enough)(?: (?:of|with))?(?: (?:the|this|that))?"
    r"(?: quiz| quizzing me| questions)?(?: please)?\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Quizzes:
    """Reads the quizzes of conversations, by conversation and id."""

    ledger: Callable[[str], Mapping[str, AnyEvidence]]

    def unseen(self, call: dict[str, Any], thread: str) -> dict[str, Any]:
        """The call with what the conversation has shown kept out of the quiz; whatever was asked for, this is code's to say."""
        if call["name"] != TOOL:
            return call
        shown = {plain(text) for text in gain.shown_in(list(self.ledger(thread).values()))}
        pool = call["args"].get("prompts") or PROMPTS
        without = [str(prompt) for prompt in pool if plain(str(prompt)) in shown]
        return {**call, "args": {**call["args"], **({"without": without} if without else {})}}

    def open(self, state: State) -> tuple[Round, Quiz] | None:
        """The round that waits for an answer."""
        rounds = state.get("rounds") or []
        quiz = self._quiz(rounds[-1], state) if rounds and not rounds[-1]["ended"] else None
        return (rounds[-1], quiz) if quiz else None

    def answered(self, state: State) -> dict[str, Any]:
        """What changes where the message answers the open question; nothing where it is something else."""
        waiting = self.open(state)
        if waiting is None or state.get("check"):
            return {}
        round_, quiz = waiting
        item = quiz.items[len(round_["answers"])]
        chosen = _chosen(str(last_said(state).content), item.options)
        if chosen is None:
            return {}
        seen = chosen != "stop" and self._was_shown(item.prompt, round_["evidence"], state)
        chosen = VOID if seen else chosen
        answers = [*round_["answers"], *([] if chosen == "stop" else [chosen])]
        ended = chosen == "stop" or len(answers) == len(quiz.items)
        now = Round(evidence=round_["evidence"], target=round_["target"], answers=answers, ended=ended)  # type: ignore[typeddict-item]
        rounds = [*state["rounds"][:-1], *([] if ended and not gain.counted(now, quiz) else [now])]
        words = self._told(now, rounds, quiz, state) if ended else f"{len(answers)} of {len(quiz.items)} answered."
        words = f"{SEEN} {words}" if seen else words
        return {"rounds": rounds, "answer": words, "messages": [AIMessage(words)]}

    def asked(self, state: State) -> dict[str, Any]:
        """After an answer: the question that is open, with the answer's message that keeps it; nothing where none is."""
        rounds = self._begun(state)
        waiting = self.open({**state, "rounds": rounds})
        if waiting is None:
            return {}
        round_, quiz = waiting
        kept = with_aside(state["messages"][-1], gain.question(quiz, len(round_["answers"])))
        return {"rounds": rounds, "check": None, "messages": [kept]}

    def _begun(self, state: State) -> list[Round]:
        """The rounds, with the one that this turn's quiz begins; an open one before it is dropped."""
        rounds = state.get("rounds") or []
        made = [m for m in since_said(state) if isinstance(m, ToolMessage) and m.name == TOOL and m.artifact]
        if not made or any(one["evidence"] == made[-1].artifact["evidence"] for one in rounds):
            return rounds
        name = made[-1].artifact["evidence"]
        found = self.ledger(state["thread"])[name]
        target = found.provenance.target if found.provenance else state["target"]
        return [*(one for one in rounds if one["ended"]), Round(evidence=name, target=target, answers=[], ended=False)]

    def _was_shown(self, prompt: str, quiz: str, state: State) -> bool:
        """Whether something measured since then holds this very prompt."""
        others = [one for name, one in self.ledger(state["thread"]).items() if name != quiz]
        return plain(prompt) in {plain(text) for text in gain.shown_in(others)}

    def _told(self, now: Round, rounds: list[Round], quiz: Quiz, state: State) -> str:
        if not gain.counted(now, quiz):
            return NO_QUIZ
        mine = [(one, found) for one in rounds if one["target"] == now["target"] and (found := self._quiz(one, state))]
        return gain.told(mine)

    def _quiz(self, round_: Round, state: State) -> Quiz | None:
        found = self.ledger(state["thread"]).get(round_["evidence"])
        return found if isinstance(found, Quiz) else None


def _chosen(said: str, options: tuple[str, ...]) -> "int | str | None":
    """The option, -1 where they pass, "stop" where they end the quiz; None where it is no answer."""
    if _STOP.match(said):
        return "stop"
    if skipped(said):
        return DO_NOT_KNOW
    same = said.strip(" .\"'“”").casefold()
    by_words = next((n for n, one in enumerate(options) if one.strip(" .").casefold() == same), None)
    return by_words if by_words is not None else lettered(said, len(options))
