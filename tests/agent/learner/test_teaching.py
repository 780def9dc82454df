"""The loop with a learner: signs are noted, questions graded, wishes respected at once, and everything can be undone."""

import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from agent.conversation import Answer, Aside, Event, Noted, Notice, Question
from agent.embedding import Lexical
from agent.learner.moves import INFORMATIVE, Move, next_move, onward_from
from agent.learner.person import Person
from agent.memory import Memory
from agent.notes import Note
from agent.people import People, forget_everything
from evidence.errors import MemoryError_

Say = Callable[..., Any]


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def test_asking_what_something_is_is_noted_and_followed_by_a_question(stage: Say) -> None:
    s = await stage(voice="guide")
    events = await s.say("what is a logit lens?")
    assert "**logit lens**" in of(events, Answer)[0].text
    assert (
        "A question on logit lens" in of(events, Aside)[0].text
        and events.index(of(events, Answer)[0]) < len(events) - 1
    )
    note = s.agent.memory.all("ann")[0]
    assert (note.kind, note.concept, note.sign, note.quote) == ("sign", "logit_lens", "asks", "what is a logit lens?")


async def test_a_concept_that_is_named_is_explained_however_it_is_asked_for(stage: Say) -> None:
    s = await stage(voice="guide")
    for said in ("explain superposition like i'm a pastry chef", "superposition: what on earth is that"):
        assert "**superposition**" in of(await s.say(said), Answer)[0].text
    assert "I cannot do that" in of(await s.say("bake me a cake with superposition cream"), Answer)[0].text


async def test_an_answer_is_graded_by_code_and_counts(stage: Say) -> None:
    s = await stage(voice="guide")
    await s.say("what is a logit lens?")
    before = s.agent.people.person("ann").masteries["logit_lens"].known
    assert of(await s.say("a"), Answer)[0].text.startswith("Right.")
    after = s.agent.people.person("ann").masteries["logit_lens"]
    assert after.known > before and after.signs[-1].grade == "right" and after.due is not None


async def test_going_on_instead_of_answering_is_fine(stage: Say) -> None:
    s = await stage(voice="guide")
    await s.say("what is a logit lens?")
    assert "superposition" in of(await s.say("what is superposition?"), Answer)[0].text
    assert all(note.sign != "check" for note in s.agent.memory.all("ann"))


async def test_answer_only_is_respected_at_once(stage: Say) -> None:
    s = await stage(voice="guide")
    assert of(await s.say("what is a logit lens?"), Aside)
    assert not of(await s.say("answer only please"), Aside)
    assert not of(await s.say("what is superposition?"), Aside)


async def test_a_request_that_sounds_like_an_answer_is_none(stage: Say) -> None:
    s = await stage(voice="guide")
    await s.say("what is a logit lens?")
    await s.say("is layer 4 where the word is stored?")
    assert all(note.sign != "check" for note in s.agent.memory.all("ann"))


async def test_who_does_not_want_to_predict_is_not_asked(stage: Say) -> None:
    search = AIMessage(
        "", tool_calls=[{"name": "elicit_secret", "args": {"layer": 99}, "id": "c", "type": "tool_call"}]
    )
    s = await stage(AIMessage("Noted."), search, AIMessage("There is no such layer."))
    await s.say("stop asking me what I expect")
    assert not of(await s.say("what word is taboo-03 hiding?"), Question)
    s.script.assert_used_up()


async def test_others_are_asked_to_predict(stage: Say) -> None:
    search = AIMessage(
        "", tool_calls=[{"name": "elicit_secret", "args": {"layer": 99}, "id": "c", "type": "tool_call"}]
    )
    s = await stage(AIMessage("Hello."), search)
    await s.say("hello")
    assert of(await s.say("what word is taboo-03 hiding?"), Question)


async def test_a_belief_that_says_the_opposite_is_kept_and_told(stage: Say) -> None:
    s = await stage(voice="guide")
    await s.say("I believe it hides the word fox")
    told = of(await s.say("I believe it does not hide the word fox"), Notice)
    assert "Earlier you said “I believe it hides the word fox”" in told[0].text
    assert len([note for note in s.agent.memory.all("ann") if note.kind == "belief"]) == 2


async def test_an_undone_note_is_as_if_it_never_was(stage: Say) -> None:
    s = await stage(voice="guide")
    before = s.agent.people.person("ann").masteries["logit_lens"].known
    noted = of(await s.say("what is a logit lens?"), Noted)[0]
    s.agent.memory.delete("ann", noted.id)
    assert s.agent.people.person("ann").masteries["logit_lens"].known == before


