"""What the guide makes of a message: tool calls, a question back, a refusal, or an intent to answer in words."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from agent.models import followups, plans, safety, shared_direction
from agent.models.arguments import given
from agent.models.context import Decision, Here, Reader
from agent.models.plans import Call, Past, Question
from agent.models.requests import requests
from agent.situation import Situation
from agent.understanding.router import Route
from tools import TOOLS

HELP_LLM = (
    "I am the built-in guide and work without a language model, so my range is small. For open questions start the page with "
    "`--agent openai:MODEL` (or another provider) and your key in the environment."
)
CANNOT = f"I cannot do that. I look inside language models; `what can you do?` lists my tools. {HELP_LLM}"
INVESTIGATION = ("compare_targets", "elicit_secret", "self_report")
"""What a person gets who asks for an investigation as a whole: what changed, what is hidden, what it says of itself."""
_YES = re.compile(r"(?:yes|ok|okay|sure|yours|any|use yours|whatever|go ahead|you choose|please do)\W*$", re.IGNORECASE)
_BARE = re.compile(r"(?:on|with|for|the words?|in|layer|head|feature)?\s*[\"“'‘`\d]", re.IGNORECASE)
_GOES_ON = re.compile(
    r"\b(?:go(?:ing)? on|continue|carry on|proceed|resume|take (?:it|that) up|the plan)\b", re.IGNORECASE
)
CHANGE_WHAT = "What should I change? Say, for example, `and in layer 3?` or `the same for taboo-05`."


def decide(said: str, past: Past, situation: Situation, read: Reader) -> Decision:
    """Decide about a message, which may hold several requests."""
    here = Here(past, situation, read)
    if answered := _answered(said, here):
        return answered
    parts = requests(said, here, _one)
    if len(parts) == 1:
        return _one(parts[0], here)
    found: list[Decision] = []
    for number, part in enumerate(parts):
        one = _one(part, here)
        if one.ask and not number:  # "estimate and swap, this against that": what the first needs stands in the second
            one = _one(part, here.after(_one(parts[1], here)))
        found.append(one)
        here = here.after(one)
    asks = " ".join(dict.fromkeys(one.ask or one.cannot for one in found if one.ask or one.cannot))
    return Decision(found[0].intent, tuple(call for one in found for call in one.calls), asks)


def _answered(said: str, here: Here) -> Decision | None:
    """The call the guide asked about, with what the message adds; None when the message is no answer."""
    if here.past.pending is None:
        return None
    tool, before = here.past.pending.tool, here.past.pending.arguments
    if _YES.match(said):
        return _decided(tool, plans.completed(tool, before, supposing=True))
    route = here.read(said)
    new = given(tool, route.slots, TOOLS[tool].schema(), here.situation, plans.known_names(tool, here.past))
    if not set(new) - set(before) or (
        route.sure and route.intent not in {tool, "ask", "followup", "logit_lens"} and not _BARE.match(said)
    ):
        return None
    return _decided(tool, plans.completed(tool, before | new))


def _one(said: str, here: Here) -> Decision:
    """Decide about one request."""
    here = here.about(said)
    past, situation = here.past, here.situation
    route = safety.worried(here.route(said), situation)
    slots, intent = route.slots, route.intent
    if slots.unknown_target:
        return Decision(
            intent,
            ask=f"I know no target called `{slots.unknown_target}`. The picker has all, for example `{situation.target}`. Which one do you mean?",
        )
    if both := shared_direction.shared(route, past, situation):
        return both
    if changed := _changed(said, route, past, situation):
        return Decision("followup", changed)
    if intent == "followup" and past.last_call:
        return Decision(intent, ask=CHANGE_WHAT)
    if route.hopeless or intent == "out_of_scope":
        return Decision("out_of_scope", cannot=CANNOT)
    named = slots.any and intent in TOOLS
    if {route.intent, route.second} == {"again", "check"} and _named(route, past):
        return _again(route, past, situation)  # "replay E1": that very measurement
    if not route.sure and (not named or route.second == "belief"):
        return Decision(intent, ask=unsure(route))
    if intent == safety.REMOVAL and (undone := safety.undo(route, past, situation)):
        return undone
    if intent in TOOLS:
        return _decided(intent, plans.plan(intent, slots, past, situation))
    handler = _HANDLERS.get(intent)
    return handler(route, past, situation) if handler else Decision(intent)


def _changed(said: str, route: Route, past: Past, situation: Situation) -> tuple[Call, ...]:
    """What was asked for last, all of it elsewhere or its last experiment with something changed; nothing where that is not asked."""
    if moved := followups.elsewhere(said, route, past, situation):
        return moved
    one = followups.read(said, route, past, situation)
    return (one,) if one else ()


def _decided(intent: str, *made: Call | Question) -> Decision:
    calls = tuple(one for one in made if isinstance(one, Call))
    questions = [one for one in made if isinstance(one, Question)]
    pending = questions[-1].pending if questions else None
    return Decision(intent, calls, " ".join(one.text for one in questions), pending)


def _compare(route: Route, past: Past, situation: Situation) -> Decision:
    """With the base: measured beside what there is, or read off the control that the last evidence holds."""
    slots, last = route.slots, past.last_call
    measures = {"ask", "compare_targets", "train_adapter"}
    if last is None or slots.other or slots.text or last["name"] in measures or not past.measured:
        return _decided("compare_targets", plans.plan("compare_targets", slots, past, situation))
    return Decision("compare")


def _again(route: Route, past: Past, situation: Situation) -> Decision:
    """What was left of the last plan; what was put off before, where one wants to go on; else the last measurement once more."""
    waits = past.waiting if _GOES_ON.search(route.slots.rest) else []
    wanted = _named(route, past) or past.unfinished or waits or past.calls[-1:]
    return Decision("again", tuple(Call(one["name"], one["args"]) for one in wanted))


def _check(route: Route, past: Past, situation: Situation) -> Decision:
    """The last measurement with another seed: other controls, other draws."""
    last = next(iter(_named(route, past)), past.last_call)
    if last is None or "seed" not in TOOLS[last["name"]].schema()["properties"]:
        return Decision("check")
    return Decision("check", (Call(last["name"], {**last["args"], "seed": int(last["args"].get("seed", 0)) + 1}),))


def _named(route: Route, past: Past) -> list[dict[str, Any]]:
    """The calls behind the evidence that a message names."""
    return [past.made_by[name] for name in route.slots.evidence if name in past.made_by]


def _investigate(route: Route, past: Past, situation: Situation) -> Decision:
    return _decided(
        "investigate", *(plans.plan(tool, route.slots, past, situation, supposing=True) for tool in INVESTIGATION)
    )


_HANDLERS: dict[str, Callable[[Route, Past, Situation], Decision]] = {
    "compare": _compare,
    "again": _again,
    "check": _check,
    "investigate": _investigate,
    "safe": safety.safe,
}


def unsure(route: Route) -> str:
    """The question that tells the two nearest intents apart."""
    return f"I am not sure what you want. Should I {' or '.join(_choices(route))}? Say it in a few other words."


def _choices(route: Route) -> Iterator[str]:
    yield from dict.fromkeys(_PLAIN.get(name, f"use {name.replace('_', ' ')}") for name in (route.intent, route.second))


_PLAIN = {
    "help": "tell you what I can do",
    "why": "explain why I concluded that",
    "confidence": "say how sure I am",
    "check": "measure the last thing again",
    "explain": "explain a term",
    "compare": "compare with the base",
    "followup": "change the last experiment",
    "investigate": "look at all of it",
    "safe": "find out whether it is safe",
    "belief": "note what you believe",
    "preference": "note what you prefer",
    "memory": "tell you what I remember",
    "smalltalk": "just say hello",
    "out_of_scope": "do something I have no tool for",
    "again": "repeat the last experiment",
    "measured": "list what was measured",
    "board": "show the hypotheses",
    "note": "write the meeting note",
    "export": "export the conversation",
    "stop": "stop",
    "forget": "delete what I remember",
    "withdraw": "take back your permission",
    "ask": "put a message to the target",
    "logit_lens": "show what its layers say",
    "elicit_secret": "search for a hidden word",
}
