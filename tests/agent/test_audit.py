"""The log of what was allowed and done: every alteration shows, and no word of anybody is in it."""

import hmac
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent.audit import _SCHEMA, FILE, KEY, Audit
from evidence.errors import AuditError


def written(folder: Path, records: int = 5) -> None:
    audit = Audit(folder)
    for number in range(records):
        audit.write(
            "call",
            thread=f"t{number}",
            tool="ask",
            capability="read",
            arguments={"prompt": "my secret illness"},
            target="x",
            once=f"step {number}",
        )
    audit.close()


def verified(folder: Path) -> int:
    audit = Audit(folder)
    try:
        return audit.verify()
    finally:
        audit.close()


def tamper(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / FILE) as database:
        database.executescript("drop trigger no_change; drop trigger no_removal; " + "; ".join(statements))


def test_an_untouched_log_verifies_also_when_it_is_reopened_and_goes_on(tmp_path: Path) -> None:
    assert verified(tmp_path) == 0
    written(tmp_path)
    written(tmp_path, 7)
    assert verified(tmp_path) == 7


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "update record set json = replace(json, 'read', 'compute') where number = 3",
            "record 3 .* not as it was written",
        ),
        ("update record set mac = (select mac from record where number = 2) where number = 4", "record 4"),
        ("delete from record where number = 2", "record 2 is missing"),
        ("delete from record where number = 5", "ends after record 4"),
        ("delete from record", "ends after record 0"),
        ("delete from record where number = 5; delete from head", "ends after record 4"),
        ("delete from record; delete from head", "is empty, but it was begun"),
        ("drop table record; drop table head", "the audit log is gone"),
        ("update record set once = 'other' where number = 2", "record 2 .* not as it was written"),
        ("update record set once = null where number = 2", "record 2 .* not as it was written"),
        ("update record set mac = x'00' where number = 4", "record 4 .* not as it was written"),
        ("update record set mac = 'é' where number = 4", "record 4 .* not as it was written"),
        ("update record set mac = cast(x'ff' as text) where number = 4", "record 4 .* not as it was written"),
        ("update record set json = x'00' where number = 4", "record 4 .* not as it was written"),
        ("update head set mac = x'00'", "ends after record 5"),
        ("update head set mac = 'é', number = 'x'", "ends after record 5"),
        ("insert into record select 6, null, json, mac from record where number = 5", "record 6"),
        (
            "update record set number = 9 where number = 1; update record set number = 1 where number = 2; "
            "update record set number = 2 where number = 9",
            "record 1",
        ),
    ],
    ids=[
        "altered",
        "another's code",
        "one taken out",
        "the last taken out",
        "emptied",
        "and the head",
        "emptied with its head",
        "no tables",
        "once altered",
        "once taken out",
        "a code of bytes",
        "a code of letters",
        "a code of no text",
        "a record of bytes",
        "a head of bytes",
        "a head of letters",
        "repeated",
        "reordered",
    ],
)
def test_every_alteration_shows(tmp_path: Path, statement: str, said: str) -> None:
    written(tmp_path)
    tamper(tmp_path, statement)
    with pytest.raises(AuditError, match=said):
        verified(tmp_path)


def test_a_record_more_does_not_hide_that_some_were_taken_out(tmp_path: Path) -> None:
    for statement in ("delete from record where number = 5", "delete from record; delete from head"):
        written(tmp_path)
        with sqlite3.connect(tmp_path / FILE) as database:
            database.executescript(f"drop trigger no_removal; {statement}")
        with pytest.raises(AuditError):
            written(tmp_path, 9)
        with pytest.raises(AuditError):
            verified(tmp_path)
        for file in tmp_path.iterdir():
            file.unlink()


def test_a_log_that_is_gone_or_emptied_beside_its_key_is_said(tmp_path: Path) -> None:
    written(tmp_path)
    for file in (tmp_path / FILE, tmp_path / f"{FILE}-wal", tmp_path / f"{FILE}-shm"):
        file.unlink(missing_ok=True)
    with pytest.raises(AuditError, match="the audit log is gone"):
        Audit(tmp_path)
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(AuditError, match="the audit log is gone"):
        Audit(tmp_path)