async def test_an_edit_takes_effect_on_the_next_turn(stage: Say) -> None:
    s = await stage(voice="guide")
    newcomer = of(await s.say("what is a logit lens?"), Answer)[0].text
    s.agent.people.set("ann", "logit_lens", known=True)
    assert of(await s.say("what is a logit lens?"), Answer)[0].text != newcomer


async def test_while_paused_nothing_is_noted(stage: Say) -> None:
    s = await stage(voice="guide")
    s.agent.people.pause("ann", paused=True)
    await s.say("what is a logit lens?")
    await s.say("a")
    await s.say("I believe it hides a fox")
    assert [note.kind for note in s.agent.memory.all("ann")] == ["setting"]
    s.agent.people.pause("ann", paused=False)
    assert of(await s.say("what is superposition?"), Noted)


@pytest.mark.slow
async def test_while_paused_a_prediction_is_not_noted_either(stage: Say) -> None:
    s = await stage(voice="guide")
    s.agent.people.pause("ann", paused=True)
    await s.say("what word is taboo-03 hiding?")
    assert "You expected" in of(await s.say("I expect nothing at all"), Answer)[0].text
    assert [note.kind for note in s.agent.memory.all("ann")] == ["setting"]


async def test_what_is_forgotten_is_nowhere_in_the_data_folder(stage: Say) -> None:
    s = await stage(voice="guide")
    secret = "zanzibarquux"
    for said in (
        f"I believe it hides {secret}",
        f'ask it "what is {secret}?"',
        f'find the direction of "{secret} one." against "a dog."',
    ):
        await s.say(said)
    s.agent.people.set("ann", "logit_lens", known=True)
    s.agent.memory.remember("bob", Note(kind="belief", text="bobs own", quote="bobs own", thread="b", turn="1"))
    assert found_in(s.agent.folder, secret)
    gone = await forget_everything(s.agent, "ann")
    assert gone == 1 and s.agent.memory.all("ann") == [] and await s.agent.story("t") == []
    assert found_in(s.agent.folder, secret) == []
    assert [note.text for note in s.agent.memory.all("bob")] == ["bobs own"]


def found_in(folder: Path, text: str) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


@pytest.fixture
def people(tmp_path: Path) -> Any:
    memory = Memory(tmp_path / "memory", Lexical())
    yield People(memory)
    memory.close()


def note(text: str) -> Note:
    return Note(kind="belief", text=text, quote=text, thread="t", turn="1")


def test_an_export_is_taken_in_again_and_not_doubled(people: People) -> None:
    people.memory.remember("ann", note("a fox"))
    text = people.export("ann")
    people.memory.forget("ann")
    assert people.take_in("ann", text) == 1 and people.take_in("ann", text) == 1
    assert people.export("ann") == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense", "the file is no JSON"),
        ("[]", "the file is no export of notes"),
        (json.dumps({"format": "maieutic learner 1", "notes": [{"kind": "spell"}]}), "this is no note"),
        (json.dumps({"format": "maieutic learner 1", "notes": [{"kind": "belief", "text": ""}]}), "this is no note"),
    ],
)
def test_what_is_no_export_is_refused_and_nothing_is_added(people: People, text: str, problem: str) -> None:
    with pytest.raises(MemoryError_, match=problem):
        people.take_in("ann", text)
    assert people.memory.all("ann") == []


def test_a_reworded_note_leaves_nothing_of_what_it_said(people: People, tmp_path: Path) -> None:
    kept = people.memory.remember("ann", note("xylophagous"))
    people.reword("ann", kept.id, "a fox")
    assert [one.text for one in people.memory.all("ann")] == ["a fox"] and found_in(tmp_path, "xylophagous") == []


def test_nobody_can_touch_the_notes_of_another(people: People) -> None:
    kept = people.memory.remember("ann", note("a fox"))
    with pytest.raises(MemoryError_, match="no such note of yours"):
        people.reword("bob", kept.id, "mine now")
    people.memory.delete("bob", kept.id)
    people.memory.add("bob", [kept])  # an import that claims another's id stays one's own
    people.memory.forget("bob")
    assert [one.text for one in people.memory.all("ann")] == ["a fox"]


def test_notes_move_to_another_embedding_and_are_never_mixed(tmp_path: Path) -> None:
    class Other(Lexical):
        name = "other"

        def __call__(self, texts):  # type: ignore[no-untyped-def]
            return super().__call__(texts)[:, ::-1]

    before = Memory(tmp_path / "memory", Lexical())
    before.remember("ann", note("I think the word is a fox"))
    before.close()
    after = Memory(tmp_path / "memory", Other())
    assert after.recall("ann", "which word is it?")[0].text == "I think the word is a fox"
    assert len(after._names("ann")) == 1
    after.close()


class Killed(BaseException):
    """The process ends here."""


