"""What the guide makes of a message: tool calls, a question back, a refusal, or an intent to answer in words."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agent.models import followups, plans
from agent.models.plans import Call, Past, Question
from agent.router import Route
from agent.situation import Situation
from tools import TOOLS

HELP_LLM = (
    "I am the built-in guide and work without a language model, so my range is small. For open questions start the page with "
    "`--agent openai:MODEL` (or another provider) and your key in the environment."
)
CANNOT = f"I cannot do that. I look inside language models; `what can you do?` lists my tools. {HELP_LLM}"
INVESTIGATION = ("compare_targets", "elicit_secret", "self_report")
"""What a person gets who asks for an investigation as a whole: what changed, what is hidden, what it says of itself."""
_QUOTES = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`|(?<!\w)'[^']*'(?!\w)")
_BETWEEN = re.compile(r"(?<=[?.!;])\s+(?:and\s+|then\s+)*|,?\s+(?:and then|then|and also|and|also)\s+", re.IGNORECASE)
Reader = Callable[[str], Route]


@dataclass(frozen=True)
class Decision:
    """What is to be done about one message."""

    intent: str
    """A tool, or an intent of intents.yaml."""
    calls: tuple[Call, ...] = ()
    ask: str = ""
    """A question back, where something is missing or unclear."""
    cannot: str = ""


def decide(said: str, past: Past, situation: Situation, read: Reader) -> Decision:
    """Decide about a message, which may hold several requests."""
    parts = requests(said, read)
    if len(parts) == 1:
        return _one(parts[0], past, situation, read)
    found: list[Decision] = []
    for part in parts:
        one = _one(part, past, situation, read)
        found.append(one)
        target = next((str(call.arguments["target"]) for call in one.calls if "target" in call.arguments), None)
        situation = situation.model_copy(update={"target": target or situation.target})
        past = replace(past, calls=[*past.calls, *({"name": c.tool, "args": c.arguments} for c in one.calls)])
    asks = " ".join(dict.fromkeys(one.ask or one.cannot for one in found if one.ask or one.cannot))
    return Decision(found[0].intent, tuple(call for one in found for call in one.calls), asks)


def requests(said: str, read: Reader) -> list[str]:
    """The requests of a message: split only where both sides are one by themselves; greetings before them are dropped."""
    masked = _QUOTES.sub(lambda found: "x" * len(found[0]), said)
    for cut in _BETWEEN.finditer(masked):
        left, right = said[: cut.start()].strip(), said[cut.end() :].strip()
        if min(len(left.split()), len(right.split())) < 2 and not _greets(left, read):
            continue
        if right and _greets(left, read):
            return requests(right, read)
        if _acts(left, read) and _acts(right, read):
            return [left, *requests(right, read)]
    return [said]


def _acts(part: str, read: Reader) -> bool:
    route = read(part)
    return route.sure and (route.intent in TOOLS or route.intent in {"compare", "investigate", "followup"})


def _greets(part: str, read: Reader) -> bool:
    return len(part.split()) <= 3 and read(part).intent == "smalltalk" and read(part).sure


def _one(said: str, past: Past, situation: Situation, read: Reader) -> Decision:
    route = read(said)
    slots, intent = route.slots, route.intent
    if slots.unknown_target:
        return Decision(
            intent,
            ask=f"I know no target called `{slots.unknown_target}`. The picker has all, for example `{situation.target}`. Which one do you mean?",
        )
    if followups.is_one(said, route, past):
        return _follow_up(said, route, past)
    if route.hopeless or intent == "out_of_scope":
        return Decision("out_of_scope", cannot=CANNOT)
    named = slots.any and intent in TOOLS
    if not route.sure and (not named or route.second == "belief"):
        return Decision(intent, ask=unsure(route))
    if intent in TOOLS:
        return _decided(intent, plans.plan(intent, said, slots, past, situation))
    handler = _HANDLERS.get(intent)
    return handler(said, route, past, situation) if handler else Decision(intent)


def _decided(intent: str, *made: Call | Question) -> Decision:
    calls = tuple(one for one in made if isinstance(one, Call))
    return Decision(intent, calls, " ".join(one.text for one in made if isinstance(one, Question)))


def _follow_up(said: str, route: Route, past: Past) -> Decision:
    made = followups.changed(past, route.slots, said)
    if made is None:
        return Decision(
            "followup", ask="What should I change? Say, for example, `and in layer 3?` or `the same for taboo-05`."
        )
    return Decision("followup", (made,))


def _compare(said: str, route: Route, past: Past, situation: Situation) -> Decision:
    """With the base: measured beside what there is, or read off the control that the last evidence holds."""
    slots, last = route.slots, past.last_call
    if slots.other:
        return _decided("compare_targets", plans.plan("compare_targets", said, slots, past, situation))
    if last and last["name"] == "ask" and not slots.text:
        return Decision("compare", (Call("ask", {**last["args"], "other": situation.base}),))
    if past.measured and not slots.text:
        return Decision("compare")
    return _decided("compare", plans.plan("ask", f"compare {said}", slots, past, situation))


def _again(said: str, route: Route, past: Past, situation: Situation) -> Decision:
    last = past.last_call
    return Decision("again", (Call(last["name"], last["args"]),) if last else ())


def _check(said: str, route: Route, past: Past, situation: Situation) -> Decision:
    """The last measurement with another seed: other controls, other draws."""
    last = past.last_call
    if last is None or "seed" not in TOOLS[last["name"]].schema()["properties"]:
        return Decision("check")
    return Decision("check", (Call(last["name"], {**last["args"], "seed": int(last["args"].get("seed", 0)) + 1}),))


def _investigate(said: str, route: Route, past: Past, situation: Situation) -> Decision:
    return _decided("investigate", *(plans.plan(tool, said, route.slots, past, situation) for tool in INVESTIGATION))


_HANDLERS: dict[str, Callable[[str, Route, Past, Situation], Decision]] = {
    "compare": _compare,
    "again": _again,
    "check": _check,
    "investigate": _investigate,
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
    "belief": "note what you believe",
    "preference": "note what you prefer",
    "memory": "tell you what I remember",
    "smalltalk": "just say hello",
    "out_of_scope": "do something I have no tool for",
    "again": "repeat the last experiment",
    "measured": "list what was measured",
    "board": "show the hypotheses",
    "export": "export the conversation",
    "stop": "stop",
    "forget": "delete what I remember",
    "withdraw": "take back your permission",
    "ask": "put a message to the target",
    "logit_lens": "show what its layers say",
    "elicit_secret": "search for a hidden word",
}
