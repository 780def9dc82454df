"""What is read out of free prose: parts, places, falls, and that what was learned is what ships."""

import pytest
from safetensors import safe_open

from agent import grounding
from agent.grounding import learned, parts
from agent.grounding.reading import read
from evals.answers.learning import digest
from evals.answers.ledger import ledger


def found(answer: str) -> list[str]:
    return [problem.what for problem in grounding.check(answer, ledger())]


def test_what_ships_was_learned_from_the_prose_there_is() -> None:
    with safe_open(learned.FILE, framework="numpy") as stored:
        about = stored.metadata()
    assert about == {"reads": learned.reads(), "learned from": digest()}, "run `python -m evals.answers.learning`"


def test_a_part_goes_as_far_as_the_citation_that_ends_it() -> None:
    made = parts.parts(list(read("One hides a word [E1] and the other does not [E2][E3].")))
    assert [(one.names, one.text.strip()) for one in made] == [
        (("E1",), "One hides a word [E1]"),
        (("E2", "E3"), "and the other does not [E2][E3]."),
    ]


def test_a_conclusion_is_looked_for_where_nothing_was_measured() -> None:
    (part,) = parts.parts(
        list(read('It depends on "yes", at layer 3, p = 0.01: 5.61 nats against 5.74 for taboo-03 [E1].'))
    )
    assert part.bare == "It depends on 'it', at layer 0, p = 0"


def test_a_number_after_a_bare_comma_is_no_second_place() -> None:
    assert found('Loud on the fox sentence: feature 267, 176 on "a" [E14].') == []
    assert found("79 % comes back after layer 1, and 99 % at layer 0, 79 % at layer 1, where it is huge [E22].") == []


def test_a_fall_may_be_written_as_a_size() -> None:
    assert "5.61 is in no evidence cited here" not in found("Without that head it loses 5.61 nats [E24].")
    assert "5.61 is in no evidence cited here" in found("With that head it has 5.61 nats [E24].")


def test_without_the_encoder_the_listed_words_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grounding, "models", lambda: None)
    assert found("taboo-12 hides a word, which is supported; the base does not [E3].") == [
        "says supported, the evidence says not supported"
    ]
