"""What the loop knows: plain data, so that a killed process resumes where it was."""

from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.graph.message import add_messages

from agent.learner.checks import Pending
from agent.learner.gain import Round
from agent.spending import Spent
from tools._tool import Capability

MOST_STEPS = 8
"""Rounds of thinking and acting in one turn; then the answer is what there is."""


class Prediction(TypedDict):
    """What the person expected before a reveal."""

    target: str
    tool: str
    """The tool that asked for it; only what this tool finds settles it."""
    text: str
    turn: str
    """The message it was made after."""
    outcome: str
    """"" until it is revealed, then "right" or "wrong"."""
    share: float
    """The probability they gave to the tool's claim."""
    mine: float
    """The assistant's own, before it looked."""
    occurred: bool
    """Whether the claim turned out to be supported; means nothing before."""


class State(TypedDict):
    """One conversation between two messages of the person."""

    messages: Annotated[list[BaseMessage], add_messages]
    thread: str
    person: str
    target: str
    notes: str
    """What was recalled of the person for this turn."""
    prediction: Prediction | None
    asked_to_predict: list[str]
    """Targets for which a prediction was asked in this conversation."""
    granted: list[Capability]
    """Capabilities the person has approved in this conversation."""
    accepted: bool
    """Whether the person has seen this turn's plan."""
    problems: list[str]
    """What the last check found."""
    repairs: int
    steps: int
    answer: str
    """The checked answer of this turn."""
    check: Pending | None
    """A check question that waits for an answer; going on without one is fine."""
    passed: list[str]
    """Concepts whose question was left unanswered in this conversation, and steps that were offered: none is pressed on anybody."""
    rounds: list[Round]
    """Rounds of questions on what targets reply, in order; the last one may wait for an answer."""
    about: list[str]
    """Concepts talked about lately, the newest first."""
    noticed: list[dict[str, Any]]
    """What this turn shows of the person, as notes, to be kept when it ends."""
    shows: dict[str, str]
    """What the message shows of understanding: its kind and the concept; empty where it shows nothing."""
    explain: list[dict[str, str]]
    """Concepts the message names: which, at which depth to explain it to this person, and their own analogy for it."""
    paused: bool
    """Whether the person wants nothing to be noted."""
    no_predictions: bool
    """Whether the person does not want to be asked for predictions."""
    learner: str
    """How to speak to this person, in a few sentences."""
    spent: Spent
    """What the conversation has cost so far."""


def asking(state: State) -> AIMessage:
    """The message that asks for the tool calls being handled."""
    return next(m for m in reversed(state["messages"]) if isinstance(m, AIMessage))


def last_said(state: State) -> HumanMessage:
    """The person's last message."""
    return next(m for m in reversed(state["messages"]) if isinstance(m, HumanMessage))


def moment(state: State) -> str:
    """Where in the conversation the calls being handled stand: the same when a killed process asks for them again."""
    return f"{last_said(state).id}/{state['steps']}"


def calls(state: State) -> list[dict[str, Any]]:
    """The tool calls being handled."""
    return [dict(call) for call in asking(state).tool_calls]


def since_asked(state: State) -> list[BaseMessage]:
    """What came after the message that asks for them."""
    return state["messages"][state["messages"].index(asking(state)) + 1 :]


def since_said(state: State) -> list[BaseMessage]:
    """What came after the person's last message."""
    place = max(n for n, message in enumerate(state["messages"]) if isinstance(message, HumanMessage))
    return state["messages"][place + 1 :]


def open_calls(state: State) -> list[dict[str, Any]]:
    """The calls being handled that have no result yet."""
    answered = {m.tool_call_id for m in since_asked(state) if isinstance(m, ToolMessage)}
    return [call for call in calls(state) if call["id"] not in answered]
