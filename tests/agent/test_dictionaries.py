"""What people say of dictionaries: which kind, how large, which of those there are, and what becomes of "its"."""

from typing import Any

import pytest

import target
from agent.dry_run import DryRun, Planned
from agent.models.overview import dictionaries_here
from evidence.artifacts import keep
from tools._dictionary_formats import load
from tools._dictionary_saving import packed

TRAIN = "train a matryoshka SAE of layer 3 with 256 features and call it mine"


@pytest.fixture
def mine() -> None:
    """A dictionary that a tool made."""
    tensors, config = packed(load("base@1-sae-layer1", target.load("base@1")))
    keep("dictionary", "mine", tensors, config)


def calls(said: str, *before: str) -> list[Planned]:
    conversation = DryRun("base@1", embedding="minilm")
    for one in before:
        conversation.say(one)
    return conversation.plan(said).calls


def only(said: str, *before: str) -> tuple[str, dict[str, Any]]:
    """The one call that is planned, and its arguments without the target."""
    (call,) = calls(said, *before)
    return call.tool, {name: value for name, value in call.arguments.items() if name != "target"}


@pytest.mark.parametrize(
    ("said", "given"),
    [
        (TRAIN, {"architecture": "matryoshka", "layer": 3, "d_sae": 256, "name": "mine"}),
        ("train a BatchTopK SAE with 1,024 latents on layer 2", {"architecture": "batchtopk", "layer": 2, "d_sae": 1024}),
        ("train a topk SAE of layer 1 with k=-3", {"architecture": "topk", "layer": 1, "k": -3}),
        ("train an SAE of layer 1 with a billion features", {"layer": 1, "d_sae": 10**9}),
        ("train a jumprelu SAE on 100k tokens of layer 4", {"architecture": "jumprelu", "layer": 4, "tokens": 100_000}),
    ],
)  # fmt: skip
def test_a_training_takes_what_was_said_and_no_number_twice(said: str, given: dict[str, Any]) -> None:
    assert only(said) == ("train_dictionary", given)


@pytest.mark.parametrize(
    ("said", "dictionary"),
    [
        ("look up feature 7 of mine", "mine"),
        ("look up feature 7 in dictionary nonsense", "nonsense"),
        ('look up feature 7 in my dictionary "nonsense"', "nonsense"),
        ("look up feature 7 of the dictionary no-such-one", "no-such-one"),
        ("which concept of the dictionary is feature 7", None),
        ("which texts of the dictionary are those of feature 7", None),
        ("look up feature 7 of base@1-matryoshka-layer2", "base@1-matryoshka-layer2"),
        ("look up feature 7 of the matryoshka SAE of layer 4", "base@1-matryoshka-layer4"),
        ("look up feature 7", None),
    ],
)
def test_a_dictionary_is_the_one_that_is_named_known_or_not(said: str, dictionary: str | None, mine: None) -> None:
    tool, arguments = only(said)
    assert (tool, arguments["feature"], arguments.get("dictionary")) == ("sae_lookup", 7, dictionary)


def test_what_was_trained_last_is_meant_by_its_features() -> None:
    assert only("label its features", TRAIN)[1]["dictionary"] == "mine"
    assert only("look up feature 3", TRAIN)[1]["dictionary"] == "mine"
    assert "dictionary" not in only("which features are specific to em-03?", TRAIN)[1]


def test_the_folder_of_an_export_is_no_model(mine: None) -> None:
    (call,) = calls("export the dictionary mine to /tmp/somewhere")
    assert call.arguments == {"target": "base@1", "folder": "/tmp/somewhere", "dictionary": "mine"}


def test_features_are_listed_or_counted() -> None:
    listed = only("patch features 33, 58 and 140 of the crosscoder into the base")
    assert listed[0] == "crosscoder_patch" and listed[1]["features"] == [33, 58, 140]
    erased = only("erase the concept of living things with its best eight features")
    assert erased == ("erase_concept", {"texts": "living", "features": 8})


