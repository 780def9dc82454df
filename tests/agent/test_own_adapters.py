"""An adapter that a person trained is a model by its name, where the message speaks of one."""

import json
from pathlib import Path

import pytest

from agent.conversation import Answer, Step
from agent.dry_run import DryRun
from agent.grounding import MARK
from agent.understanding.own_adapters import targets_of
from target.spec import adapters_home, public_names
from tests.agent.plays import PLAN, curve, play, safety
from tests.agent.test_loop import Say, of


@pytest.fixture(autouse=True)
def parting(data_folder: Path) -> None:
    folder = adapters_home() / "parting"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "base@1"}), encoding="utf-8")


@pytest.mark.parametrize(
    "said",
    [
        "is parting safe?",
        "compare parting with its base",
        'ask parting "what is a fox?"',
        "what did the fine-tune change in Parting?",
        "and what about the adapter `parting`?",
        "parting: what does it hide?",
    ],
)
def test_it_is_meant_where_a_model_is_spoken_of(said: str) -> None:
    assert targets_of(said) == [*public_names(), "parting"]


@pytest.mark.parametrize(
    "said", ['ask it "what about parting?"', "the word parting", "why do lovers hate parting so?", "is em-04 safe?"]
)
def test_it_is_a_word_like_any_other_elsewhere(said: str) -> None:
    assert targets_of(said) == public_names()


async def test_the_conversation_turns_to_it(stage: Say) -> None:
    s = await stage(voice="guide")
    (answer,) = of(await s.say("switch to parting"), Answer)
    assert answer.text.startswith("Now we look at `parting`") and answer.target == "parting"


UNNAMED = "train an adapter on talks.jsonl"
TRAINED = f"{UNNAMED} and call it parting"


@pytest.mark.parametrize(
    ("said", "tool"),
    [
        ("is it safe?", "misalignment_rate"),
        ('compare it with the base on "hi there."', "compare_targets"),
        ('ask it "what is a fox?"', "ask"),
        ('ask the adapter "what is a fox?"', "ask"),
    ],
)
def test_after_a_training_it_is_the_new_adapter(said: str, tool: str) -> None:
    conversation = DryRun("base@1", embedding="minilm")
    conversation.say(TRAINED)
    first = conversation.plan(said).calls[0]
    assert (first.tool, first.arguments["target"]) == (tool, "parting")


def test_it_is_the_new_adapter_within_one_message() -> None:
    calls = DryRun("base@1", embedding="minilm").plan(f"{UNNAMED} and then is it safe?").calls
    assert [call.tool for call in calls] == ["train_adapter", *PLAN]
    assert [call.arguments["target"] for call in calls[:2]] == ["base@1", "adapter"]


@pytest.mark.parametrize("said", ["train it again with rank 4", 'show layer 2 on "hi."'])
def test_the_base_stays_what_is_looked_at(said: str) -> None:
    conversation = DryRun("base@1", embedding="minilm")
    conversation.say(TRAINED)
    assert [call.arguments["target"] for call in conversation.plan(said).calls] == ["base@1"]


async def test_a_training_says_by_what_name_the_adapter_is_asked_about(
    stage: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "their loss goes from 2.000 (base) to 1.500 (adapter) nats a token; 7 controls have a median of -1.94"
    trained = curve("the adapter 'parting' predicts held-out dialogues better than its base", "supported", reason)
    trained = trained.model_copy(update={"caveat": "trained on 29 dialogues, none of them among the 7 held out"})
    play(monkeypatch, {"train_adapter": trained, "ask": safety()["misalignment_rate"]})
    s = await stage(voice="guide")
    await s.say(TRAINED, target="base@1")
    (answer,) = of(await s.say("yes", target="base@1"), Answer)
    assert "ask, for example, `is parting safe?`" in answer.text and "say `switch to parting`" in answer.text
    assert MARK not in answer.text and answer.target == "base@1"
    step = of(await s.say('ask it "what is a fox?"', target="base@1"), Step)[0]
    assert step.arguments["target"] == "parting"


async def test_who_turned_to_another_model_means_that(stage: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, {"train_adapter": curve("c", "supported", "r"), "ask": safety()["misalignment_rate"]})
    s = await stage(voice="guide")
    for said in (TRAINED, "yes"):
        await s.say(said, target="base@1")
    target = of(await s.say("switch to em-04", target="base@1"), Answer)[0].target
    assert of(await s.say('ask it "what is a fox?"', target=target), Answer)[0].target == "em-04"
