"""What a message states, read twice: by the rules, and by the tagger where it is there."""

from typing import Any

from agent.models.arguments import Schema, given
from agent.models.dictionary_arguments import settled
from agent.situation import Situation
from agent.understanding.slots import Slots
from agent.understanding.tagging import shipped
from agent.understanding.tagging.merging import merged
from agent.understanding.tagging.spans import located


def stated(
    tool: str, slots: Slots, schema: Schema, situation: Situation, known: tuple[str, ...] = (), *, loose: bool = True
) -> dict[str, Any]:
    """The arguments of a tool that a message states, as in `given`; the tagger has the say on texts, words and names.

    Without its weights, with another embedding, and for a message too long for it, they are the rules' alone.
    """
    rules = given(tool, slots, schema, situation, known, loose=loose)
    reader = shipped.reader() if slots.said else None
    if reader is None:
        return rules
    properties = schema["properties"]
    hints, _ = located(slots.said, rules)
    spans = reader(tool, slots.said, tuple(properties), hints)
    if spans is None:
        return rules
    return settled(tool, merged(slots.said, spans, rules, properties, situation.targets), rules)
