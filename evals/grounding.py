"""Does the check let correct answers pass, and does it catch spoiled ones?"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from agent import grounding
from agent.models import writing
from evals.answers.ledger import ledger
from evals.answers.mutations import AUTOMATIC
from evals.result import Metric, share
from evals.suites import Options

PROSE = Path(__file__).parent / "answers" / "prose.json"
OF_EACH = 100
WRITTEN = {"verdict flipped": "flipped", "control dropped": "without_control"}
"""Spoiled versions that the writer of the prose wrote too."""


def measure(options: Options) -> Iterator[Metric]:
    """The guide's answers, free prose by somebody who had not seen the check, and what is caught of both when spoiled.

    A part of the prose, marked `seen`, was looked at while the check was built; the bars are on the rest.
    """
    prose = json.loads(PROSE.read_text(encoding="utf-8"))
    unseen, guide = [one for one in prose if not one["seen"]], list(guides())
    clean = sum(not flagged(text) for text in guide)
    yield share("the guide's answers that resolve whole", clean, len(guide), bar=1.0)
    wrong = sum(flagged(one["text"]) for one in unseen)
    yield share("correct free prose that is flagged", wrong, len(unseen), bar=0.02, side="at most")
    wrong = sum(flagged(one["text"]) for one in prose if one["seen"])
    yield share("the same, prose that was looked at", wrong, len(prose) - len(unseen))
    for source, texts in (("the guide's answers", guide), ("free prose", [one["text"] for one in unseen])):
        for name in AUTOMATIC:
            caught = [flagged(text) for text in spoiled(name, texts)]
            yield share(f"{name}, {source}: caught", sum(caught), len(caught), bar=0.95)
    for name, key in WRITTEN.items():
        texts = [one[key] for one in unseen if one[key]]
        yield share(f"{name}, free prose: caught", sum(map(flagged, texts)), len(texts), bar=0.95)


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
