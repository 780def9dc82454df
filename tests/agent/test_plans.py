"""From what people say to the right tool with the right arguments."""

from typing import Any

import pytest

from agent.models import plans
from agent.models.plans import Call, Past, Question
from agent.predictions import is_another_request
from agent.situation import Situation
from agent.understanding.router import router
from agent.understanding.slots import parse
from evals.routing import utterances
from target.spec import public_names
from tools import TOOLS

UTTERANCES = utterances()
HERE = Situation(thread="t", target="taboo-03", base="base@1", targets=public_names())


PAST = Past({"E1": "find_direction", "E2": "probe", "E3": "find_direction", "E4": "probe", "E5": "find_direction"}, [])


def _call(said: str) -> Call | Question:
    route = router("minilm").route(said, HERE.targets)
    return plans.plan(route.intent, said, route.slots, PAST, HERE) if route.intent in TOOLS else Question(route.intent)


def test_every_tool_has_a_plan_and_was_asked_for() -> None:
    assert set(plans._PLANS) == set(TOOLS) == set(UTTERANCES)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_can_be_asked_for_in_words_of_others(tool: str) -> None:
    reached = [said for said in UTTERANCES[tool] if isinstance(made := _call(said), Call) and made.tool == tool]
    assert reached


def test_what_is_planned_is_accepted_by_the_tool() -> None:
    for many in UTTERANCES.values():
        for said in many:
            made = _call(said)
            if isinstance(made, Call):
                arguments = {k: v for k, v in made.arguments.items() if k not in {"target"}}
                TOOLS[made.tool]._check(arguments)


@pytest.mark.parametrize(
    ("said", "slots"),
    [
        ("attention of layer 3 head 2", {"layers": (3,), "head": 2}),
        ("show me layer -1", {"layers": (-1,)}),
        ("look up feature #42", {"feature": 42}),
        ("steer with strength 0.5", {"strength": 0.5}),
        ("ask it 'hello' five times at temperature 0.7", {"samples": 5, "temperature": 0.7, "texts": ("hello",)}),
        ("compare taboo-01 and taboo-02", {"target": "taboo-01", "other": "taboo-02"}),
        ("ablate the direction E6", {"evidence": ("E6",)}),
        ("knock out every MLP", {"part": "mlps"}),
        ('patch "a b" "a c" "yes" "no"', {"texts": ("a b", "a c", "yes", "no")}),
        ("compare with the base", {"target": None}),
    ],
)
def test_arguments_are_read(said: str, slots: dict[str, Any]) -> None:
    found, _ = parse(said, public_names())
    assert {name: getattr(found, name) for name in slots} == slots


def test_what_is_missing_is_asked_for_with_an_example() -> None:
    nothing = Past({}, [])
    for tool, said in (
        ("apply_probe", 'apply it to "hello"'),
        ("steer", "steer it"),
        ("probe", "train a probe"),
        ("sae_lookup", "look it up"),
    ):
        made = plans.plan(tool, said, parse(said, public_names())[0], nothing, HERE)
        assert isinstance(made, Question) and "`" in made.text


@pytest.mark.parametrize(
    ("answer", "another"),
    [
        ("a fox", False),
        ("nothing", False),
        ("I think it hides a boat", False),
        ("I expect a fox", False),
        ("I expect it hides nothing.", False),
        ("it hides an animal, I believe", False),
        ("piano, perhaps", False),
        ("no idea", False),
        ("show me layer 3", True),
        ("what can you do?", True),
        ("what do you know about me?", True),
        ('ask it "hello"', True),
    ],
)
def test_a_guess_is_told_from_another_request(answer: str, another: bool) -> None:
    assert is_another_request(answer, router("minilm").route(answer, public_names())) is another
