"""Where the loop waits for a person: to accept a plan, to allow what a tool would do, to predict before a reveal.

Each has a `..._due` that tells by the state alone whether it has to ask; a step that has nothing to ask is not visited.
What was asked and answered is kept with the message that asks for the calls, so that it is told again in its place.
"""

from collections.abc import Callable, Iterable
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import interrupt

from agent import forecasts, permissions, planning, predictions
from agent.acting import unrun
from agent.events import EXCHANGES, NOT_RUN, PUT_OFF, TAKEN_OUT, with_aside
from agent.learner import preferences
from agent.learner.person import Said, noticed
from agent.permissions import Permissions
from agent.requested import requests, waiting
from agent.state import State, asking, last_said, open_calls
from agent.understanding.router import Route
from evidence import AnyEvidence
from evidence.errors import TargetError
from target.spec import parse
from tools import TOOLS

HOW = " (A guess, or how likely you find it: `sure`, `likely`, `unlikely`, a percentage; or `skip`.)"
Seconds = Callable[[str], float | None]
"""What a tool took before, in seconds; None when it never ran."""
Reader = Callable[[str], Route]
Exchange = tuple[str, str]
"""A question and its answer; no answer where what was said begins a turn of its own."""
INSTEAD = f"{NOT_RUN}: the person asked for something else instead"
ACCEPTED = "accepted"
"""Whether the person had accepted the plan that waits, among the `additional_kwargs` of its results."""


def plan_due(state: State, seconds: Seconds) -> bool:
    """Several experiments at once, or a long one, that nobody has accepted in this turn, or before it was put off."""
    return not (state["accepted"] or _taken_up(state)) and planning.needed(open_calls(state), seconds)


def propose(state: State, seconds: Seconds) -> dict[str, Any]:
    """Show the plan, and keep of it what the person keeps."""
    wanted = open_calls(state)
    question, problem = planning.card(wanted, state["target"], seconds), ""
    before: list[Exchange] = []
    while True:
        asked = "\n\n".join(part for part in (problem, question, planning.QUESTION) if part)
        answer = str(interrupt({"kind": "plan", "question": asked})).strip()
        kept = planning.chosen(answer, len(wanted))
        if kept is None:
            return _redirected(state, answer, INSTEAD, *before, (asked, ""))
        before.append((asked, answer))
        if isinstance(kept, list):
            dropped = [call for n, call in enumerate(wanted, start=1) if n not in kept]
            return {"accepted": True, "messages": [_with(state, *before), *(unrun(one, TAKEN_OUT) for one in dropped)]}
        problem = kept


def approve_due(state: State, permitted: Permissions) -> bool:
    """Something that needs a permission nobody gave."""
    return bool(permitted.missing(state))


def approve(state: State, permitted: Permissions, seconds: Seconds, read: Reader) -> dict[str, Any]:
    """Ask before anything is trained or exported; what is refused is refused by code, and another request comes first."""
    question, problem = permissions.question(state, permitted.missing(state), seconds), ""
    before: list[Exchange] = []
    while True:
        asked = "\n\n".join(part for part in (problem, question) if part)
        answer = str(interrupt({"kind": "approve", "question": asked}))
        said_else = planning.chosen(answer, 1) is None
        if said_else and read(answer).sure:
            return _redirected(state, answer, PUT_OFF, *before, (asked, ""))
        before.append((asked, answer))
        if not (said_else and answer.rstrip().endswith("?")):
            changed = permitted.decide(state, answer)
            return changed | {"messages": [_with(state, *before), *changed.get("messages", [])]}
        problem = "Nothing runs before you allow it, and what I know of it beforehand stands below."


def predict_due(state: State) -> bool:
    """A reveal of something about a target that the person was not asked about, and does not mind being asked."""
    call = _reveals(state)
    if call is None or state.get("no_predictions"):
        return False
    target = _about(call, state)
    return target not in state["asked_to_predict"] and _hides(target, call)


