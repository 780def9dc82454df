"""The check that stands between a draft and a person."""

from agent import grounding
from evidence import Entry, RankedList, Ranking, Reply, Transcript, Verdict

FOUND = Ranking(
    title="t",
    verdict=Verdict(status="supported", claim="c", reason="2 of 3 readings", subject="owl"),
    control_name="base",
    lists=(
        RankedList(
            strategy="lens",
            box="white box",
            unit="p",
            entries=(Entry(label="owl", score=0.1234), Entry(label="cat", score=0.05)),
            control=(Entry(label="dog", score=0.2),),
        ),
    ),
)
LEDGER = {"E1": FOUND}


def problems(answer: str) -> list[str]:
    return [p.what for p in grounding.check(answer, LEDGER)]


def test_a_number_in_the_cited_evidence_passes_at_any_rounding() -> None:
    assert problems("The lens finds it with 0.1234, about 0.12 or 12 % [E1].") == []


def test_a_number_nobody_measured_is_found() -> None:
    assert problems("The lens finds it with 0.99 [E1].") == ["0.99 is in no evidence cited here"]


def test_a_number_without_a_citation_is_found() -> None:
    assert problems("The lens finds it with 0.1234.") == ["0.1234 is in no evidence cited here"]


def test_wrong_rounding_is_found() -> None:
    assert problems("It has 0.13 [E1].") == ["0.13 is in no evidence cited here"]


def test_a_citation_that_does_not_exist_is_found() -> None:
    assert problems("It hides a word [E7].") == ["[E7] does not exist"]


def test_quoted_words_and_names_are_not_numbers_of_ours() -> None:
    assert problems('taboo-03 said "I have 42 legs", see `layer 99` [E1].\n\n> 17 is what it said') == []


def test_unsupported_sentences_are_marked_where_they_stand() -> None:
    answer = "It is an owl [E1]. It has 5.5 legs [E1]."
    marked = grounding.mark(answer, grounding.check(answer, LEDGER))
    assert marked == f"It is an owl [E1]. It has 5.5 legs [E1].{grounding.MARK}"


def test_a_number_cited_in_another_paragraph_does_not_count() -> None:
    assert problems("It is an owl [E1].\n\nIts score is 0.1234.") == ["0.1234 is in no evidence cited here"]


def test_numbers_that_hide_in_ranges_exponents_and_backticks_are_found() -> None:
    for written in ("`0.97`", "0.7-0.9", "88-99 %", "3e-9", ".95", "97"):
        assert problems(f"It has {written} [E1]."), written


def test_what_a_model_said_is_not_a_measurement() -> None:
    said = Transcript(
        title="t",
        replies=(Reply(model="m", prompt="p", text="I have 42 legs", finished=True),),
        temperature=0.0,
        seed=0,
    )
    assert [p.what for p in grounding.check("Its accuracy is 42 % [E1].", {"E1": said})] == [
        "42 % is in no evidence cited here"
    ]


def test_a_quote_over_several_sentences_is_somebodys_words() -> None:
    assert problems('You expected "I am 80 percent sure. Fox. See [E9]": that was wrong [E1].') == []
