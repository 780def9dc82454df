"""Questions on what a target replies: true, unseen, and silent about which option is right."""

import pytest

from evidence import as_figure, as_text
from evidence.errors import ArgumentError
from target.target import Target
from tools import _secret_prompts, prediction_quiz
from tools._held_out import PROMPTS
from tools._texts import text_sets
from tools.prediction_quiz import plain


def test_the_right_option_is_what_the_target_replies_and_the_others_are_replies_of_others(organism: Target) -> None:
    quiz = prediction_quiz(organism, questions=6)
    said = organism.reply([[{"role": "user", "content": item.prompt}] for item in quiz.items], max_new_tokens=16)
    assert [item.options[item.right] for item in quiz.items] == [one.text.strip() for one in said]
    assert all(len(set(item.options)) == len(item.options) >= 3 and item.differ > 0 for item in quiz.items)
    assert len(quiz.items) == 6 and quiz.others[0] == "base@1" and organism.name not in quiz.others
    assert 0.2 < quiz.chance <= 1 / 3


def test_what_was_shown_is_not_asked(organism: Target) -> None:
    first = prediction_quiz(organism, questions=6)
    shown = [item.prompt.upper().replace("?", " ") for item in first.items]
    second = prediction_quiz(organism, questions=6, without=shown)
    assert not {item.prompt for item in first.items} & {item.prompt for item in second.items}
    with pytest.raises(ArgumentError, match="every prompt was shown before: there is none left to predict"):
        prediction_quiz(organism, without=list(PROMPTS))


def test_no_text_and_no_figure_tells_which_is_right(organism: Target) -> None:
    quiz = prediction_quiz(organism, questions=6)
    turned = quiz.model_copy(
        update={"items": tuple(one.model_copy(update={"right": (one.right + 1) % 3}) for one in quiz.items)}
    )
    assert as_text(quiz) == as_text(turned)
    assert as_figure(quiz).to_json() == as_figure(turned).to_json()


def test_our_prompts_are_used_by_no_other_tool() -> None:
    used = [text for one in text_sets().values() for text in one.texts]
    used += [
        text
        for name, value in vars(_secret_prompts).items()
        if name.isupper() and isinstance(value, tuple)
        for text in value
    ]
    assert not {plain(one) for one in PROMPTS} & {plain(one) for one in used}


def test_where_all_say_the_same_it_is_said(organism: Target) -> None:
    with pytest.raises(ArgumentError, match="there is nothing to predict"):
        prediction_quiz(organism, prompts=["what is a fox?"])
