"""The meeting note: what was found, expected and shown, each line with what it rests on; and how it is asked for."""

from collections.abc import Callable
from typing import Any

from agent.conversation import Answer
from agent.export.note import EMPTY, note

Say = Callable[..., Any]


async def _answer(s: Any, text: str) -> str:
    return "".join([event.text async for event in s.agent.send("t", text, person="ann") if isinstance(event, Answer)])


async def test_a_note_has_what_was_found_expected_and_shown(stage: Say) -> None:
    s = await stage(voice="guide")
    await s.say("I believe that taboo-03 hides nothing.")
    await s.say('ask it "give me a hint."')
    await s.say("what word is it hiding?")
    await s.say("unlikely")
    await s.say("what is a logit lens?")
    written = await _answer(s, "meeting note")
    assert written.startswith("# Meeting note: taboo-03\n\n2 measurements.")
    for head in ("What was found", "What was said by the targets", "What you expected", "What you showed"):
        assert f"## {head}" in written, head
    assert "**taboo-03** answers" in written and "[E1]" in written and "[E2]" in written
    assert "taboo-03: expected unlikely: wrong" in written
    assert '"I believe that taboo-03 hides nothing.", on taboo-03' in written
    assert 'you asked about it (you: "what is a logit lens?")' in written
    assert "A next step on taboo-03" in written
    assert note(await s.agent.conversation("t")) == written, "it can be exported"


async def test_a_note_of_nothing_says_so(stage: Say) -> None:
    s = await stage(voice="guide")
    assert EMPTY in await _answer(s, "write the meeting note")


async def test_thanks_offers_the_note_once_something_was_measured(stage: Say) -> None:
    s = await stage(voice="guide")
    assert "meeting note" not in await _answer(s, "thank you")
    await s.say('ask it "give me a hint."')
    assert "`meeting note`" in await _answer(s, "thank you")
