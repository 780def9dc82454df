"""`python -m agent`: the conversation in a terminal, and the log of what it was allowed and did."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from agent import home
from evidence.errors import MaieuticError
from evidence.home import data_home
from target.spec import DEFAULT_TARGET, parse


def main() -> None:
    """Parse the command line and talk."""
    home.be_quiet()
    parser = argparse.ArgumentParser(prog="python -m agent")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    chat = commands.add_parser("chat", help="talk in the terminal; an empty line ends it")
    chat.add_argument("--target", default=DEFAULT_TARGET)
    chat.add_argument("--agent", default="guide")
    chat.add_argument("--person", default="me", help="whose memory is used (default: %(default)s)")
    chat.set_defaults(run=_talk)
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
    parse(args.target)
    asyncio.run(_chat(args))


def _audit(args: argparse.Namespace) -> None:
    from agent import audit

    folder = args.folder or data_home()
    if not (folder / audit.FILE).exists():
        sys.exit(f"error: there is no audit log in {folder}: it begins with the first conversation")
    log = audit.Audit(folder)
    if args.what == "show":
        for record in log.records():
            print(json.dumps(record))
        return
    print(f"{log.verify()} records, all as they were written")


async def _chat(args: argparse.Namespace) -> None:
    import uuid

    from agent.conversation import Agent, Answer, Failure, Notice, Question, Step

    agent = await Agent(args.agent).start()
    thread = f"terminal-{uuid.uuid4().hex[:8]}"
    print(f"Looking at {args.target}. Ask, for example: What word is {args.target} hiding?")
    try:
        while said := (await asyncio.to_thread(input, "\nyou> ")).strip():
            async for event in agent.send(thread, said, person=args.person, target=args.target):
                match event:
                    case Step(progress=doing) if doing:
                        print(f"  ... {doing}", file=sys.stderr)
                    case Answer(text=words) | Question(text=words) | Notice(text=words) | Failure(text=words):
                        print(f"\n{words}")
    finally:
        await agent.close()


if __name__ == "__main__":
    main()
