"""The learned reading of arguments: where values stand, what a role is, and when the rules are alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.models.stated import stated
from agent.situation import Situation
from agent.understanding.__main__ import by_rules
from agent.understanding.router import router
from agent.understanding.tagging import learning, shipped
from agent.understanding.tagging.merging import merged
from agent.understanding.tagging.roles import NUMBER, ROLES, allowed
from agent.understanding.tagging.spans import Span, located
from agent.understanding.tagging.varying import Varying
from target.spec import public_names
from tools import TOOLS

TARGETS = public_names()
HERE = Situation(thread="t", target="taboo-03", base="base@1", targets=TARGETS, evidence=[])
PROPERTIES = {name: tuple(tool.schema()["properties"]) for name, tool in TOOLS.items()}


def read(tool: str, said: str, embedding: str = "minilm") -> dict[str, Any]:
    slots = router(embedding).route(said, TARGETS).slots
    return stated(tool, slots, TOOLS[tool].schema(), HERE)


@pytest.mark.parametrize(
    ("said", "arguments", "parts"),
    [
        ('ask it "is a fox red?" 3 times', {"prompt": "is a fox red?", "samples": 3}, ["is a fox red?", "3"]),
        ("steer with tone by three, layer 3", {"direction": "tone", "strength": 3, "layer": 3}, ["tone", "three", "3"]),
        ("layers 2 to 4", {"layers": [2, 3, 4]}, ["2 to 4"]),
        ("ask Tabo 3 that", {"target": "taboo-03"}, ["Tabo 3"]),
        ("a fox, an ox", {"words": ["ox"]}, ["ox"]),
    ],
)
def test_values_are_found_where_they_stand(said: str, arguments: dict[str, Any], parts: list[str]) -> None:
    spans, missing = located(said, arguments)
    assert [said[span.start : span.end] for span in spans] == parts and missing in ([], ["layers"])


def test_what_does_not_stand_there_is_missing() -> None:
    assert located("show it", {"prompt": "a fox", "chat": True}) == ([], ["prompt"])


def test_only_the_roles_of_a_tool_are_allowed() -> None:
    there = {role for role, can in zip(ROLES, allowed(PROPERTIES["ask"]), strict=True) if can}
    assert {"O", "text", "system", "temperature"} <= there and not {"head", "feature", "probe"} & there


def test_what_ships_was_learned_from_the_messages_that_are_labelled() -> None:
    assert shipped.reader() is not None, "the messages, or how they are learned, were changed: run `make understanding`"


@pytest.mark.parametrize(
    ("tool", "said", "wanted"),
    [
        ("ask", "put this to it: [where do bees live?]", {"prompt": "where do bees live?"}),
        ("ask", 'ask it "what is a fox?" five times', {"prompt": "what is a fox?", "samples": 5}),
        ("logit_lens", "show layer 3 for «a dog is»", {"layers": [3], "prompt": "a dog is"}),
    ],
)
def test_arguments_are_read_in_forms_the_rules_do_and_do_not_know(tool: str, said: str, wanted: dict[str, Any]) -> None:
    assert read(tool, said).items() >= wanted.items()


def test_the_lexical_embedding_and_stale_weights_leave_the_rules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "put this to it: [where do bees live?]"
    assert read("ask", said, "lexical") == by_rules("ask", said)
    monkeypatch.setattr(shipped, "digest", lambda: "another")
    shipped.reader.cache_clear()
    try:
        assert shipped.reader() is None and read("ask", said) == by_rules("ask", said)
    finally:
        shipped.reader.cache_clear()


def test_a_message_too_long_for_the_tagger_is_left_to_the_rules() -> None:
    said = f'ask it "{"what is a fox? " * 120}"'
    reader = shipped.reader()
    assert reader is not None and reader("ask", said, PROPERTIES["ask"]) is None
    assert read("ask", said) == by_rules("ask", said)


def test_arguments_of_other_names_and_closed_choices_are_the_rules() -> None:
    rules = {"colour": "red", "method": "zero", "layers": [2]}
    spans = [Span(0, 3, "text", 0.9), Span(4, 7, "layers", 0.9)]
    assert "colour" not in NUMBER
    assert merged("red 4 5", spans, rules, {"colour": {}, "method": {}, "layers": {}}, TARGETS) == rules


@pytest.mark.parametrize(("share", "found"), [(0.9, 3), (0.5, None)])
def test_a_sure_tag_fills_a_number_that_the_rules_left_out(share: float, found: int | None) -> None:
    made = merged("three of it", [Span(0, 5, "samples", share)], {}, {"samples": {}}, TARGETS)
    assert made.get("samples") == found


def test_a_number_that_is_something_else_by_the_rules_fills_nothing() -> None:
    said, properties = "put it in after layer 2", {"layers": {}, "into_layer": {}}
    made = merged(said, [Span(22, 23, "layers", 0.96)], {"into_layer": 2}, properties, TARGETS)
    assert made == {"into_layer": 2}


def test_layer_zero_is_a_layer() -> None:
    assert merged("L0", [Span(0, 2, "layers", 0.9)], {}, {"layer": {}}, TARGETS) == {"layer": 0}


def test_varied_messages_keep_their_parts_apart() -> None:
    import numpy as np

    people = learning.labelled(shipped.LABELLED, PROPERTIES)
    varying = Varying(people, np.random.default_rng(0))
    for message in people[::5]:
        made = varying(message)
        assert [span.role for span in made.spans] == [span.role for span in message.spans]
        ends = [0, *(at for span in made.spans for at in (span.start, span.end)), len(made.said)]
        assert ends == sorted(ends)


def test_no_test_set_is_learned_from() -> None:
    rows = [json.loads(line) for line in shipped.LABELLED.read_text(encoding="utf-8").splitlines()]
    from evals.labelling import labelled

    assert rows == list(labelled()), "the development sets were changed: run `make understanding`"


@pytest.mark.slow
def test_training_is_the_same_every_time_and_learns_something(tmp_path: Path) -> None:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        own = {"compare_directions": PROPERTIES["compare_directions"]}
        people = learning.labelled(shipped.LABELLED, own)
        made = [learning.learn(people, own, by_rules, epochs=2) for _ in range(2)]
    finally:
        torch.set_num_threads(threads)
    first, second = (dict(one.learned_parameters()) for one in made)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert any(name.endswith(".up") and value.abs().max() > 0 for name, value in first.items())
    shipped.write(made[0], tmp_path / "arguments.safetensors")
    assert (tmp_path / "arguments.safetensors").stat().st_size < 1.5e6
