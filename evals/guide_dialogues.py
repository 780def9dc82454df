"""Does the guide do the right thing at every turn of a conversation?"""

from collections.abc import Iterator
from dataclasses import dataclass

from agent import dry_run
from evals.result import Metric, share
from evals.suites import Options
from evals.understanding import START, Judged, Wanted, exists, nobodys_home, rows, target_after
from evidence.errors import MaieuticError

BAR = 0.92
KNOWN = {"dialogues_dev": "development", "dialogues_more": "more development", "dialogues_seen": "seen"}
"""Scripts the guide was built on; scripts that were unseen when they were measured, and looked at then."""
TEST = "dialogues_test"


@dataclass(frozen=True)
class Turn:
    """One judged turn of a script."""

    script: str
    judged: Judged


def measure(options: Options) -> Iterator[Metric]:
    """The scripts that are known; with `--full` those that nobody has looked at, once a release."""
    with nobodys_home():
        yield from _measured(options)


def _measured(options: Options) -> Iterator[Metric]:
    if options.full and not exists(TEST):
        raise MaieuticError(f"there is no unseen set of conversations ({TEST}.jsonl): all there are were looked at")
    for name, shown in KNOWN.items():
        for embedding in ("minilm", "lexical"):
            yield from _metrics(name, f"{shown}, {embedding}", embedding, None)
    if options.full:
        for embedding in ("minilm", "lexical"):
            yield from _metrics(TEST, f"test, {embedding}", embedding, BAR if embedding == "minilm" else None)


def turns(name: str, embedding: str) -> Iterator[Turn]:
    """Every turn after the right ones before it: what should have been done is taken to have been."""
    for script in rows(name):
        conversation = dry_run.DryRun(START, embedding=embedding)
        target = START
        for one in script["turns"]:
            wanted = Wanted.of(one)
            judged = Judged(wanted, conversation.plan(one["say"]), target)
            conversation.took_place(judged.as_wanted)
            conversation.asked(judged.plan)
            target = target_after(wanted, target)
            yield Turn(script["name"], judged)


def _metrics(name: str, shown: str, embedding: str, bar: float | None) -> Iterator[Metric]:
    all_ = list(turns(name, embedding))
    right = [turn.judged.right for turn in all_]
    yield share(f"{shown}: right action, of the turns", sum(right), len(right), bar=bar)
    scripts = list(dict.fromkeys(turn.script for turn in all_))
    whole = [all(t.judged.right for t in all_ if t.script == script) for script in scripts]
    yield share(f"{shown}: every action right, of the scripts", sum(whole), len(whole))
    for intent in sorted({turn.judged.wanted.intent for turn in all_}):
        of = [turn.judged.right for turn in all_ if turn.judged.wanted.intent == intent]
        yield share(f"{shown}: {intent}", sum(of), len(of))
