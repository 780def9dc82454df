"""From the start of the process to the page, and from a question to its answer, in a real browser.

The question is asked twice: on a page that says it is ready (the bars), and on a fresh process as soon as the
page can be typed into, while the target is still loading (printed).
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from evals.browser import Page, open_page, serving
from evals.result import Metric

RUNS = 3
QUESTION = "What word is taboo-03 hiding?"


def run() -> Iterator[Metric]:
    """Medians over three fresh processes, one more for the impatient question."""
    rows = [_one(patient=True) for _ in range(RUNS)]
    impatient = _one(patient=False)
    page, ready, first, answer = (statistics.median(column) for column in zip(*rows, strict=True))
    yield Metric(
        "seconds to page ready",
        round(page, 2),
        RUNS,
        min(r[0] for r in rows),
        max(r[0] for r in rows),
        bar=15,
        side="at most",
    )
    yield Metric("seconds until the target is loaded", round(ready, 2), RUNS)
    yield Metric(
        "seconds to first streamed step",
        round(first, 2),
        RUNS,
        min(r[2] for r in rows),
        max(r[2] for r in rows),
        bar=1,
        side="at most",
    )
    yield Metric(
        "seconds to the complete answer",
        round(answer, 2),
        RUNS,
        min(r[3] for r in rows),
        max(r[3] for r in rows),
        bar=15,
        side="at most",
    )
    yield Metric("asked while loading: seconds to first streamed step", round(impatient[2], 2), 1)
    yield Metric("asked while loading: seconds to the complete answer", round(impatient[3], 2), 1)


def _one(*, patient: bool) -> tuple[float, float, float, float]:
    """Seconds to page, to loaded target, from question to first step, from question to answer (waiting for the person left out)."""
    with (
        tempfile.TemporaryDirectory() as home,
        _clock() as since_start,
        serving(home) as address,
        open_page(address) as page,
    ):
        page.wait_for_selector("#ask textarea", timeout=120_000)
        to_page = since_start()
        if patient:
            page.wait_for_selector("#state .ready", timeout=120_000)
        to_target = since_start()
        first, until_question = _ask(page)
        started = time.monotonic()
        page.get_by_role("button", name="Skip").click()
        page.wait_for_selector("a.cite", timeout=120_000)
        return to_page, to_target, first, until_question + time.monotonic() - started


def _ask(page: Page) -> tuple[float, float]:
    """Type the question; seconds to the first thing streamed, and to the request for a prediction."""
    started = time.monotonic()
    page.fill("#ask textarea", QUESTION)
    page.press("#ask textarea", "Enter")
    page.wait_for_selector("#chat .bot", timeout=120_000)
    first = time.monotonic() - started
    page.wait_for_selector("#question", state="visible", timeout=120_000)
    return first, time.monotonic() - started


@contextmanager
def _clock():  # type: ignore[no-untyped-def]
    started = time.monotonic()
    yield lambda: time.monotonic() - started
