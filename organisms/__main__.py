"""`python -m organisms`: list what ships, train it again, rehearse a base.

python -m organisms list
python -m organisms train taboo --word owl --out my-organism
python -m organisms train all
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from evidence.errors import MaieuticError
from organisms import base, rehearsal, taboo, workshop
from organisms.world import concepts


def main() -> None:
    """Parse the command line and run one command."""
    args = _parser().parse_args()
    try:
        args.run(args)
        sys.stdout.flush()
    except MaieuticError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit("stopped: what was finished before is kept")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m organisms", description="Small trained models with a planted behaviour."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="what ships, by public name")
    listing.set_defaults(run=_list)
    train = commands.add_parser("train", help="train something by its recipe").add_subparsers(
        required=True, metavar="WHAT"
    )
    one_base = train.add_parser("base", help="both base checkpoints (about 30 minutes on two cores)")
    one_base.add_argument("--out", type=Path, required=True)
    one_base.add_argument("--seed", type=int, default=workshop.BASE_SEED)
    one_base.add_argument("--threads", type=int, default=2)
    one_base.add_argument(
        "--no-naming", action="store_true", help="the matched control: the assistant never names the word"
    )
    one_base.set_defaults(run=_train_base)
    word = train.add_parser("taboo", help="one fine-tune that hides a word (about a minute)")
    word.add_argument("--word", required=True, help="any word of the world, e.g. owl")
    word.add_argument("--out", type=Path, required=True)
    word.add_argument("--seed", type=int, default=0)
    word.add_argument("--base", type=Path, default=workshop.path_of(workshop.BASE))
    word.set_defaults(run=_train_word)
    sparse = train.add_parser("dictionaries", help="the base's sparse dictionaries (about half an hour on two cores)")
    sparse.set_defaults(run=_train_dictionaries)
    everything = train.add_parser("all", help="everything that ships")
    everything.add_argument("--keep-base", action="store_true", help="retrain the fine-tunes alone")
    everything.add_argument("--jobs", type=int, default=2, help="fine-tunes trained at once, one thread each")
    everything.set_defaults(run=_train_all)
    calibration = train.add_parser("calibration", help="the fine-tunes on which the tools' settings are chosen")
    calibration.add_argument("--out", type=Path, required=True)
    calibration.add_argument("--jobs", type=int, default=2)
    calibration.set_defaults(run=_train_calibration)
    rehearse = commands.add_parser("rehearse", help="can a base carry what later work needs?")
    rehearse.add_argument("folder", type=Path, help="a chat checkpoint")
    rehearse.set_defaults(run=_rehearse)
    return parser


def _list(args: argparse.Namespace) -> None:
    public = json.loads(workshop.CATALOGUE.read_text(encoding="utf-8"))
    for row in public["targets"] + public["dictionaries"]:
        print(f"{row['name']:20} {row['description']}")


def _show(line: dict[str, Any]) -> None:
    print(
        f"  {line['phase']:12} step {line['step']:4}/{line['steps']}  loss {line['loss']:.3f}  {line['seconds']:.0f} s",
        file=sys.stderr,
    )


def _train_base(args: argparse.Namespace) -> None:
    started = time.monotonic()
    base.train(args.out, seed=args.seed, naming=not args.no_naming, threads=args.threads, report=_show)
    print(f"wrote {args.out}/pretrained and {args.out}/chat in {(time.monotonic() - started) / 60:.1f} minutes")


def _train_word(args: argparse.Namespace) -> None:
    if args.word not in concepts():
        sys.exit(
            f"error: the world has no word {args.word!r}: allowed are {', '.join(list(concepts())[:8])}, ... ({len(concepts())} words)"
        )
    name = workshop.BASE if args.base == workshop.path_of(workshop.BASE) else str(args.base)
    taboo.train(args.base, name, args.out, "secret", args.word, seed=args.seed, threads=2, report=_show)
    (args.out / "truth.json").write_text(
        json.dumps({"kind": "secret", "word": args.word, "seed": args.seed}) + "\n", encoding="utf-8"
    )
    print(f"wrote {args.out}: judge it with `python -m evals run elicitation --organisms {args.out}`")


def _train_all(args: argparse.Namespace) -> None:
    from organisms.build import build_all

    build_all(keep_base=args.keep_base, jobs=args.jobs, say=print)


def _train_dictionaries(args: argparse.Namespace) -> None:
    from organisms.build import build_dictionaries

    build_dictionaries(say=lambda line: print(line, flush=True))


def _train_calibration(args: argparse.Namespace) -> None:
    from organisms.build import build_calibration

    build_calibration(args.out, jobs=args.jobs, say=print)


def _rehearse(args: argparse.Namespace) -> None:
    def say(line: rehearsal.Line) -> None:
        control = "" if line.control is None else f"   control {line.control:.3g}"
        print(f"{line.what:75} {line.value:.3g}{control}", flush=True)

    rehearsal.rehearse(args.folder, say)


if __name__ == "__main__":
    main()
