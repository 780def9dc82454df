"""`python -m evals`: list the suites, run one, show the last reports.

python -m evals list
python -m evals run elicitation --json elicitation.json
"""

import argparse
import os
import sys
from pathlib import Path

from agent import home
from evidence.errors import MaieuticError


def main() -> None:
    """Parse the command line and run one command; exit 1 when nothing could be measured."""
    home.be_quiet()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    args = _parser().parse_args()
    try:
        args.run(args)
    except MaieuticError as error:
        sys.exit(f"cannot measure: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f"cannot measure: {error.name!r} is not installed, run `make test` once or `pip install -e .[dev]`")
    except KeyboardInterrupt:
        sys.exit("stopped")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals", description="Score the assistant and the tools against known truth."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list", help="the suites").set_defaults(run=_list)
    run = commands.add_parser("run", help="run one suite")
    run.add_argument("name", metavar="NAME", help="a suite of `python -m evals list`")
    run.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    run.add_argument(
        "--organisms",
        type=Path,
        metavar="DIR",
        help="judge these fine-tunes (with a truth.json each) instead of those shipped",
    )
    run.add_argument("--agent", default="guide", metavar="SPEC", help="who answers in sessions (default: %(default)s)")
    run.add_argument(
        "--full",
        action="store_true",
        help="also what takes an hour to train, or is looked at once a release (test sets of language)",
    )
    run.set_defaults(run=_run)
    report = commands.add_parser("report", help="where the logs are, and how to read them")
    report.set_defaults(run=_report)
    return parser


def _list(args: argparse.Namespace) -> None:
    from evals.suites import SUITES

    for name, suite in SUITES.items():
        print(f"{name:18} {suite.summary}")


def _run(args: argparse.Namespace) -> None:
    from evals.result import measure
    from evals.suites import SUITES, Options

    if args.name not in SUITES:
        sys.exit(f"error: no suite is called {args.name!r}: there are {', '.join(SUITES)}")
    given = {"organisms": args.organisms is not None, "full": args.full, "agent": args.agent != "guide"}
    if unused := [name for name, used in given.items() if used and name not in SUITES[args.name].takes]:
        sys.exit(f"error: {args.name} does not take --{unused[0]}: leave it out")
    options = Options(organisms=args.organisms, full=args.full, agent=args.agent)
    measure(args.name, lambda: SUITES[args.name].measure(options), args.json)


def _report(args: argparse.Namespace) -> None:
    from evals.inspecting import logs

    files = sorted(logs().glob("*.eval"))
    for file in files[-10:]:
        print(file)
    print(
        f"read them with: inspect view --log-dir {logs()}"
        if files
        else "no session was run yet: python -m evals run hidden_word"
    )


if __name__ == "__main__":
    main()