def predict(state: State, read: Reader, earlier: Callable[[], Iterable[AnyEvidence]]) -> dict[str, Any]:
    """Ask what the person expects; another request in its place comes first. `earlier` is the conversation's evidence."""
    call = _reveals(state)
    assert call is not None
    target = _about(call, state)
    question = str(TOOLS[call["name"]].predict).replace("Before I look", f"Before I look at {target}") + HOW
    answer = str(interrupt({"kind": "predict", "question": question, "target": target})).strip()
    asked = [*state["asked_to_predict"], target]
    if predictions.skips(answer, read):
        return {"asked_to_predict": asked, "messages": [_with(state, (question, answer))]}
    if {"answer only", "no predictions"} & set(preferences.within(answer)):
        said = Said(answer, state["thread"], str(last_said(state).id), target)
        unwanted = [one.model_dump() for one in noticed(said, "preference", None, "")] if not state["paused"] else []
        kept = {"noticed": [*state["noticed"], *unwanted], "no_predictions": True}
        return kept | {"asked_to_predict": asked, "messages": [_with(state, (question, answer))]}
    if predictions.is_another_request(answer, read(answer)):
        return _redirected(state, answer, PUT_OFF, (question, ""))
    if predictions.asks_back(answer):
        return {"asked_to_predict": asked, "messages": [_with(state, (question, answer))]}
    mine = forecasts.ours(earlier(), call["name"])
    stated = predictions.made(target, call["name"], answer, str(last_said(state).id), mine)
    return {"asked_to_predict": asked, "prediction": stated, "messages": [_with(state, (question, answer))]}


def _reveals(state: State) -> dict[str, Any] | None:
    return next((c for c in open_calls(state) if c["name"] in TOOLS and TOOLS[c["name"]].predict), None)


def _about(call: dict[str, Any], state: State) -> str:
    return str(call["args"].get("target") or state["target"])


def _with(state: State, *exchanges: Exchange) -> AIMessage:
    """The message that asks for the calls, with what was asked about them added; it replaces itself by its id."""
    message = asking(state)
    kept = [*message.additional_kwargs.get(EXCHANGES, []), *({"question": q, "answer": a} for q, a in exchanges)]
    return message.model_copy(update={"additional_kwargs": {**message.additional_kwargs, EXCHANGES: kept}})


def _redirected(state: State, said: str, why: str, *exchanges: Exchange) -> dict[str, Any]:
    """The person wants something else: nothing of what was to be run is begun, and what they said comes next."""
    marked = {ACCEPTED: state["accepted"] or _taken_up(state)}
    unbegun = [unrun(call, why).model_copy(update={"additional_kwargs": marked}) for call in open_calls(state)]
    return {"messages": [_with(state, *exchanges), *unbegun, HumanMessage(said)]}


def _taken_up(state: State) -> bool:
    """Whether all that is to be run was accepted before it was put off."""
    before = state["messages"][: state["messages"].index(asking(state))]
    accepted = [m for m in before if isinstance(m, ToolMessage) and m.additional_kwargs.get(ACCEPTED)]
    waits = waiting(requests(before)) if accepted else []
    return bool(waits) and all({"name": one["name"], "args": one["args"]} in waits for one in open_calls(state))


def reminded(state: State) -> dict[str, Any]:
    """After the answer to what came first: what waits for it, and how to go on; with the answer's message that keeps it."""
    place = state["messages"].index(last_said(state))
    before = state["messages"][place - 1] if place else None
    waits = waiting(requests(state["messages"]))
    if not (isinstance(before, ToolMessage) and before.content == PUT_OFF and waits):
        return {}
    what = "Your plan" if before.additional_kwargs.get(ACCEPTED) else "What you asked for before"
    text = f"{what} waits: {_listed(waits, state['target'])}. Say `go on` and I take it up there."
    return {"messages": [with_aside(state["messages"][-1], text)]}


def _listed(waits: list[dict[str, Any]], current: str) -> str:
    """Calls as `compare_targets` and `elicit_secret` on taboo-03."""
    targets = " and ".join(dict.fromkeys(str(one["args"].get("target") or current) for one in waits))
    *most, last = [f"`{one['name']}`" for one in waits]
    return f"{', '.join(most)}{' and ' if most else ''}{last} on {targets}"


def _hides(target: str, call: dict[str, Any]) -> bool:
    """Whether there is something to predict: the target exists, and has a base to be compared with."""
    try:
        return parse(target).adapter is not None or bool(call["args"].get("other"))
    except TargetError:
        return False
