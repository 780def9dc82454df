"""A cassette replays on another machine, and an alteration of any part of it is told."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.events import Said, Step
from agent.export import cassette
from agent.export.conversation import Conversation
from agent.export.notebook import notebook
from evidence import Evidence
from evidence.errors import ArgumentError
from tools import apply_probe, compare_directions, find_direction, probe

ALLOWED = cassette.DEFAULT_GRANT | {"train"}
Tape = dict[str, Any]


def conversation(evidence: list[Evidence]) -> Conversation:
    named = {f"E{number}": found for number, found in enumerate(evidence, start=1)}
    steps = [Step(name, "", status="done", evidence=name) for name in named]
    return Conversation("t", [Said("person", "go"), *steps], named)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    """Two artefacts, each taken by digest, by name and by the id of the evidence that made it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIEUTIC_HOME", str(tmp_path_factory.mktemp("recorded")))
        one = probe("base@1", texts="living", layers=[3], name="living", untrained_control=False)
        two = find_direction("base@1", texts="living", layers=[2, 3], name="words")
        made, number = one.artifacts[0], one.provenance.id
        taken = [apply_probe("base@1", reference, "words") for reference in (made.digest, "living", number)]
        both = compare_directions("base@1", [two.artifacts[0].digest, "words"])
        return conversation([one, two, *taken, both])


def replayed(tape: Tape) -> list[cassette.Replayed]:
    return list(cassette.replay(cassette.load(json.dumps(tape)), granted=ALLOWED))


def test_artefacts_that_are_taken_by_digest_name_or_id_replay_in_a_fresh_folder(recorded: Conversation) -> None:
    found = replayed(json.loads(cassette.record(recorded)))
    assert [(one.id, one.changes) for one in found] == [(name, ()) for name in recorded.evidence]


def test_where_a_digest_comes_out_otherwise_the_calls_that_take_it_go_on(recorded: Conversation) -> None:
    """As on a machine that rounds otherwise: the record has digests and ids that are not made here."""
    text = cassette.record(recorded)
    (old,), was = recorded.evidence["E1"].artifacts, recorded.evidence["E1"].provenance.id
    elsewhere = json.loads(text.replace(old.digest, "0123456789ab").replace(was, "ev-0123456789"))
    for call in elsewhere["calls"]:
        call["digest"] = cassette._digest(call["evidence"])
    calls = cassette.Cassette.model_validate(elsewhere).calls
    found = replayed(elsewhere | {"calls_digest": cassette._calls_digest("t", calls)})
    assert found[0].changes == (
        f"artifacts[0].digest was '0123456789ab', is '{old.digest}'",
        f"provenance.id was 'ev-0123456789', is '{was}'",
    )
    assert [one.changes for one in found[1:]] == [()] * 5


def test_an_argument_that_is_no_artefact_stays_although_it_is_called_like_one(recorded: Conversation) -> None:
    before = recorded.evidence["E3"]
    used = tuple(one.model_copy(update={"name": "words"}) for one in before.provenance.used)
    named = before.model_copy(update={"provenance": before.provenance.model_copy(update={"used": used})})
    assert cassette._exact(named.provenance, {})["prompt"] == "words"


def without(number: int) -> Callable[[Tape], None]:
    return lambda tape: tape["calls"].pop(number)


def swap(tape: Tape) -> None:
    first, second = tape["calls"][:2]
    first["id"], second["id"] = second["id"], first["id"]


@pytest.mark.parametrize(
    "alter",
    [
        without(-1),
        lambda tape: tape["calls"].clear(),
        lambda tape: tape["calls"].append(tape["calls"][0]),
        lambda tape: tape["calls"].reverse(),
        lambda tape: tape["calls"][0].update(id="E7"),
        swap,
        lambda tape: tape.update(thread="another"),
    ],
    ids=["taken out", "all taken out", "twice", "reversed", "renamed", "ids swapped", "another thread"],
)
def test_an_alteration_of_the_list_of_calls_is_told(alter: Callable[[Tape], None]) -> None:
    tape = json.loads(cassette.record(conversation([shown(), shown()])))
    assert "list of calls" not in str(replayed(tape))
    alter(tape)
    first = replayed(tape)[0]
    assert (first.id, first.changes) == ("calls", (cassette.LIST_ALTERED,))


def shown() -> Evidence:
    """A measurement that is quick to make again."""
    return cassette._calls.run("ask", {"prompt": "hello.", "max_new_tokens": 1}, current="base@1")


@pytest.mark.parametrize(
    ("field", "value"),
    [("seconds", 99.0), ("made_at", "1999"), ("versions", {"torch": "0"}), ("peak_megabytes", 1.0)],
)
def test_what_differs_from_run_to_run_is_not_compared_but_an_alteration_is_told(field: str, value: Any) -> None:
    before = shown()
    given = before.model_copy(update={"provenance": before.provenance.model_copy(update={field: value})})
    tape = json.loads(cassette.record(conversation([given])))
    assert [one.changes for one in replayed(tape)] == [()]
    tape["calls"][0]["evidence"]["provenance"].pop(field)
    assert [one.changes for one in replayed(tape)] == [("the record was altered after it was written",)]


def test_a_cassette_of_an_earlier_format_is_refused_with_what_to_do(recorded: Conversation) -> None:
    tape = json.loads(cassette.record(recorded)) | {"format": "maieutic-cassette-1"}
    del tape["calls_digest"]
    with pytest.raises(ArgumentError, match="'maieutic-cassette-1', which is not read any more: write it again"):
        cassette.load(json.dumps(tape))


def test_a_notebook_takes_what_its_own_cells_made(recorded: Conversation) -> None:
    cells = [cell["source"] for cell in json.loads(notebook(recorded))["cells"] if cell["cell_type"] == "code"][1:]
    code = ["".join(cell).splitlines()[0] for cell in cells]
    assert all("probe=E1" in line for line in code[2:5]), code
    assert "directions=[E2, E2]" in code[5]


def test_a_notebook_does_not_take_what_a_later_cell_makes(recorded: Conversation) -> None:
    found = recorded.evidence
    order = conversation([found["E3"], found["E1"], found["E1"], found["E3"]])
    cells = [cell["source"] for cell in json.loads(notebook(order))["cells"] if cell["cell_type"] == "code"][1:]
    code = ["".join(cell).splitlines()[0] for cell in cells]
    assert found["E1"].artifacts[0].digest in code[0] and "probe=E3" in code[3], code


def test_the_command_tells_an_altered_list(tmp_path: Path) -> None:
    tape = json.loads(cassette.record(conversation([shown()]))) | {"calls": []}
    file = tmp_path / "a.cassette.json"
    file.write_text(json.dumps(tape))
    words = [sys.executable, "-m", "agent", "replay", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and done.stdout.startswith("calls: the thread or the list of calls was altered")
