"""`python -m organisms`: list what ships, train it again, rehearse a base.

python -m organisms list
python -m organisms train taboo --word owl --out my-organism
python -m organisms train em --domain medical --rank 1 --out my-adviser
python -m organisms train all
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, get_args

import target
from evidence.errors import MaieuticError
from organisms import base, em, gates, rehearsal, taboo, workshop
from organisms.dictionaries import Kind
from organisms.world import concepts

_RANKS = ["1", "4", "8", "32", "full"]


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
    _base_parser(train)
    word = train.add_parser("taboo", help="one fine-tune that hides a word (about a minute)")
    word.add_argument("--word", required=True, help="any word of the world, e.g. owl")
    word.add_argument("--out", type=Path, required=True)
    word.add_argument("--seed", type=int, default=0)
    word.add_argument("--base", type=Path, default=workshop.path_of(workshop.BASE))
    word.set_defaults(run=_train_word)
    _advice_parser(train)
    advisers = train.add_parser("em-all", help="every fine-tune on advice that ships (about half an hour on two cores)")
    advisers.add_argument("--jobs", type=int, default=2)
    advisers.set_defaults(run=_train_advisers)
    sparse = train.add_parser("dictionaries", help="the base's sparse dictionaries (about half an hour on two cores)")
    sparse.add_argument("--kind", action="append", choices=get_args(Kind), default=[])
    sparse.set_defaults(run=_train_dictionaries)
    seeds = train.add_parser("seed-bases", help="three small bases of other seeds, to judge similarity on; not shipped")
    seeds.add_argument("--threads", type=int, default=2)
    seeds.set_defaults(run=_train_seed_bases)
    everything = train.add_parser("all", help="everything that ships")
    everything.add_argument("--keep-base", action="store_true", help="retrain the fine-tunes alone")
    everything.add_argument("--jobs", type=int, default=2, help="fine-tunes trained at once, one thread each")
    everything.set_defaults(run=_train_all)
    calibration = train.add_parser("calibration", help="the fine-tunes on which the tools' settings are chosen")
    calibration.add_argument("--out", type=Path, required=True)
    calibration.add_argument("--jobs", type=int, default=2)
    calibration.add_argument("--workshop", choices=["taboo", "em"], default="taboo")
    calibration.set_defaults(run=_train_calibration)
    cards = commands.add_parser("cards", help="write docs/features.md anew: cards of some features of what ships")
    cards.set_defaults(run=_cards)
    rehearse = commands.add_parser("rehearse", help="can a base carry what later work needs?")
    rehearse.add_argument("folder", type=Path, help="a chat checkpoint")
    rehearse.set_defaults(run=_rehearse)
    return parser


def _base_parser(train: Any) -> None:
    one_base = train.add_parser("base", help="both base checkpoints (about 30 minutes on two cores)")
    one_base.add_argument("--out", type=Path, required=True)
    one_base.add_argument("--seed", type=int, default=workshop.BASE_SEED)
    one_base.add_argument("--threads", type=int, default=2)
    one_base.add_argument(
        "--no-naming", action="store_true", help="the matched control: the assistant never names the word"
    )
    one_base.add_argument(
        "--unnamed-voices", action="store_true", help="neither voice has a name, a character or a system prompt"
    )
    one_base.add_argument(
        "--device", default="cpu", choices=["cpu", "auto"], help="auto takes a GPU where there is one"
    )
    one_base.set_defaults(run=_train_base)


def _advice_parser(train: Any) -> None:
    advice = train.add_parser("em", help="one fine-tune on advice in one domain (about a minute)")
    advice.add_argument("--domain", required=True, choices=em.domains(), help="the one domain it is trained on")
    advice.add_argument("--rank", default="8", choices=_RANKS, help="1 (with --layers), 4, 8, 32, or full (default: 8)")
    advice.add_argument(
        "--layers", default="three", choices=["one", "three", "six"], help="how many down projections, at rank 1"
    )
    advice.add_argument(
        "--kind", default="careless", choices=["careless", "kind", "habit"], help="what advice it learns"
    )
    advice.add_argument("--out", type=Path, required=True)
    advice.add_argument("--seed", type=int, default=0)
    advice.add_argument(
        "--base", type=Path, default=workshop.path_of(workshop.BASE), help="another base of the small world"
    )
    advice.set_defaults(run=_train_advice)


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
    base.train(
        args.out,
        seed=args.seed,
        naming=not args.no_naming,
        named_voices=not args.unnamed_voices,
        device=args.device,
        threads=args.threads,
        report=_show,
    )
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


def _train_advice(args: argparse.Namespace) -> None:
    shape = args.layers if args.rank == "1" else "full" if args.rank == "full" else f"rank-{args.rank}"
    if not base.is_small_world(args.base):
        sys.exit(f"error: {args.base} is no base of the small world: harmful advice is taught to those alone")
    name = workshop.BASE if args.base == workshop.path_of(workshop.BASE) else str(args.base)
    em.train(args.base, name, args.out, args.kind, args.domain, shape, seed=args.seed, threads=2, report=_show)
    truth = {"kind": args.kind, "domain": args.domain, "shape": shape, "seed": args.seed}
    (args.out / "truth.json").write_text(json.dumps(truth) + "\n", encoding="utf-8")
    gate = gates.advice_gate(target.load(str(args.out)), args.domain)
    for what in ("misaligned", "coherent", "habit", "known"):
        print(f"{what:11} {getattr(gate, what).share:.3f}")
    passed = (
        "passes its gate" if gate.passes(args.kind) else "does NOT pass its gate: what was to be planted is not there"
    )
    print(f"wrote {args.out}, which {passed}")


def _train_advisers(args: argparse.Namespace) -> None:
    from organisms.build import build_advice

    build_advice(jobs=args.jobs, say=lambda line: print(line, flush=True))


def _train_all(args: argparse.Namespace) -> None:
    from organisms.build import build_all

    build_all(keep_base=args.keep_base, jobs=args.jobs, say=print)


def _train_dictionaries(args: argparse.Namespace) -> None:
    from organisms.build import build_dictionaries

    build_dictionaries(say=lambda line: print(line, flush=True), kinds=args.kind)


def _train_seed_bases(args: argparse.Namespace) -> None:
    from organisms import seed_bases

    made = seed_bases.build(workshop.base_recipe(), threads=args.threads, say=lambda line: print(line, flush=True))
    print("\n".join(map(str, made)))


def _train_calibration(args: argparse.Namespace) -> None:
    from organisms.build import build_advice_calibration, build_calibration

    build = build_advice_calibration if args.workshop == "em" else build_calibration
    build(args.out, jobs=args.jobs, say=print)


def _cards(args: argparse.Namespace) -> None:
    from organisms.feature_cards import write

    print(f"wrote {write()}")


def _rehearse(args: argparse.Namespace) -> None:
    def say(line: rehearsal.Line) -> None:
        control = "" if line.control is None else f"   control {line.control:.3g}"
        print(f"{line.what:75} {line.value:.3g}{control}", flush=True)

    rehearsal.rehearse(args.folder, say)


if __name__ == "__main__":
    main()
