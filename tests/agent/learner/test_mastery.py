"""Mastery from signs: evidence counts, an edit is believed, a deleted sign is as if it never was; reviews are fsrs's."""

from datetime import UTC, datetime, timedelta

import fsrs
import pytest

from agent.learner import reviews
from agent.learner.mastery import LEAST, PRIOR, Mastery, depth, masteries
from agent.notes import Note

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def sign(
    kind: str, grade: str, *, ago: timedelta = timedelta(0), concept: str = "logit_lens", choices: int = 0
) -> Note:
    return Note(
        kind="sign", text="t", quote="q", thread="t", turn="1", concept=concept, choices=choices,
        sign=kind, grade=grade, made_at=(NOW - ago).isoformat(timespec="seconds"),
    )  # type: ignore[arg-type]  # fmt: skip


def lens(*signs: Note, level: str = "") -> Mastery:
    return masteries(signs, level, NOW)["logit_lens"]  # type: ignore[arg-type]


def test_right_answers_raise_it_and_wrong_ones_lower_it() -> None:
    assert lens(sign("check", "wrong", choices=3)).known < lens().known < lens(sign("check", "right", choices=3)).known
    assert lens(sign("says", "wrong")).known < lens().known < lens(sign("says", "right")).known


def test_an_answered_check_says_more_than_a_claim() -> None:
    assert lens(sign("check", "right", choices=4)).known > lens(sign("says", "right")).known


def test_what_the_person_sets_is_believed_and_later_answers_count_again() -> None:
    minute = timedelta(minutes=1)
    wrong = [sign("check", "wrong", ago=n * minute, choices=3) for n in (9, 8, 7)]
    assert lens(*wrong).standing == "not yet"
    assert lens(*wrong, sign("set", "right", ago=2 * minute)).standing == "understood"
    assert lens(*wrong, sign("set", "right", ago=2 * minute), *[sign("check", "wrong", choices=3)] * 3).known < 0.75


def test_signs_of_one_concept_are_no_signs_of_an_unrelated_one() -> None:
    assert masteries([sign("check", "right", concept="token")], "", NOW)["control"].known == lens_prior("control")


def lens_prior(concept: str) -> float:
    return masteries([], "", NOW)[concept].known


def test_what_builds_on_an_understood_thing_is_likelier_understood() -> None:
    below = masteries([sign("set", "right", concept="residual_stream"), sign("set", "right", concept="logit")], "", NOW)
    assert below["logit_lens"].known > lens().known and not below["logit_lens"].touched


def test_the_review_is_due_when_fsrs_says() -> None:
    answers = [sign("check", "right", ago=timedelta(days=3)), sign("check", "wrong", ago=timedelta(days=1))]
    card, scheduler = fsrs.Card(card_id=0), fsrs.Scheduler(enable_fuzzing=False)
    for answer, rating in zip(answers, (fsrs.Rating.Good, fsrs.Rating.Again), strict=True):
        card, _ = scheduler.review_card(card, rating, reviews.when(answer))
    found = lens(*answers)
    assert found.due == card.due and found.is_due(NOW) == (card.due <= NOW)


def test_what_was_understood_fades_as_fsrs_says() -> None:
    answers = [sign("check", "right", ago=timedelta(days=400, minutes=n), choices=4) for n in (9, 6, 3, 0)]
    later = lens(*answers)
    assert later.known < masteries(answers, "", NOW - timedelta(days=400))["logit_lens"].known - 0.1


@pytest.mark.parametrize(("known", "wanted"), [("right", "expert"), ("wrong", "newcomer")])
def test_depth_follows_mastery_unless_the_person_wants_another(known: str, wanted: str) -> None:
    assert depth(lens(sign("set", known))) == wanted and depth(lens(sign("set", known)), "student") == "student"


@pytest.mark.parametrize("level", ["", "newcomer", "student", "expert"])
def test_nothing_is_likelier_understood_than_what_it_builds_on(level: str) -> None:
    found = masteries([], level, NOW)  # type: ignore[arg-type]
    for one in found.values():
        least = min((found[below].known for below in one.concept.prerequisites), default=1.0)
        assert one.known == pytest.approx(max(LEAST, PRIOR[level] * least))  # type: ignore[index]


def test_a_gap_below_bounds_what_stands_on_it_and_no_more_than_that() -> None:
    lacks = [sign("set", grade, concept=name) for name, grade in {"residual_stream": "right", "logit": "wrong"}.items()]
    assert masteries(lacks, "", NOW)["logit_lens"].known == LEAST
    answers = [sign("check", "right", choices=4)] * 3
    assert masteries([*lacks, *answers], "", NOW)["logit_lens"].standing == "understood", "what is shown counts"


def test_who_is_as_likely_to_understand_as_not_is_told_as_a_newcomer() -> None:
    assert masteries([], "", NOW)["token"].known == 0.5 and depth(masteries([], "", NOW)["token"]) == "newcomer"