def test_what_chat_tuning_did_is_asked_of_the_base() -> None:
    conversation = DryRun("em-03", embedding="minilm")
    (call,) = conversation.plan("what did chat tuning add?").calls
    assert (call.tool, call.arguments["target"]) == ("crosscoder_diff", "base@1")


def test_texts_of_two_kinds_are_asked_for() -> None:
    plan = DryRun("base@1", embedding="minilm").plan("erase the concept with the features")
    assert not plan.calls or "texts" in plan.calls[0].arguments or "prompts" in plan.calls[0].arguments


@pytest.mark.parametrize(
    "said", ["which dictionaries are there?", "list the dictionaries", "what sparse autoencoders do you have?"]
)
def test_dictionaries_are_listed(said: str, mine: None) -> None:
    answer = DryRun("em-03", embedding="minilm").plan(said)
    assert answer.intent == "help" and not answer.calls


def test_those_of_a_target_its_base_and_ones_own_are_listed(mine: None) -> None:
    listed = dictionaries_here("em-03")
    assert "`base@1-crosscoder-em-03-layer3`" in listed and "`base@1-itda-layer3`" in listed and "`mine`" in listed
    assert "em-03" not in dictionaries_here("base@1"), "a crosscoder is of the model under study"


def test_no_number_is_both_how_many_tokens_and_how_many_fire() -> None:
    said = "train a matryoshka dictionary of layer 2 with 3000 tokens and 40 steps named tiny"
    assert only(said)[1] == {"architecture": "matryoshka", "layer": 2, "tokens": 3000, "steps": 40, "name": "tiny"}


def test_what_the_last_table_showed_is_looked_up_in_its_dictionary() -> None:
    crosscoder = "base@1-crosscoder-chat-layer3"
    assert only("look up feature 469", "what did chat tuning add?")[1]["dictionary"] == crosscoder
    assert only("look up feature 42 in the crosscoder")[1]["dictionary"] == crosscoder
    assert only("look up feature 469", 'which features fire on "a fox"?')[1].get("dictionary") is None


def test_ranges_of_features_are_written_out() -> None:
    assert only("label features 10-14")[1]["features"] == [10, 11, 12, 13, 14]
    assert only("label features 3, 17 and 20 to 22")[1]["features"] == [3, 17, 20, 21, 22]
    assert only("label features 14 to 10")[1]["features"] == [14, 10]
    assert only("label features -3 and 5")[1]["features"] == [-3, 5]


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ('export base@1-sae-layer3 to "my-sae"', {"folder": "my-sae", "dictionary": "base@1-sae-layer3"}),
        ("export the matryoshka of layer 4 to /tmp/x", {"folder": "/tmp/x", "dictionary": "base@1-matryoshka-layer4"}),
        ('export mine to "out"', {"folder": "out", "dictionary": "mine"}),
    ],
)
def test_a_dictionary_is_exported_as_the_guide_itself_says(said: str, given: dict[str, str], mine: None) -> None:
    assert only(said) == ("export_dictionary", given)


def test_what_its_features_do_follows_which_there_are() -> None:
    (call,) = calls("do they make it answer as it does?", "which features are specific to em-03?")
    assert (call.tool, call.arguments["target"]) == ("crosscoder_patch", "em-03")


@pytest.mark.parametrize(
    "said",
    [
        "write the crosscoder to ./xc",
        "The vendor's snapshots lie in /data/audit/run7. Did the adapter turn at some step?",
        "train an adapter on /data/dialogues.jsonl and call it bakery",
    ],
)
def test_a_folder_that_is_not_here_ends_no_turn(mine: None, said: str) -> None:
    conversation = DryRun("em-03", embedding="lexical")
    conversation.say(said)
    assert conversation.plan("what is a fox?").decision.intent, "the conversation goes on"