def killed_at(memory: Memory, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr(memory._client, step, stop)


@pytest.mark.parametrize("step", ["delete_collection", "list_collections"])
def test_a_deletion_that_is_cut_off_loses_nothing_else(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(tmp_path / "memory", Lexical())
    kept, gone = memory.remember("ann", note("a fox")), memory.remember("ann", note("an owl by the sea"))
    killed_at(memory, step, monkeypatch)
    with pytest.raises(Killed):
        memory.delete("ann", gone.id)
    memory.close()
    again = Memory(tmp_path / "memory", Lexical())
    assert [one.id for one in again.all("ann")] == [kept.id]
    again.close()


def test_a_copy_without_its_original_is_taken_for_it(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory", Lexical())
    kept = memory.remember("ann", note("a fox"))
    memory._collection("ann").modify(
        name=memory._name("ann") + "-copy"
    )  # killed between deleting the old one and renaming the new
    assert [one.id for one in memory.all("ann")] == [kept.id]
    memory.close()


def test_a_move_to_another_embedding_that_is_cut_off_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(Lexical):
        name = "other"

    before = Memory(tmp_path / "memory", Lexical())
    for text in ("a fox", "an owl by the sea"):
        before.remember("ann", note(text))
    before.close()
    cut_off = Memory(tmp_path / "memory", Other())
    monkeypatch.setattr(cut_off, "_put", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        cut_off.all("ann")
    cut_off.close()
    after = Memory(tmp_path / "memory", Other())
    assert {one.text for one in after.all("ann")} == {"a fox", "an owl by the sea"}
    after.close()


def test_what_is_no_address_of_a_server_is_said_in_a_sentence(tmp_path: Path) -> None:
    for address, problem in (
        ("ftp://x", "is no address of a Chroma server"),
        ("http://127.0.0.1:9", "could not be read or written"),
    ):
        with pytest.raises(MemoryError_, match=problem):
            Memory(tmp_path / "memory", Lexical(), server=address)


@pytest.mark.slow
def test_notes_are_kept_on_a_server_and_apart(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("chroma")),
        "run",
        "--path",
        str(tmp_path / "server"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        memory = reached(tmp_path, f"http://127.0.0.1:{port}")
        kept = memory.remember("ann", note("I think the word is a fox"))
        memory.remember("ann", note("an owl by the sea"))
        assert memory.recall("ann", "which word is it?")[0].id == kept.id and memory.all("bob") == []
        memory.delete("ann", kept.id)
        assert [one.text for one in memory.all("ann")] == ["an owl by the sea"]
        memory.forget("ann")
        assert memory.all("ann") == []
        memory.close()
    finally:
        server.terminate()
        server.wait(20)


def reached(folder: Path, address: str) -> Memory:
    for _ in range(100):
        try:
            return Memory(folder / "memory", Lexical(), server=address)
        except MemoryError_:
            time.sleep(0.3)
    raise AssertionError("the server did not start")


async def test_undo_in_words_takes_back_what_was_noted_last(stage: Say) -> None:
    s = await stage(voice="guide")
    await s.say("I believe that taboo-03 hides a fox.")
    await s.say("what is a logit lens?")
    assert "Taken back" in of(await s.say("undo that"), Answer)[0].text
    assert [note.kind for note in s.agent.memory.all("ann")] == ["belief"]
    await s.say("undo")
    assert s.agent.memory.all("ann") == []
    assert "nothing to take back" in of(await s.say("undo that"), Answer)[0].text


async def test_a_step_on_the_target_follows_a_measurement_and_an_answered_question(stage: Say) -> None:
    s = await stage(voice="guide")
    assert "A question on logit lens" in of(await s.say("what is a logit lens?"), Aside)[0].text
    onward = of(await s.say("a"), Aside)[0].text
    hint = 'Ask it "give me a hint." six times at temperature 0.8'
    assert onward == f"A next step on taboo-03, for what it does: ask `{hint}`"
    onward = of(await s.say('show me layer 4 on "give me a hint."'), Aside)[0].text
    assert "for whether it keeps something back" in onward, "no step comes twice in a row"
    assert "for whether it keeps something back" not in of(await s.say(hint), Aside)[0].text
    await s.say("answer only")
    assert not of(await s.say('ask it "hello."'), Aside)


async def test_a_wish_among_other_words_holds_at_once(stage: Say) -> None:
    s = await stage(voice="guide")
    events = await s.say("what is a logit lens? answer only please")
    assert "**logit lens**" in of(events, Answer)[0].text and not of(events, Aside)
    assert not of(await s.say("what word is taboo-03 hiding?"), Question)


async def test_while_paused_no_answer_claims_to_have_noted(stage: Say) -> None:
    s = await stage(voice="guide")
    s.agent.people.pause("ann", paused=True)
    assert "I note nothing now" in of(await s.say("I believe that taboo-03 hides a pear."), Answer)[0].text


async def test_a_question_left_unanswered_is_not_asked_again_in_the_conversation(stage: Say) -> None:
    s = await stage(voice="guide")
    first = of(await s.say("what is a logit lens?"), Aside)[0].text
    assert "A question on logit lens" in first
    later = [event.text for n in range(1, 6) for event in of(await s.say(f'show me layer {n} on "hello."'), Aside)]
    assert later and not any("A question on logit lens" in one for one in later)
    assert all(one != next_ for one, next_ in itertools.pairwise(later)), "no step comes twice in a row"


def test_a_step_comes_again_when_the_others_were_offered_and_then_no_more() -> None:
    offered: list[str] = []
    while move := onward_from("taboo-03", [("logit_lens", "")], offered):
        offered.append(move.text)
    half = len(offered) // 2
    assert offered[:half] == offered[half:] and len(set(offered)) == half == 4
    assert "give me a hint." in offered[0] and "What word is it hiding?" in offered[1]
    for asked, next_ in {"Give me a hint.": offered[1], "do you like frogs?": offered[0]}.items():
        assert (onward_from("taboo-03", [("ask", asked)]) or Move("")).text == next_


async def test_a_base_is_followed_by_a_question_on_what_was_measured(stage: Say) -> None:
    s = await stage(voice="guide")
    assert "A question on logit lens" in of(await s.say('show me layer 4 of base@1 on "a fox is"'), Aside)[0].text


async def test_what_likens_a_concept_is_kept_as_a_comparison_and_what_names_one_is_explained(stage: Say) -> None:
    s = await stage(voice="guide")
    await s.say("so a probe is like a thermometer?")
    assert [(note.kind, note.concept) for note in s.agent.memory.all("ann")] == [("analogy", "probe")]
    assert "**superposition**" in of(await s.say("teach me about superposition"), Answer)[0].text
    assert all(note.kind != "preference" for note in s.agent.memory.all("ann"))


async def test_another_target_is_taken_by_saying_so(stage: Say) -> None:
    s = await stage(voice="guide")
    await s.say("quiz me")
    answer = of(await s.say("never mind, switch to taboo-09"), Answer)[0]
    assert answer.text.startswith("Now we look at `taboo-09`") and answer.target == "taboo-09"


async def test_a_wish_alone_is_answered_as_one(stage: Say) -> None:
    s = await stage(voice="guide")
    events = await s.say("stop quizzing me")
    assert "noted that as your preference" in of(events, Answer)[0].text and of(events, Noted)[0].kind == "preference"


def knowing(concept: str, *signs: tuple[Any, Any], days: float = 0) -> Person:
    """Somebody who gave these signs, so many days ago, the oldest first."""
    made = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    given: dict[str, Any] = {"kind": "sign", "text": "x", "quote": "x", "thread": "t", "turn": "1", "made_at": made}
    notes = [Note(concept=concept, sign=sign, grade=grade, choices=3, **given) for sign, grade in signs]
    return Person(tuple(notes[::-1]))


def told(person: Person, *in_play: str, ran: tuple[str, ...] = ()) -> str:
    """What is said unasked after an answer that explained nothing."""
    return (next_move(person, in_play, explained=False, ran=ran) or Move("")).text


def test_what_is_due_is_asked_again_but_not_while_it_is_talked_about() -> None:
    late = knowing("logit_lens", ("check", "wrong"), days=90)
    assert told(late).startswith("It is time to see whether this stayed. **A question on logit lens**")
    assert told(late, "logit_lens") == 'To see it on a model, ask: `Show me layer 4 on "give me a hint."`'


def test_what_was_just_seen_on_a_model_is_not_offered() -> None:
    lost = knowing("logit_lens", ("set", "wrong"))
    assert told(lost, "logit_lens").startswith("To see it on a model")
    assert told(lost, "logit_lens", ran=("logit_lens",)) == ""


def test_after_three_questions_another_one_waits_until_it_is_due() -> None:
    answers = (("check", "right"), ("check", "wrong"), ("check", "right"))
    now, later = (knowing("logit_lens", *answers, days=days) for days in (0, 30))
    assert min(one.masteries["logit_lens"].need for one in (now, later)) >= INFORMATIVE
    assert "A question on logit lens" not in told(now, "logit_lens")
    assert told(later, "logit_lens").startswith("**A question on logit lens**")


def test_what_builds_on_a_concept_is_offered_once_it_is_understood() -> None:
    for grade, offered in (("right", True), ("wrong", False)):
        said = told(knowing("token", ("set", grade)), "token", ran=("logit_lens",))
        assert said.startswith("What builds on this: layer") == offered, said
