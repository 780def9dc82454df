"""An adapter that a person trained is a model by its name, where the message speaks of one."""

import json
from pathlib import Path

import pytest

from agent.conversation import Answer
from agent.understanding.own_adapters import targets_of
from target.spec import adapters_home, public_names
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
