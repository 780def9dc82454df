"""`python -m benchmarks NAME [--json FILE]`: first_answer, logit_lens, tools, serve_tools, guide, turn, memory, concurrent_users or dictionaries."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from agent import home
from evidence.errors import MaieuticError

NAMES = {
    "first_answer": "seconds from process start to page, to first streamed step, to the complete answer",
    "logit_lens": "time and memory of the all-layer lens against the plain forward pass",
    "tools": "what interventions, sparse features and a probe's sweep cost above the model itself",
    "serve_tools": "sixteen callers at once over MCP and HTTP on one target",
    "guide": "milliseconds in which the guide chooses the next action",
    "turn": "the loop's own cost of a turn, early and late in a long conversation",
    "memory": "recall among 100,000 notes of 1,000 people, paraphrases found, and what a kill loses",
    "concurrent_users": "eight conversations at once on one target",
    "dictionaries": "training steps against SAELens', an ITDA against its definition, memory of a million tokens",
}


def main() -> None:
    """Run one benchmark and print its table; exit 1 when nothing could be measured."""
    home.be_quiet()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    listed = "\n".join(f"  {name:18} {text}" for name, text in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", epilog=f"names:\n{listed}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=NAMES, metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    args = parser.parse_args()
    try:
        from evals.result import measure

        measure(args.name, importlib.import_module(f"benchmarks.{args.name}").run, args.json)
    except MaieuticError as error:
        sys.exit(f"cannot measure: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f"cannot measure: {error.name!r} is not installed, run `make test` once or `pip install -e .[dev]`")


if __name__ == "__main__":
    main()
