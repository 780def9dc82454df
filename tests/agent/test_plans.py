"""From what people say to the right tool with the right arguments."""

from typing import Any

import pytest

from agent.dry_run import DryRun
from agent.models import plans
from agent.models.decisions import Decision, decide
from agent.models.plans import Past, Question
from agent.predictions import is_another_request
from agent.situation import Situation
from agent.understanding.router import router
from agent.understanding.slots import parse
from evals.understanding import rows
from target.spec import public_names
from tools import TOOLS

ROWS = [
    row
    for name in ("routing_dev", "routing_dev_more", "routing_misalignment", "routing_dictionaries")
    for row in rows(name)
]
HERE = Situation(thread="t", target="taboo-03", base="base@1", targets=public_names())
NOTHING = Past({}, [])


def decided(said: str, past: Past = NOTHING) -> Decision:
    return decide(said, past, HERE, lambda text: router("minilm").route(text, HERE.targets))


def after(*said: str) -> Past:
    """What happened once these were said and done."""
    conversation = DryRun("taboo-03", embedding="minilm")
    for one in said:
        conversation.say(one)
    return conversation._past


def test_every_tool_was_asked_for_by_others() -> None:
    assert {call["tool"] for row in ROWS for call in row["calls"]} == set(TOOLS)


def test_what_is_planned_is_accepted_by_the_tool() -> None:
    planned = [call for row in rows("routing_dev") if not row["history"] for call in decided(row["say"]).calls]
    assert len(planned) > 50
    for call in planned:
        arguments = {name: value for name, value in call.arguments.items() if name != "target"}
        named = {name: value for name, value in arguments.items() if name not in TOOLS[call.tool].references}
        missing = {name: "E1" for name in set(arguments) - set(named)}
        TOOLS[call.tool].check(named | missing | ({"directions": ["E1", "E2"]} if "directions" in arguments else {}))


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
        ("knock out every MLP", {"rest": "knock out every MLP"}),
        ('patch "a b" "a c" "yes" "no"', {"texts": ("a b", "a c", "yes", "no")}),
        ("layers 1 and 4, L2", {"layers": (1, 4, 2)}),
        ("the third layer", {"layers": (3,)}),
        ("top 10, at most 20 tokens", {"k": 10, "tokens": 20}),
        ('start its reply with "my word is"', {"prefill": "my word is", "texts": ()}),
        ('with the system prompt "be kind." ask "hi"', {"system": "be kind.", "texts": ("hi",)}),
        ('texts "a","b" against "c d","e f"', {"groups": (("a", "b"), ("c d", "e f"))}),
        ("train it and call it tone_2", {"new_name": "tone_2"}),
        ("compare with the base", {"target": None}),
    ],
)
def test_arguments_are_read(said: str, slots: dict[str, Any]) -> None:
    found, _ = parse(said, public_names())
    assert {name: getattr(found, name) for name in slots} == slots


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("apply_probe", 'apply it to "hello"'),
        ("steer", "steer it"),
        ("probe", "train a probe"),
        ("sae_lookup", "look up a feature"),
    ],
)
def test_what_is_missing_is_asked_for_with_an_example(tool: str, said: str) -> None:
    made = plans.plan(tool, parse(said, HERE.targets)[0], NOTHING, HERE)
    assert isinstance(made, Question) and "`" in made.text and made.pending


def test_an_answer_to_a_question_completes_what_was_asked() -> None:
    past = after("attention pattern of layer 2 head 1")
    assert past.pending and past.pending.tool == "attention_pattern"
    answered = decided('on "a bird is a bird."', past).calls[0]
    assert answered.arguments["prompt"] == "a bird is a bird." and answered.arguments["head"] == 1
    assert decided("yes", past).calls[0].arguments["prompt"] == "what is a fox?", (
        "ours are taken when they are accepted"
    )
    assert decided("what is a logit lens?", past).intent == "explain", "something else is no answer"


@pytest.mark.parametrize(
    ("before", "said", "calls"),
    [
        (["train a probe on living"], 'apply it to "a stone."', [("apply_probe", {"prompt": "a stone.", "probe": "E1"})]),
        (["look up feature 42"], "and 17", [("sae_lookup", {"feature": 17})]),
        (['show layer 3 on "hi."'], "no, layer 4", [("logit_lens", {"layers": [4], "prompt": "hi."})]),
        (['ask it "hi."'], "the same for taboo-09", [("ask", {"prompt": "hi.", "target": "taboo-09"})]),
        (['ask it "hi."'], "does the base differ on that?", [("compare_targets", {"prompts": ["hi."]})]),
        (['ask taboo-05 "hi."', 'ask taboo-09 "hi."'], "and the other one?", [("ask", {"target": "taboo-05"})]),
        ([], 'ask it "hi." and then show me layer 2', [("ask", {"prompt": "hi."}), ("logit_lens", {"layers": [2], "prompt": "hi."})]),
        ([], 'steer with polite on "go."', [("steer", {"direction": "polite", "prompts": ["go."]})]),
        ([], 'how much is written to hot rather than cold on "fire is"?', [("direct_logit_attribution", {"word": "hot", "other_word": "cold"})]),
    ],
)  # fmt: skip
def test_what_came_before_is_understood(before: list[str], said: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
    found = decided(said, after(*before)).calls
    assert [call.tool for call in found] == [tool for tool, _ in calls]
    for call, (_, wanted) in zip(found, calls, strict=True):
        assert {name: call.arguments.get(name) for name in wanted} == wanted


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
