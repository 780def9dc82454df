"""What the guide makes of a message: tool calls, a question back, a refusal, or an intent to answer in words."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agent.models import followups, plans
from agent.models.arguments import given
from agent.models.context import weighed
from agent.models.plans import Call, Past, Question
from agent.situation import Situation
from agent.understanding.quotes import quotes
from agent.understanding.router import SURE, Route
from tools import TOOLS

HELP_LLM = (
    "I am the built-in guide and work without a language model, so my range is small. For open questions start the page with "
    "`--agent openai:MODEL` (or another provider) and your key in the environment."
)
CANNOT = f"I cannot do that. I look inside language models; `what can you do?` lists my tools. {HELP_LLM}"
INVESTIGATION = ("compare_targets", "elicit_secret", "self_report")
"""What a person gets who asks for an investigation as a whole: what changed, what is hidden, what it says of itself."""
_BETWEEN = re.compile(
    r"(?<=[?.!;])\s+(?:and\s+|then\s+|after that,?\s+|afterwards,?\s+)*"
    r"|,?\s+(?:and then|and afterwards|and after that|then|afterwards|after that|and also|and|also|plus|,? second(?:ly)?)\s+",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"[\d\"“'‘`]|(?:see|watch|look|observe)\b(?! up)"
    r"|(?:questions?|prompts?|texts?|words?|layers?|target|with|on|using|for|in|at|from|versus|vs|against)\b",
    re.IGNORECASE,
)
"""How a part begins that goes on with the request before it."""
_A_THING = re.compile(r"(?:its|the|a|an|their|this|that|one|another|some|no)\b", re.IGNORECASE)
CLEAR = 0.75
"""Probability from which half a message is a request by itself."""
ELLIPTIC = 4
"""Words up to which the second half of a message may leave out what it is about."""
_DOES = re.compile(
    r"(?:ask|tell|show|find|train|probe|steer|push|add|ablate|remove|project|erase|knock|switch|turn|crank|apply|run|use|compare|decode|look up"
    r"|patch|plot|draw|measure|check|give|let|test|list|steer|score|swap)\b",
    re.IGNORECASE,
)
"""How a request begins that tells to do something."""
LOOKS_LIKE = 0.05
"""Probability that a whole message must give to each of two requests that it holds."""
_YES = re.compile(r"(?:yes|ok|okay|sure|yours|any|use yours|whatever|go ahead|you choose|please do)\W*$", re.IGNORECASE)
_BARE = re.compile(r"(?:on|with|for|the words?|in|layer|head|feature)?\s*[\"“'‘`\d]", re.IGNORECASE)
CHANGE_WHAT = "What should I change? Say, for example, `and in layer 3?` or `the same for taboo-05`."
Reader = Callable[[str], Route]


@dataclass(frozen=True)
class Decision:
    """What is to be done about one message."""

    intent: str
    """A tool, or an intent of intents.yaml."""
    calls: tuple[Call, ...] = ()
    ask: str = ""
    """A question back, where something is missing or unclear."""
    pending: Call | None = None
    """What the question is about, with the arguments there are."""
    cannot: str = ""


def decide(said: str, past: Past, situation: Situation, read: Reader) -> Decision:
    """Decide about a message, which may hold several requests."""
    if answered := _answered(said, past, situation, read):
        return answered
    parts = requests(said, past, situation, read)
    if len(parts) == 1:
        return _one(parts[0], past, situation, read)
    found: list[Decision] = []
    for number, part in enumerate(parts):
        one = _one(part, past, situation, read)
        if one.ask and not number:  # "estimate and swap, this against that": what the first needs stands in the second
            one = _one(part, _after(past, _one(parts[1], past, situation, read)), situation, read)
        found.append(one)
        target = next((str(call.arguments["target"]) for call in one.calls if "target" in call.arguments), None)
        situation = situation.model_copy(update={"target": target or situation.target})
        past = _after(past, one)
    asks = " ".join(dict.fromkeys(one.ask or one.cannot for one in found if one.ask or one.cannot))
    return Decision(found[0].intent, tuple(call for one in found for call in one.calls), asks)


def _answered(said: str, past: Past, situation: Situation, read: Reader) -> Decision | None:
    """The call the guide asked about, with what the message adds; None when the message is no answer."""
    if past.pending is None:
        return None
    tool, before = past.pending.tool, past.pending.arguments
    if _YES.match(said):
        return _decided(tool, plans.completed(tool, before, supposing=True))
    route = read(said)
    schema = TOOLS[tool].schema()
    new = given(tool, route.slots, schema, situation, plans.known_names(tool, past))
    if not set(new) - set(before) or (
        route.sure and route.intent not in {tool, "ask", "followup", "logit_lens"} and not _BARE.match(said)
    ):
        return None
    return _decided(tool, plans.completed(tool, before | new))


def _after(past: Past, decision: Decision) -> Past:
    return replace(past, calls=[*past.calls, *({"name": c.tool, "args": c.arguments} for c in decision.calls)])


def requests(said: str, past: Past, situation: Situation, read: Reader) -> list[str]:
    """The requests of a message: split only where both sides are one by themselves; greetings before them are dropped."""
    masked = said
    for one in quotes(said):
        masked = masked[: one.start] + "x" * (one.end - one.start) + masked[one.end :]
    for cut in _BETWEEN.finditer(masked):
        left, right = said[: cut.start()].strip(), said[cut.end() :].strip()
        if right and _greets(left, read):
            return requests(right, past, situation, read)
        joined = cut[0].strip(" ,").lower() == "and"
        short = min(len(left.split()), len(right.split())) < 2
        if short or _GOES_ON.match(right) or (joined and _A_THING.match(right)):
            continue
        first = _one(left, past, situation, read)
        after = _after(past, first)
        if _are_two(said, left, right, first, after, situation, read, joined=joined):
            return [left, *requests(right, after, situation, read)]
    return [said]


def _are_two(
    said: str, left: str, right: str, first: Decision, after: Past, situation: Situation, read: Reader, *, joined: bool
) -> bool:
    """Whether the halves ask for different things: the second read after the first, the whole like both of them."""
    one, other = read(left), weighed(read(right), right, after, situation)
    if not joined and first.calls and (other.intent == "followup" or len(right.split()) <= ELLIPTIC):
        made = followups.changed(after, other.slots, situation, right)
        if made is not None or other.intent == "followup":
            return made not in (None, first.calls[-1])
    if first.intent not in TOOLS or not _acts(other):
        return False
    if other.intent == "ask" and first.pending is not None:
        return False  # "switch feature 5 off and ask it this": the text is the first one's
    if first.intent == other.intent or {first.intent, other.intent} == {"compare", "compare_targets"}:
        texts = all(half.slots.texts and half.score >= CLEAR for half in (one, other))
        return texts or any(_differ(one, other, name) for name in ("target", "feature"))
    whole = read(said).shares
    likely = min(whole.get(first.intent, 0.0), whole.get(other.intent, 0.0)) >= LOOKS_LIKE
    return likely or not joined or min(one.score, other.score) >= CLEAR or bool(_DOES.match(right))


def _differ(first: Route, second: Route, name: str) -> bool:
    """Whether the same is asked of two things, in requests of which each could stand alone."""
    things = [getattr(one.slots, name) for one in (first, second)]
    return None not in things and things[0] != things[1] and min(first.score, second.score) >= SURE


def _acts(route: Route) -> bool:
    return route.sure and (route.intent in TOOLS or route.intent in {"compare", "investigate"})


def _greets(part: str, read: Reader) -> bool:
    return len(part.split()) <= 3 and read(part).intent == "smalltalk" and read(part).sure


def _one(said: str, past: Past, situation: Situation, read: Reader) -> Decision:
    route = weighed(read(said), said, past, situation)
    slots, intent = route.slots, route.intent
    if slots.unknown_target:
        return Decision(
            intent,
            ask=f"I know no target called `{slots.unknown_target}`. The picker has all, for example `{situation.target}`. Which one do you mean?",
        )
    if changed := followups.read(said, route, past, situation):
        return Decision("followup", (changed,))
    if intent == "followup" and past.last_call:
        return Decision(intent, ask=CHANGE_WHAT)
    if route.hopeless or intent == "out_of_scope":
        return Decision("out_of_scope", cannot=CANNOT)
    named = slots.any and intent in TOOLS
    if not route.sure and (not named or route.second == "belief"):
        return Decision(intent, ask=unsure(route))
    if intent in TOOLS:
        return _decided(intent, plans.plan(intent, slots, past, situation))
    handler = _HANDLERS.get(intent)
    return handler(said, route, past, situation) if handler else Decision(intent)


def _decided(intent: str, *made: Call | Question) -> Decision:
    calls = tuple(one for one in made if isinstance(one, Call))
    questions = [one for one in made if isinstance(one, Question)]
    pending = questions[-1].pending if questions else None
    return Decision(intent, calls, " ".join(one.text for one in questions), pending)


def _compare(said: str, route: Route, past: Past, situation: Situation) -> Decision:
    """With the base: measured beside what there is, or read off the control that the last evidence holds."""
    slots, last = route.slots, past.last_call
    if last is None or slots.other or slots.text or last["name"] in {"ask", "compare_targets"} or not past.measured:
        return _decided("compare_targets", plans.plan("compare_targets", slots, past, situation))
    return Decision("compare")


def _again(said: str, route: Route, past: Past, situation: Situation) -> Decision:
    """What a stop left of the last plan; else the last measurement once more."""
    wanted = past.unfinished or past.calls[-1:]
    return Decision("again", tuple(Call(one["name"], one["args"]) for one in wanted))


def _check(said: str, route: Route, past: Past, situation: Situation) -> Decision:
    """The last measurement with another seed: other controls, other draws."""
    last = past.last_call
    if last is None or "seed" not in TOOLS[last["name"]].schema()["properties"]:
        return Decision("check")
    return Decision("check", (Call(last["name"], {**last["args"], "seed": int(last["args"].get("seed", 0)) + 1}),))


def _investigate(said: str, route: Route, past: Past, situation: Situation) -> Decision:
    return _decided(
        "investigate", *(plans.plan(tool, route.slots, past, situation, supposing=True) for tool in INVESTIGATION)
    )


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
