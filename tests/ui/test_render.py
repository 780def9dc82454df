"""Text of people and models can carry no markup of its own."""

import re

from agent.conversation import Noted, Question, Said, Step
from ui import render


def test_tags_links_and_images_become_text() -> None:
    shown = render.harmless("<img src=x onerror=alert(1)> ![a](http://x/y.png) [b](http://x)")
    assert "<" not in shown and "http:" not in shown
    assert not re.search(r"(?<!\\)\[", shown), "an unescaped bracket may become a link"


def test_a_citation_becomes_a_link_and_a_made_up_tag_does_not() -> None:
    shown = render.assistant("It hides an owl [E1]. <b>really</b>")["content"]
    assert '<a class="cite" href="#E1">[E1]</a>' in shown and "<b>" not in shown


def test_a_step_grows_while_it_runs_and_folds_when_done() -> None:
    first = render.step(Step("c", "ask"), None)
    second = render.step(Step("c", "ask", progress="asking", share=0.5), first)
    third = render.step(Step("c", "ask", status="done", detail="``` text ```", evidence="E1"), second)
    assert first["metadata"]["status"] == "pending" and "asking · 50%" in second["content"]
    assert third["metadata"]["title"].endswith("E1") and third["content"].count("```") == 2


def test_a_step_shown_again_looks_as_it_did_when_it_ended() -> None:
    shown = render.earlier(Step("m", "logit_lens", status="done", detail="words", evidence="E2"))
    assert shown["metadata"]["title"] == "◉ logit lens · E2" and shown["metadata"]["status"] == "done"
    assert render.earlier(Said("person", "hello")) == {"role": "user", "content": "hello"}


def test_a_step_that_was_stopped_says_so() -> None:
    shown = render.step(Step("m", "ask", status="stopped", detail="stopped as you asked"), None)
    assert shown["metadata"]["title"] == "◉ ask · stopped" and "stopped as you asked" in shown["content"]


def test_a_huge_message_is_shown_in_short() -> None:
    shown = render.person("x" * 200_000)["content"]
    assert len(shown) < 1100 and "200,000 characters" in shown


def test_a_note_is_folded_and_says_in_its_title_what_was_noted() -> None:
    shown = render.noted(Noted("n", "prediction", "taboo-03: expected a fox"))
    assert shown["metadata"] == {"title": "✎ I noted your prediction", "status": "done"}


def test_a_question_of_several_paragraphs_stands_without_asterisks_around_it() -> None:
    short, long = (render.question(Question("approve", text))["content"] for text in ("Allow it?", "Allow:\n\n1. this"))
    assert short == "**Allow it?**" and "**" not in long and "1. this" in long
