"""Does the guide do the right thing at every turn of a conversation?"""

from collections.abc import Iterator
from dataclasses import dataclass

from agent import dry_run
from evals.result import Metric, share
from evals.suites import Options
from evals.understanding import START, Judged, Wanted, nobodys_home, rows, target_after

BAR = 0.92


@dataclass(frozen=True)
class Turn:
    """One judged turn of a script."""

    script: str
    judged: Judged


def measure(options: Options) -> Iterator[Metric]:
    """The scripts used while building; with `--full` the others too, which are looked at once a release."""
    with nobodys_home():
        yield from _measured(options)


def _measured(options: Options) -> Iterator[Metric]:
    for embedding in ("minilm", "lexical"):
        yield from _metrics("dialogues_dev", f"development, {embedding}", embedding, None)
    if options.full:
        for embedding in ("minilm", "lexical"):
            bar = BAR if embedding == "minilm" else None
            yield from _metrics("dialogues_test", f"test, {embedding}", embedding, bar)


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
