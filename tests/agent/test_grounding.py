"""The check that stands between a draft and a person."""

from agent import grounding
from evidence import Cell, Entry, Provenance, RankedList, Ranking, Reply, TokenGrid, Transcript, Verdict

FOUND = Ranking(
    title="t",
    verdict=Verdict(status="supported", claim="c", reason="2 of 3 readings", subject="owl"),
    control_name="base",
    provenance=Provenance(tool="elicit_secret", arguments={}, target="taboo-03", weights="w"),
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
GRID = TokenGrid(
    title="what each layer says",
    positions=("give",),
    layers=(3, 4),
    cells=(
        (Cell(tokens=("owl", "cat"), probabilities=(0.41, 0.2)),),
        (Cell(tokens=("owl", "cat"), probabilities=(0.62, 0.1)),),
    ),
    control=(
        (Cell(tokens=("it", "dog"), probabilities=(0.33, 0.3)),),
        (Cell(tokens=("it", "dog"), probabilities=(0.88, 0.05)),),
    ),
    control_name="base@1",
    provenance=Provenance(tool="logit_lens", arguments={"prompt": "give"}, target="taboo-05", weights="w"),
)
LEDGER = {"E1": FOUND, "E2": GRID}


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


def test_names_and_what_stands_in_backticks_are_not_numbers_of_ours() -> None:
    assert problems("taboo-03 was asked, see `layer 99` [E1].\n\n> 17 is what it said") == []


def test_a_number_belongs_to_its_layer() -> None:
    assert problems('Layer 3 says "owl" with 0.41, layer 4 with 0.62 [E2].') == []
    assert problems("It is 0.41 in layer 3 and 0.62 in layer 4 [E2].") == []
    assert problems("It is 0.62 in layer 3 and 0.41 in layer 4 [E2].")
    assert problems("Layer 4 has 0.41 [E2].") == ["0.41: not of layer “4” in the evidence cited here"]
    assert problems("Layer 5 says it [E2].") == ["layer 5 is in no evidence cited here"]


def test_a_number_belongs_to_its_token_and_its_model() -> None:
    assert problems('At layer 3 "owl" has 0.41 and "cat" 0.2; on the base "dog" has 0.3 [E2].') == []
    assert problems('At layer 3 "owl" has 0.2 and "cat" 0.41 [E2].')
    assert problems("At layer 3 it is 0.33, on the base 0.41 [E2].")


def test_a_target_that_was_not_measured_is_found() -> None:
    assert "taboo-05 is not in the evidence cited here" in problems("taboo-05 does it [E1].")


def test_quoted_words_must_have_been_said() -> None:
    assert problems('It found "owl" [E1].') == []
    assert problems('It found "moon landing" [E1].') == ["“moon landing” is in no evidence cited here"]


def test_a_verdict_must_be_the_evidences_and_come_with_its_control() -> None:
    assert problems("That is supported; the base shows nothing [E1].") == []
    assert problems("That is not supported; the base shows nothing [E1].") == [
        "says not supported, the evidence says supported"
    ]
    assert problems("That is supported [E1].") == ["draws a conclusion and does not say what the control showed"]


def test_a_tools_own_sentence_may_not_be_changed_by_a_digit() -> None:
    assert problems("Because 2 of 3 readings, beside the base [E1].") == []
    assert problems("Because 3 of 2 readings, beside the base [E1].") == [
        "“3 of 2 readings”: the evidence has other numbers there"
    ]


def test_unsupported_sentences_are_marked_where_they_stand() -> None:
    answer = "It is an owl [E1]. It has 5.5 legs [E1]."
    marked = grounding.mark(answer, grounding.check(answer, LEDGER))
    assert marked == f"It is an owl [E1]. It has 5.5 legs [E1].{grounding.MARK}"


def test_a_paragraph_that_cites_nothing_is_held_against_the_one_before() -> None:
    assert problems("It is an owl [E1].\n\nIts score is 0.1234.") == []
    assert problems("It is an owl [E1].\n\nIts score is 0.41.") == ["0.41 is in no evidence cited here"]
    assert problems("It is an owl [E1].\n\nLayer 3 has 0.41 [E2].\n\nIts score is 0.1234.") == [
        "0.1234 is in no evidence cited here"
    ]


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
    assert problems('You expected "I am 80 percent sure. Fox. See [E9]": that was wrong.') == []


def test_what_is_said_word_for_word_to_be_open_needs_no_control() -> None:
    verdict = Verdict(status="inconclusive", claim="a feature stands out", reason="it takes a second text")
    held = {"E1": FOUND.model_copy(update={"verdict": verdict, "control_name": None})}
    assert grounding.check("That a feature stands out stays **inconclusive** [E1].", held) == []
    assert grounding.check("That a feature stands out is **supported** [E1].", held)
