"""What a chat model is told of the conversation it is in: as prose for an LLM, as data for the guide."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage, SystemMessage
from pydantic import BaseModel, ConfigDict

import prompts
from target.spec import catalogue


class Situation(BaseModel):
    """The facts beside the messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    thread: str
    target: str
    base: str
    targets: list[str]
    """Public names one may ask about."""
    evidence: list[str] = []
    """Ids of all that was measured in this conversation, also before the messages begin."""
    shows: dict[str, str] = {}
    """What the message shows of understanding: its kind and the concept."""
    explain: list[dict[str, str]] = []
    """Concepts the message names: which, at which depth to explain it to this person, and their own analogy for it."""
    paused: bool = False
    """Whether the person wants nothing to be noted."""
    learner: str = ""
    """How to speak to this person."""
    notes: str = ""
    """What is remembered of the person, one a line."""
    prediction: str = ""
    """A sentence on how the person's prediction turned out, when one was made for this turn."""


def system_message(situation: Situation) -> SystemMessage:
    """The system prompt, with the same facts as data beside it."""
    entry = catalogue().get(situation.target)
    text = prompts.load(
        "system",
        target=situation.target,
        target_help=entry.description if entry else "It was named by the person.",
        notes=situation.notes or "nothing yet",
        learner=situation.learner or "Nothing is known yet of what they understand: plain words first.",
        base=situation.base,
        targets=", ".join(situation.targets),
        prediction=situation.prediction or "No prediction was made for this question.",
    )
    return SystemMessage(text, additional_kwargs={"situation": situation.model_dump()})


def of_messages(messages: Sequence[BaseMessage]) -> Situation:
    """The situation a conversation was given in its system message."""
    data = next(m.additional_kwargs["situation"] for m in messages if isinstance(m, SystemMessage))
    return Situation.model_validate(data)
