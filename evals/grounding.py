"""Does the check let correct answers pass, and does it catch spoiled ones?"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from agent import grounding
from agent.models import writing
from evals.answers.learning import WRITERS, Learning
from evals.answers.ledger import ledger
from evals.answers.mutations import AUTOMATIC
from evals.result import Metric, share
from evals.suites import Options

ANSWERS = Path(__file__).parent / "answers"
PROSE, TEST = ANSWERS / "prose.json", ANSWERS / "prose_test.json"
"""What the check learned from, and what nobody who worked on it has looked at."""
OF_EACH = 100
WRITTEN = {"verdict flipped": "flipped", "control dropped": "without_control"}
"""Spoiled versions that the writer of the prose wrote too."""


def measure(options: Options) -> Iterator[Metric]:
    """The guide's answers, free prose by somebody who had not seen the check, and what is caught of both when spoiled.

    Prose marked `seen` was looked at while the check was built: it says little about the next writer's.
    """
    guide, prose = list(guides()), [*_rows(PROSE), *_rows(TEST)]
    clean = sum(not flagged(text) for text in guide)
    yield share("the guide's answers that resolve whole", clean, len(guide), bar=1.0)
    yield from _spoiled("the guide's answers", guide)
    for source, seen in (("unseen prose", False), ("prose that was looked at", True)):
        if rows := [one for one in prose if one["seen"] == seen]:
            wrong = sum(flagged(one["text"]) for one in rows)
            yield share(f"correct, {source}: flagged", wrong, len(rows), bar=0.02, side="at most")
            yield from _spoiled(source, [one["text"] for one in rows])
            for name, key in WRITTEN.items():
                texts = [one[key] for one in rows if one[key]]
                yield share(f"{name}, {source}: caught", sum(map(flagged, texts)), len(texts), bar=0.95)
    if options.full:
        yield from _unread(_rows(PROSE))


def _rows(file: Path) -> list[dict[str, Any]]:
    return list(json.loads(file.read_text(encoding="utf-8")))


def _unread(prose: list[dict[str, Any]]) -> Iterator[Metric]:
    """The same with models learned without the writer who is judged; the words were listed with two of the three in view."""
    learning = Learning()
    made = [(writer, learning.fit(writer)) for writer in WRITERS]
    for name, key in {"correct": "text", **WRITTEN}.items():
        told = [
            bool(grounding.check(prose[row][key], ledger(), models))
            for writer, models in made
            for row in writer
            if prose[row][key]
        ]
        what = f"{name}, writer left out: " + ("flagged" if key == "text" else "caught")
        yield share(
            what,
            sum(told),
            len(told),
            bar=0.02 if key == "text" else 0.95,
            side="at most" if key == "text" else "at least",
        )


def _spoiled(source: str, texts: list[str]) -> Iterator[Metric]:
    for name in AUTOMATIC:
        caught = [flagged(text) for text in spoiled(name, texts)]
        yield share(f"{name}, {source}: caught", sum(caught), len(caught), bar=0.95)


def flagged(text: str) -> bool:
    """Whether the check finds anything."""
    return bool(grounding.check(text, ledger()))


def guides() -> Iterator[str]:
    """Everything the guide writes of the ledger: what it found, why, and beside what."""
    for name, evidence in ledger().items():
        for write in (writing.findings, writing.reasons, writing.comparison):
            if text := write(name, evidence):
                yield text


def spoiled(name: str, texts: list[str]) -> list[str]:
    """A hundred answers spoiled in one way, drawn by a fixed seed."""
    draw, found = Random(name), list[str]()
    while len(found) < OF_EACH:
        text = draw.choice(texts)
        made = AUTOMATIC[name](text, draw, ledger())
        if made is not None and made != text:
            found.append(made)
    return found
