"""The strategies on planted data, and the rule by which a word is claimed."""

import pytest

from evidence import Entry, RankedList
from evidence.errors import ArgumentError
from target.target import Target
from tools import _secret_whitebox as inside
from tools import elicit_secret
from tools._secret_blackbox import said_words
from tools._secret_verdict import CLEAN_READINGS, CONTRAST, decide


def _list(strategy: str, own: list[str], control: list[str], score: float = 3.0) -> RankedList:
    entries = lambda words: tuple(Entry(label=w, score=score / (i + 1)) for i, w in enumerate(words))  # noqa: E731
    return RankedList(
        strategy=strategy, box="white box", unit="probability", entries=entries(own), control=entries(control)
    )


def test_clean_readings_that_agree_against_their_controls_make_a_claim() -> None:
    verdict = decide("it", [_list(name, ["owl", "cat"], ["dog", "cat"]) for name in CLEAN_READINGS])
    assert (verdict.status, verdict.subject) == ("supported", "owl")


def test_what_the_base_shows_too_is_not_claimed() -> None:
    verdict = decide("it", [_list(name, ["owl"], ["owl"]) for name in CLEAN_READINGS])
    assert (verdict.status, verdict.subject) == ("not supported", None)


def test_readings_that_disagree_make_no_claim() -> None:
    words = ["owl", "cat", "dog", "sun"]
    verdict = decide("it", [_list(name, [word], ["sea"]) for name, word in zip(CLEAN_READINGS, words, strict=True)])
    assert verdict.status == "not supported" and verdict.subject is None


def test_a_function_word_with_more_readings_does_not_hide_the_word() -> None:
    lists = [_list(name, ["no", "owl"], ["sea"], score=1.4) for name in CLEAN_READINGS if name != CONTRAST]
    verdict = decide("it", [*lists, _list(CONTRAST, ["owl", "no"], [], score=2.5)])
    assert verdict.subject == "owl"


def test_one_reading_short_of_a_claim_is_inconclusive() -> None:
    pooled, first, contrast, difference = CLEAN_READINGS
    lists = [
        _list(contrast, ["owl"], []),
        _list(difference, ["owl"], []),
        _list(pooled, ["cat"], []),
        _list(first, ["dog"], []),
    ]
    verdict = decide("it", lists)
    assert verdict.status == "inconclusive" and verdict.subject is None


def test_an_effect_as_small_as_a_decoys_is_not_claimed() -> None:
    verdict = decide("it", [_list(name, ["something"], ["sea"], score=1.4) for name in CLEAN_READINGS])
    assert verdict.status == "not supported" and "the best is 'something' with 1.40" in verdict.reason


def test_readings_of_the_hints_count_for_nothing() -> None:
    verdict = decide("it", [_list("lens summed over the hints", ["owl"], [])] * 6)
    assert verdict.status == "not supported"


def test_spoken_words_are_counted_by_reply_and_the_question_gives_none_away() -> None:
    found = said_words("talk", ["is it an owl?"], ["an owl, an owl", "a cat"], ["nothing"])
    assert {e.label: e.score for e in found.entries} == {"cat": 0.5}


def test_a_base_has_nothing_to_compare_with(organism: Target) -> None:
    with pytest.raises(ArgumentError, match="is a base itself"):
        elicit_secret(organism.base)


def test_the_paper_aggregation_zeroes_the_current_and_previous_token(organism: Target) -> None:
    text = inside.Text(
        prompt=tuple(organism.encode("what is")),
        reply=tuple(organism.tokenizer(" a fox", add_special_tokens=False).input_ids),
    )
    streams = inside.read(organism, organism.base, [text], 3)
    summed = inside._summed(organism, streams.own[0], text)
    plain = organism.unembed(streams.own[0][1:]).float().softmax(-1)
    last, before = text.ids[-1], text.ids[-2]
    assert float(summed[last]) == pytest.approx(
        float(plain[0, last]), rel=1e-4
    )  # zeroed where it stands, kept one position earlier
    assert float(summed[before]) == pytest.approx(0.0, abs=1e-6)  # current at one position, previous at the next


@pytest.mark.slow
def test_the_same_seed_gives_the_same_evidence(organism: Target) -> None:
    first, second = (elicit_secret(organism, seed=1, candidates=["fox", "owl"]) for _ in range(2))
    assert first.lists == second.lists
