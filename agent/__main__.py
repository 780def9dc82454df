"""`python -m agent`: the conversation in a terminal, and the log of what it was allowed and did."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from agent import home
from agent.message import fitting
from evidence.errors import ArgumentError, MaieuticError
from evidence.home import data_home
from target.spec import DEFAULT_TARGET, parse


def main() -> None:
    """Parse the command line and talk."""
    home.be_quiet()
    parser = argparse.ArgumentParser(prog="python -m agent")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    chat = commands.add_parser("chat", help="talk in the terminal; Ctrl-C stops an answer, an empty line ends it")
    chat.add_argument("--target", help=f"what to look at (default: what --thread is about, else {DEFAULT_TARGET})")
    chat.add_argument("--agent", default="guide")
    chat.add_argument("--person", default="me", help="whose memory is used (default: %(default)s)")
    chat.add_argument(
        "--thread",
        metavar="NAME",
        help="go on with the conversation of this name, also after its process was killed in the middle of an answer; "
        "a new name begins one (default: a new name, which is printed)",
    )
    chat.set_defaults(run=_talk)
    plan = commands.add_parser("plan", help="show what the guide would do about a message, without doing it")
    plan.add_argument("message", nargs="?", help="what a person says")
    plan.add_argument("--target", default=DEFAULT_TARGET)
    plan.add_argument(
        "--file", type=Path, help='many messages, as plain lines or JSON lines {"say": "...", "history": []}'
    )
    plan.add_argument("--json", action="store_true", help="print a JSON line for the message, as --file does for each")
    plan.set_defaults(run=_plan)
    export = commands.add_parser(
        "export", help="a conversation as a report, a meeting note, a notebook that runs, or a cassette"
    )
    export.add_argument("thread", help="the conversation; a wrong name lists the newest")
    export.add_argument("--as", dest="form", choices=["report", "note", "notebook", "cassette"], default="report")
    export.add_argument("--out", type=Path, help="the file to write (default: in the exports of the data folder)")
    export.add_argument("--force", action="store_true", help="write over the file of --out if there is one")
    export.add_argument("--folder", type=Path, help="the data folder (default: $MAIEUTIC_HOME, or the system's place)")
    export.set_defaults(run=_export)
    replay = commands.add_parser("replay", help="run a cassette again, offline, and report what changed")
    replay.add_argument("file", type=Path)
    replay.add_argument(
        "--allow", choices=["train", "export"], action="append", default=[], help="what else may be run"
    )
    replay.set_defaults(run=_replay)
    audit = commands.add_parser("audit", help="the log of what was allowed and done")
    audit.add_argument("what", choices=["verify", "show"], help="check that no record was altered; or print them")
    audit.add_argument("--folder", type=Path, help="the data folder (default: $MAIEUTIC_HOME, or the system's place)")
    audit.set_defaults(run=_audit)
    args = parser.parse_args()
    try:
        args.run(args)
    except MaieuticError as error:
        sys.exit(f"error: {error}")
    except (KeyboardInterrupt, EOFError):
        print()


def _talk(args: argparse.Namespace) -> None:
    parse(args.target or DEFAULT_TARGET)
    asyncio.run(_chat(args))


def _plan(args: argparse.Namespace) -> None:
    """Exit code 1 when a line of a file was refused."""
    from agent import dry_run, planning
    from agent.ledger import Ledger

    if (args.message is None) == (args.file is None):
        raise ArgumentError('give one message, `python -m agent plan "what does it hide?"`, or many with `--file FILE`')
    if args.file:
        refused = False
        for one in dry_run.plans(args.file, args.target):
            refused |= isinstance(one, dry_run.Refused)
            print(json.dumps(one.as_record()), flush=True)
        sys.exit(refused)
    plan = dry_run.plan(dry_run.Message(say=fitting(args.message)), args.target)
    if args.json:
        print(json.dumps(plan.as_record()))
        return
    calls = [{"name": call.tool, "args": call.arguments} for call in plan.decision.calls]
    if calls:
        ledger = Ledger(data_home() / "ledger.sqlite")
        print(planning.card(calls, args.target, ledger.seconds))
        ledger.close()
    print(plan.decision.ask or plan.decision.cannot or ("" if calls else f"No experiment is needed ({plan.intent})."))


def _audit(args: argparse.Namespace) -> None:
    from agent import audit

    folder = args.folder or data_home()
    if not any((folder / name).exists() for name in (audit.FILE, audit.KEY)):
        sys.exit(f"error: there is no audit log in {folder}: it begins with the first conversation")
    log = audit.Audit(folder)
    if args.what == "show":
        for record in log.records():
            print(json.dumps(record))
        return
    print(f"{log.verify()} records, all as they were written")


def _export(args: argparse.Namespace) -> None:
    from agent import export
    from agent.export.conversation import read

    folder = args.folder or data_home()
    if args.out and args.out.is_file() and not args.force:
        raise ArgumentError(f"{args.out} is there already: choose another --out, or write over it with --force")
    try:
        print(export.write(read(folder, args.thread), args.form, args.out, folder))
    except OSError as error:
        raise ArgumentError(
            f"{args.out or folder} cannot be written: {error.strerror}; choose another --out"
        ) from error


def _replay(args: argparse.Namespace) -> None:
    """Exit code 0 when all is as recorded, 1 when something changed."""
    from agent.export import cassette

    try:
        recorded = cassette.load(args.file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{args.file} cannot be read: give a cassette file") from error
    changed = 0
    for one in cassette.replay(recorded, granted=cassette.DEFAULT_GRANT | set(args.allow)):
        changed += bool(one.changes)
        same = f"as recorded ({one.numbers} values)"
        print(f"{f'{one.id} {one.tool}'.strip()}: {'; '.join(one.changes[:8]) or same}", flush=True)
    print(f"{len(recorded.calls)} calls, {changed or 'nothing'} changed")
    sys.exit(1 if changed else 0)


async def _chat(args: argparse.Namespace) -> None:
    import uuid

    from agent import terminal
    from agent.conversation import Agent

    thread = args.thread or f"terminal-{uuid.uuid4().hex[:8]}"
    terminal.check_thread(thread)
    agent = await Agent(args.agent).start()
    try:
        await terminal.talk(agent, thread, person=args.person, target=args.target)
    finally:
        await agent.close()


if __name__ == "__main__":
    main()
