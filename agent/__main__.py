"""`python -m agent chat`: the same conversation in a terminal."""

import argparse
import asyncio
import sys

from agent import home
from evidence.errors import MaieuticError
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
    args = parser.parse_args()
    try:
        parse(args.target)
        asyncio.run(_chat(args))
    except MaieuticError as error:
        sys.exit(f"error: {error}")
    except (KeyboardInterrupt, EOFError):
        print()


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
