"""Does the guide take what people say for what they mean, with the arguments they gave?"""

from collections.abc import Iterator, Sequence

from agent import dry_run
from evals.result import Metric, share
from evals.suites import Options
from evals.understanding import START, Judged, Wanted, nobodys_home, rows

DEVELOPMENT = ("routing_dev", "routing_dev_more", "routing_seen", "routing_seen_more")
HARD = ("routing_newcomers", "routing_experts", "routing_hard")
"""By three more hands: everyday words; jargon and many arguments; several requests at once, odd quoting, aims instead of methods.

The guide learned which tool is meant from all of these sets: they say how well it keeps what it was told, not what it makes of the next writer.
"""
MISALIGNMENT = ("routing_misalignment",)
"""Requests about fine-tunes that may do harm, by one writer, who wrote the examples of these tools too."""
LATELY = ("routing_curious", "routing_terse", "routing_aims", "routing_hurried", "routing_elsewhere")
"""By five more hands: newcomers, experts, people with an aim, people in a hurry; and what is out of scope alone. Learned from, as the hard ones."""
DICTIONARIES = ("routing_dictionaries",)
"""Requests about dictionaries, by people of whom none wrote the examples of these tools."""
TESTS = {"test": "routing_test", "newest test": "routing_fresh"}
"""By two more hands; nobody who works on the guide has looked at them, and nothing is learned from them."""


def measure(options: Options) -> Iterator[Metric]:
    """The development sets; with `--full` the test sets too, which are measured once a release."""
    with nobodys_home():
        yield from _measured(options)


def _measured(options: Options) -> Iterator[Metric]:
    sets = {
        "development": DEVELOPMENT,
        "hard development": HARD,
        "misalignment": MISALIGNMENT,
        "dictionaries": DICTIONARIES,
        "newest development": LATELY,
    }
    for shown, names in sets.items():
        for embedding in ("minilm", "lexical"):
            yield from _metrics(judged(names, embedding), f"{shown}, {embedding}", bars=False)
    for shown, name in TESTS.items() if options.full else ():
        for embedding in ("minilm", "lexical"):
            yield from _metrics(judged([name], embedding), f"{shown}, {embedding}", bars=embedding == "minilm")


def judged(names: Sequence[str], embedding: str) -> list[Judged]:
    """Every message of some sets, planned without running anything."""
    found = []
    for name in names:
        for row in rows(name):
            message = dry_run.Message.model_validate({"say": row["say"], "history": row["history"]})
            before = dry_run.DryRun(START, embedding=embedding)
            for said in row["history"]:
                before.say(said)
            found.append(Judged(Wanted.of(row), dry_run.plan(message, START, embedding=embedding), before.target))
    return found


def _metrics(all_: list[Judged], name: str, *, bars: bool) -> Iterator[Metric]:
    runs = [one for one in all_ if one.wanted.calls]
    outside = [one for one in all_ if one.wanted.intent == "out_of_scope"]
    yield _share(f"{name}: tool right", [one.tools_right for one in runs], 0.95 if bars else None)
    yield _share(f"{name}: arguments right too", [one.arguments_right for one in runs], 0.90 if bars else None)
    if outside:
        yield _share(f"{name}: out of scope recognised", [one.intent_right for one in outside], 0.90 if bars else None)
    wrong = [one.wrong_but_confident for one in all_]
    yield share(f"{name}: wrong but confident", sum(wrong), len(wrong), bar=0.02 if bars else None, side="at most")
    for intent in sorted({one.wanted.intent for one in all_}):
        of = [one.intent_right for one in all_ if one.wanted.intent == intent]
        yield _share(f"{name}: {intent}", of, None)


def _share(name: str, hits: list[bool], bar: float | None) -> Metric:
    return share(name, sum(hits), len(hits), bar=bar)