def test_a_file_that_is_no_database_and_a_key_that_is_no_key_are_said(tmp_path: Path) -> None:
    written(tmp_path)
    key = (tmp_path / KEY).read_bytes()
    (tmp_path / KEY).write_bytes(key[:7])
    with pytest.raises(AuditError, match="is not one"):
        Audit(tmp_path)
    (tmp_path / KEY).unlink()
    (tmp_path / KEY).mkdir()
    with pytest.raises(AuditError, match=r"cannot be read \(Is a directory\)"):
        Audit(tmp_path)
    (tmp_path / KEY).rmdir()
    (tmp_path / KEY).write_bytes(key)
    (tmp_path / FILE).write_bytes(bytes(range(256)) * 40)
    with pytest.raises(AuditError, match="cannot be used"):
        Audit(tmp_path)


def test_a_record_that_cannot_be_shown_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    tamper(tmp_path, "update record set json = '[' where number = 2")
    audit = Audit(tmp_path)
    with pytest.raises(AuditError, match="record 2"):
        list(audit.records())
    audit.close()


def old_style(folder: Path, *records: str) -> bytes:
    """A log as it was written before its head came first and `once` was covered; returns its key."""
    key, before = bytes(range(32)), ""

    def mac(text: str) -> str:
        return hmac.new(key, text.encode(), "sha256").hexdigest()

    with sqlite3.connect(folder / FILE) as database:
        database.executescript(_SCHEMA)
        for number, text in enumerate(records, start=1):
            before = mac(f"{number}\n{before}\n{text}")
            database.execute("insert into record values (?, ?, ?, ?)", (number, f"once {number}", text, before))
        if records:
            database.execute(
                "insert into head values (1, ?, ?)", (len(records), mac(f"head\n{len(records)}\n{before}"))
            )
    (folder / KEY).write_bytes(key)
    return key


@pytest.mark.parametrize("records", [(), ('{"event": "call"}', '{"event": "granted"}')], ids=["empty", "with records"])
def test_a_log_of_an_earlier_version_goes_on_and_is_guarded_from_then_on(tmp_path: Path, records: tuple[str]) -> None:
    key = old_style(tmp_path, *records)
    assert verified(tmp_path) == len(records)
    assert (tmp_path / KEY).read_bytes()[:32] == key and (tmp_path / KEY).stat().st_mode & 0o077 == 0
    written(tmp_path)
    assert verified(tmp_path) == len(records) + 5
    tamper(tmp_path, "delete from record", "delete from head")
    with pytest.raises(AuditError, match="is empty, but it was begun"):
        verified(tmp_path)


def test_a_record_cannot_be_changed_by_an_ordinary_statement(tmp_path: Path) -> None:
    written(tmp_path)
    for statement in ("update record set mac = ''", "delete from record"):
        with sqlite3.connect(tmp_path / FILE) as database, pytest.raises(sqlite3.IntegrityError, match="append only"):
            database.execute(statement)


def test_no_word_of_a_person_is_in_the_files(tmp_path: Path) -> None:
    written(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} >= {FILE, KEY}
    for file in tmp_path.iterdir():
        assert b"illness" not in file.read_bytes(), file.name
    assert (tmp_path / KEY).stat().st_mode & 0o077 == 0


def test_a_lost_key_is_said(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / KEY).unlink()
    with pytest.raises(AuditError, match="key of the audit log"):
        Audit(tmp_path)


def test_two_processes_append_to_one_chain(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agent.audit import Audit; a = Audit(Path(sys.argv[1]));\n"
        "for i in range(40): a.write('call', thread='t', capability='read')"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    assert verified(tmp_path) == 80


def test_the_command_says_whether_the_chain_is_whole(tmp_path: Path) -> None:
    def command() -> "subprocess.CompletedProcess[str]":
        words = [sys.executable, "-m", "agent", "audit", "verify", "--folder", str(tmp_path)]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)

    assert "there is no audit log" in command().stderr
    (tmp_path / KEY).write_bytes(bytes(32))
    assert "error: the audit log is gone" in command().stderr
    (tmp_path / KEY).unlink()
    (tmp_path / FILE).unlink()
    written(tmp_path)
    assert command().stdout == "5 records, all as they were written\n"
    tamper(tmp_path, "update record set json = replace(json, 'ask', 'probe') where number = 3")
    done = command()
    assert done.returncode == 1 and "record 3" in done.stderr and "Traceback" not in done.stderr
