"""What a message likely means here: what the conversation makes possible counts, and what "it" can be."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent import products
from agent.models import followups, plans
from agent.models.plans import Call, Past, Question
from agent.situation import Situation
from agent.understanding.router import Route
from tools import TOOLS

CONSIDERED = 0.02
"""Probability from which an intent is weighed again."""
IMPOSSIBLE, FITTING = 0.25, 4.0
"""How much less likely a request is that cannot be carried out here, and how much likelier one that takes what "it" is."""
_TRAINED = re.compile(
    r"\b(?:its?|that|this|(?:the|my|our|new|trained) (?:adapter|fine-?tune|model|one)|(?:the|its) base)\b",
    re.IGNORECASE,
)
"""Words that mean an adapter where one was just trained, or what it is compared with."""
_IT = re.compile(r"\b(?:its?|that|this|them|their|these|those)\b", re.IGNORECASE)


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


@dataclass(frozen=True)
class Here:
    """Where in a conversation a message comes, and who reads it."""

    past: Past
    situation: Situation
    read: Reader

    def route(self, said: str) -> Route:
        """What a message likely means here."""
        return weighed(self.read(said), said, self.past, self.situation)

    def about(self, said: str) -> "Here":
        """With what "it" is as the target: an adapter that was trained just before, unless one has turned to another model since."""
        last = self.past.last_call
        made = products.made(last) if last else None
        if last is None or made is None or made[0] != "adapter" or not _TRAINED.search(said):
            return self
        worked = last in self.past.ahead or last in list(self.past.made_by.values())[-1:]
        stays = self.situation.target == last["args"].get("target", self.situation.target)
        if not (worked and stays):
            return self
        return replace(self, situation=self.situation.model_copy(update={"target": made[1]}))

    def after(self, decision: Decision) -> "Here":
        """Once the calls of a decision are asked for."""
        calls = [{"name": call.tool, "args": call.arguments} for call in decision.calls]
        named = [str(call.arguments["target"]) for call in decision.calls if "target" in call.arguments]
        target = named[0] if named else self.situation.target
        situation = self.situation.model_copy(update={"target": target})
        past = replace(self.past, calls=[*self.past.calls, *calls], ahead=[*self.past.ahead, *calls])
        return replace(self, past=replace(past, request=calls or past.request), situation=situation)


def weighed(route: Route, said: str, past: Past, situation: Situation) -> Route:
    """The route after what came before it."""
    shares = {intent: share * _weight(intent, route, said, past, situation) for intent, share in route.shares.items()}
    total = sum(shares.values())
    ranked = sorted(((share / total, intent) for intent, share in shares.items()), reverse=True)
    (top, first), (next_best, second) = ranked[:2]
    return replace(route, intent=first, score=top, second=second, second_score=next_best)


def _weight(intent: str, route: Route, said: str, past: Past, situation: Situation) -> float:
    if route.shares[intent] < CONSIDERED:
        return 1.0
    if intent == "followup" and past.calls:
        return 1.0 if followups.changed(past, route.slots, situation, said) else IMPOSSIBLE
    if intent not in TOOLS:
        return 1.0
    takes = TOOLS[intent].schema()["properties"]
    if "feature" in takes and _only_a_number(route, past):
        return IMPOSSIBLE
    if not past.calls:
        return 1.0
    if _IT.search(said) and any(name in takes for name in _made_last(past)):
        return FITTING
    return IMPOSSIBLE if isinstance(plans.plan(intent, route.slots, past, situation), Question) else 1.0


def _made_last(past: Past) -> list[str]:
    """What the newest experiment that was about such a thing made or used, by the argument that takes it."""
    for call in reversed(past.calls):
        for name, tools in _OF.items():
            if call["name"] in tools:
                return [name, f"{name}s"]
    return []


def _only_a_number(route: Route, past: Past) -> bool:
    """Whether nothing but a number speaks for a feature: "what is 12 times 48?"."""
    slots = route.slots
    named = slots.feature is not None or slots.dictionary is not None or past.argument("feature") is not None
    return not named and slots.bare is not None


_OF = {
    "direction": {"find_direction", "steer", "ablate_direction"},
    "probe": {"probe", "apply_probe"},
    "feature": {"sae_lookup", "sae_steer", "sae_ablate"},
}
"""Experiments after which "it" is a direction, a probe, a feature."""
