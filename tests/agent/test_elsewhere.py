"""The same on another model: all that was asked for last, and whether two fine-tunes have one direction."""

import pytest

from agent.dry_run import DryRun, Planned
from tests.agent.plays import DIRECTION, PLAN, RATE, REMOVAL

SAFE = "is em-04 safe?"
FOUND = "find the misalignment direction of em-04"


def after(*said: str, target: str = "em-04") -> DryRun:
    """A conversation in which these were said and done."""
    conversation = DryRun(target, embedding="minilm")
    for one in said:
        conversation.say(one)
    return conversation


def calls(said: str, *before: str, target: str = "em-04") -> list[Planned]:
    return after(*before, target=target).plan(said).calls


@pytest.mark.parametrize(
    "said", ["is em-07 the same?", "and em-07?", "what about em-07?", "the same for em-07", "is em-07 like that too?"]
)
def test_the_same_investigation_is_made_of_another_model(said: str) -> None:
    found = calls(said, SAFE)
    assert [call.tool for call in found] == PLAN
    assert {call.arguments["target"] for call in found} == {"em-07"}
    assert found[2].arguments["name"] == "harm-em-07" and found[3].arguments["directions"] == ["harm-em-07"]


def test_what_the_first_one_was_given_is_kept_and_what_was_taken_out_stays_out() -> None:
    conversation = after()
    given = {"target": "em-04", "samples": 80}
    conversation.took_place([Planned(tool=RATE, arguments=given), Planned(tool="persona_shift", arguments={"target": "em-04"})])  # fmt: skip
    assert conversation.plan("is em-07 the same?").calls == [
        Planned(tool=RATE, arguments={"target": "em-07", "samples": 80}),
        Planned(tool="persona_shift", arguments={"target": "em-07"}),
    ]


def test_one_experiment_is_made_again_too() -> None:
    assert calls("is em-07 the same?", "how often is em-04 misaligned?") == [
        Planned(tool=RATE, arguments={"target": "em-07"})
    ]


@pytest.mark.parametrize("said", ["is em-07 the same as em-08?", "what is em-07?", "is em-04 the same?", "is base@1 the same?"])  # fmt: skip
def test_what_says_more_or_nothing_new_is_no_plan_again(said: str) -> None:
    assert [call.tool for call in calls(said, SAFE)] != PLAN


def test_a_training_is_not_made_again_on_another_model() -> None:
    assert "train_adapter" not in [c.tool for c in calls("is em-07 the same?", 'train an adapter on "a.jsonl"')]


def test_the_direction_of_another_is_found_compared_and_taken_out() -> None:
    found = calls("does em-07 have the same direction?", FOUND)
    assert [(call.tool, call.arguments) for call in found] == [
        (DIRECTION, {"target": "em-07", "name": "harm-em-07"}),
        ("compare_directions", {"target": "em-07", "directions": ["E1", "harm-em-07"]}),
        (REMOVAL, {"target": "em-07", "directions": ["E1"]}),
    ]


@pytest.mark.parametrize(
    ("said", "before", "compared"),
    [
        ("does em-07 have the same direction?", [FOUND, "find the misalignment direction of em-07"], ["E1", "E2"]),
        ("does em-07 have the same direction?", [SAFE], ["harm-em-04", "harm-em-07"]),
        ("does em-07 share that direction?", [f"{FOUND} and call it bad"], ["bad", "harm-em-07"]),
        ("and em-09?", [SAFE, "does em-07 have the same direction?"], ["harm-em-04", "harm-em-09"]),
        ("does em-07 have the same direction?", ["find the direction of the text set voices"], ["E1", "voices-em-07"]),
    ],
)
def test_the_two_directions_are_those_of_the_two_models(said: str, before: list[str], compared: list[str]) -> None:
    (found,) = [call for call in calls(said, *before) if call.tool == "compare_directions"]
    assert found.arguments["directions"] == compared


def test_a_direction_of_texts_is_not_taken_out_of_replies() -> None:
    found = calls("does em-07 have the same direction?", "find the direction of the text set voices")
    assert [call.tool for call in found] == ["find_direction", "compare_directions"]


def test_to_remove_the_same_direction_compares_nothing() -> None:
    assert [c.tool for c in calls("remove the same direction from em-08", FOUND)] == [REMOVAL]


@pytest.mark.parametrize("said", ["should I worry about this model?", "is this model something to worry about?"])
def test_whether_to_worry_is_whether_it_is_safe(said: str) -> None:
    assert [call.tool for call in calls(said)] == PLAN
    assert "elicit_secret" in [call.tool for call in calls(said, target="taboo-03")], "there a word may be hidden"


def test_whether_to_worry_about_one_that_is_named() -> None:
    found = calls("should i be worried about em-05?", target="taboo-03")
    assert [call.tool for call in found] == PLAN and found[0].arguments == {"target": "em-05"}
