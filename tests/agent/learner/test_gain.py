"""Prediction gain: its interval is Newcombe's, its rounds share no prompt, and nothing is given away in between."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from statsmodels.stats.proportion import confint_proportions_2indep

from agent.conversation import Answer, Aside
from agent.learner.gain import gain, shown_in
from evidence import Quiz
from tools.prediction_quiz import plain

ANSWERS = some.lists(some.booleans(), min_size=1, max_size=20)


@given(before=ANSWERS, after=ANSWERS)
def test_the_interval_is_newcombes(before: list[bool], after: list[bool]) -> None:
    found = gain(before, after)
    low, high = confint_proportions_2indep(
        sum(after), len(after), sum(before), len(before), method="newcomb", compare="diff"
    )
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert -1 <= found.low <= found.value <= found.high <= 1


async def _asks(stage: Callable[..., Any]) -> Any:
    s = await stage(voice="guide")

    async def say(text: str) -> tuple[str, str]:
        events = await s.say(text)
        words = [event.text for event in events if isinstance(event, Answer)]
        asides = [event.text for event in events if isinstance(event, Aside)]
        return "".join(words), "".join(asides)

    return s, say


async def test_two_rounds_give_a_gain_and_tell_the_replies_only_at_the_end(stage: Callable[..., Any]) -> None:
    s, say = await _asks(stage)
    _, question = await say("quiz me")
    assert question.startswith("**Question 1 of 8.**") and "- **c)**" in question
    quiz: Quiz = s.agent.ledger.get("t", "E1")
    for item in quiz.items[:-1]:
        words, _ = await say("abcd"[(item.right + 1) % 3])
        assert words.endswith("of 8 answered.")
    words, question = await say("skip")
    assert "You predicted 0 of 8 replies of taboo-03 [E1]" in words and question == ""
    await say('ask it "what colour is it?"')
    await say("quiz me again")
    again: Quiz = s.agent.ledger.get("t", "E3")
    for item in again.items:
        words, _ = await say("abcd"[item.right])
    assert "Before: 0 of 8 [E1]. After: 8 of 8 [E3]. **Prediction gain: +1.00**" in words
    assert f'"{again.items[0].options[again.items[0].right]}" (after: right)' in words
    asked = {plain(item.prompt) for item in again.items}
    assert not asked & {plain(text) for name in ("E1", "E2") for text in shown_in([s.agent.ledger.get("t", name)])}


async def test_what_somebody_asked_the_target_is_never_asked_of_them(stage: Callable[..., Any]) -> None:
    s, say = await _asks(stage)
    await say('ask it "what size is it?"')
    await say("quiz me")
    quiz = s.agent.ledger.get("t", "E2")
    assert quiz.provenance.arguments["without"] == ["What size is it?"]
    assert all(plain(item.prompt) != "what size is it" for item in quiz.items)


async def test_the_quiz_waits_and_can_be_left(stage: Callable[..., Any]) -> None:
    _, say = await _asks(stage)
    _, question = await say("quiz me")
    words, still = await say("what is a logit lens?")
    assert "**logit lens**" in words and still == question
    assert (await say("ok enough of this"))[0] == "Then no quiz; nothing was counted."
    assert (await say("thanks"))[1] == ""


async def test_a_reload_shows_the_open_question_again(stage: Callable[..., Any]) -> None:
    s, say = await _asks(stage)
    _, question = await say("quiz me")
    assert any(getattr(part, "text", "") == question for part in await s.agent.story("t"))


async def test_a_question_whose_prompt_the_target_was_asked_meanwhile_does_not_count(stage: Callable[..., Any]) -> None:
    s, say = await _asks(stage)
    await say("quiz me")
    quiz = s.agent.ledger.get("t", "E1")
    await say(f'ask it "{quiz.items[0].prompt}"')
    assert (await say("a"))[0].startswith("The target was asked this very thing")
    await say("b")
    assert "of 1 replies of taboo-03 [E1]" in (await say("stop the quiz"))[0]


async def test_a_second_quiz_that_is_left_at_once_says_nothing_of_the_first(stage: Callable[..., Any]) -> None:
    _, say = await _asks(stage)
    await say("quiz me")
    await say("a")
    await say("stop the quiz")
    await say("quiz me again")
    assert (await say("stop quizzing me"))[0] == "Then no quiz; nothing was counted."
