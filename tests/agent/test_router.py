"""Routing by meaning, and the arguments in an utterance."""

from pathlib import Path

import pytest

from agent.embedding import embedding
from agent.learner.turns import CONCEPTS, TURNS
from agent.understanding import classifier, examples, spelling
from agent.understanding.router import router
from agent.understanding.slots import parse
from target.spec import public_names

TARGETS = public_names()


@pytest.mark.parametrize(
    ("said", "target"),
    [
        ("what word is taboo-03 hiding?", "taboo-03"),
        ("What is Taboo 3 hiding", "taboo-03"),
        ("tabo-03 please", "taboo-03"),
        ("look at taboo12", "taboo-12"),
        ("show me layer 3", None),
        ("is it a fox?", None),
        ("ask base@1", "base@1"),
        ("what is Qwen/Qwen2.5-0.5B-Instruct hiding?", "Qwen/Qwen2.5-0.5B-Instruct"),
        ("what is ./my-organism hiding?", "./my-organism"),
        ("is it a yes/no question?", None),
        ("show me the top-5 words", None),
    ],
)
def test_targets_are_found_with_typos_and_nothing_else_is_taken_for_one(said: str, target: str | None) -> None:
    assert parse(said, TARGETS)[0].target == target


def test_a_target_that_does_not_exist_is_reported() -> None:
    assert parse("what is taboo-99 hiding?", TARGETS)[0].unknown_target == "taboo-99"


@pytest.mark.parametrize(
    ("said", "layers"),
    [
        ("show me layer 3", (3,)),
        ("layers 2 to 4", (2, 3, 4)),
        ("layer 4-5 please", (4, 5)),
        ("layers 4 to 2", (2, 3, 4)),
        ("which layer?", ()),
    ],
)
def test_layers_are_read(said: str, layers: tuple[int, ...]) -> None:
    assert parse(said, TARGETS)[0].layers == layers


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('ask it "what is a fox?"', "what is a fox?"),
        ("ask it what a fox is", "what a fox is"),
        ("tell taboo-03 to give a hint", "give a hint"),
        ("what can you do?", None),
        ("don't show layer 3", None),
    ],
)
def test_the_text_for_the_target_is_found(said: str, text: str | None) -> None:
    assert parse(said, TARGETS)[0].text == text


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("What word is taboo-03 hiding?", "elicit_secret"),
        ("is there a secret in taboo-05?", "elicit_secret"),
        ("show me layer 3", "logit_lens"),
        ('ask it "hello"', "ask"),
        ("compare with the base", "compare"),
        ("why do you think so?", "why"),
        ("what can you do?", "help"),
        ("what's the weather like tomorrow?", "out_of_scope"),
        ("I think it hides a fox", "belief"),
        ("thanks!", "smalltalk"),
        ("what do you remember about me?", "memory"),
    ],
)
@pytest.mark.parametrize("embedding", ["minilm", "lexical"])
def test_the_plain_intents_are_understood_by_both_embeddings(said: str, intent: str, embedding: str) -> None:
    assert router(embedding).route(said, TARGETS).intent == intent


def test_nonsense_is_hopeless_rather_than_guessed() -> None:
    route = router("minilm").route("asdfgh qwerty zxcvb", TARGETS)
    assert route.hopeless or route.intent == "out_of_scope" or not route.sure


@pytest.mark.parametrize("task", [classifier.REQUESTS, TURNS, CONCEPTS], ids=lambda task: task.name)
@pytest.mark.parametrize("name", classifier.SHIPS)
def test_what_ships_was_learned_from_the_examples_that_are_declared(name: str, task: classifier.Task) -> None:
    shipped = classifier._read(classifier.SHIPPED / classifier.file_name(name, task), task)
    assert shipped is not None, "the examples, or how they are read, were changed: run `make understanding`"
    assert set(shipped.intents) == set(task.declared())


def test_other_examples_are_learned_once_and_kept(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {
        "ask": ["ask it hello", "say hi to it", "put a question to it"],
        "help": ["what can you do?", "help me", "help"],
        "stop": ["stop", "halt"],
    }
    task = classifier.Task("few", lambda: few, classifier.REQUESTS.see)
    made = classifier.classifier(embedding("lexical"), task)
    assert made.intents == ("ask", "help", "stop")
    assert (data_folder / "understanding" / "few-lexical.safetensors").exists()
    classifier._classifier.cache_clear()
    monkeypatch.setattr(classifier, "learn", lambda embed, task: pytest.fail("learned again"))
    again = classifier.classifier(embedding("lexical"), task)
    seen, _ = classifier.seen(embedding("lexical"), ["please help"])
    assert next(iter(again(seen[0]))) == "help" and abs(sum(again(seen[0]).values()) - 1) < 1e-5


def test_what_ships_of_words_and_letters_was_learned_from_the_same_examples() -> None:
    shipped = spelling.read(classifier.SHIPPED / classifier.SPELLING, examples.digest(examples.declared()))
    assert shipped is not None, "the examples, or how they are read, were changed: run `make understanding`"
    assert set(shipped.intents) == set(examples.declared())


def test_words_and_letters_are_learned_kept_and_read_again(tmp_path: Path) -> None:
    few = {
        "logit_lens": ["logit lens please", "the logit lens"],
        "stop": ["stop", "stop now"],
        "help": ["help", "help me"],
    }
    made = spelling.learn(few, TARGETS)
    spelling.write(made, tmp_path / "few.safetensors", "one")
    assert spelling.read(tmp_path / "few.safetensors", "another") is None
    again = spelling.read(tmp_path / "few.safetensors", "one")
    assert again is not None
    slots, plain = parse("a logit-lens, plz", TARGETS)
    for one in (made, again):
        shares = one(plain, "a logit-lens, plz", slots)
        assert max(shares, key=lambda name: shares[name]) == "logit_lens" and abs(sum(shares.values()) - 1) < 1e-5


def test_a_request_is_as_likely_as_meaning_and_letters_say_on_average() -> None:
    said = "show me layer 3"
    route = router("minilm").route(said, TARGETS)
    slots, plain = parse(said, TARGETS)
    spelt = classifier.spelled()(plain, said, slots)
    seen, _ = classifier.seen(embedding("minilm"), [said], TARGETS)
    meant = classifier.classifier(embedding("minilm"))(seen[0])
    assert route.shares["logit_lens"] == pytest.approx((spelt["logit_lens"] + meant["logit_lens"]) / 2)
    assert abs(sum(route.shares.values()) - 1) < 1e-5
