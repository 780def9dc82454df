"""The main job, in a real browser: ask for the hidden word, read a cited answer, see the figure."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from evals.browser import free_port, open_page, serving
from organisms import workshop

SECRET, DECOY = (
    next(name for name, truth in workshop.truths().items() if truth.kind == kind) for kind in ("secret", "decoy")
)
WAIT = 90_000
IN_VIEW = "document.querySelector('#figure').getBoundingClientRect().bottom <= innerHeight"
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("home")) as found:
        yield found


def ask(page: Page, text: str) -> None:
    page.fill("#ask textarea", text)
    page.press("#ask textarea", "Enter")


def last_answer(page: Page) -> str:
    return page.locator("#chat .bot").last.inner_text()


@pytest.mark.slow
def test_a_stranger_asks_for_the_hidden_word_and_reads_a_proven_answer(address: str) -> None:
    word = workshop.truths()[SECRET].word
    with open_page(address) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, f"What word is {SECRET} hiding?")
        page.wait_for_selector("#question", state="visible", timeout=WAIT)
        ask(page, "I expect it hides nothing.")
        page.wait_for_selector("a.cite", timeout=WAIT)
        page.wait_for_selector("#figure .js-plotly-plot", timeout=WAIT)
        answer = last_answer(page)
        assert f"is hiding the word “{word}”" in answer
        assert re.search(r"\d\.\d+.*\[E1\]", answer, re.DOTALL), "no number beside its citation"
        assert 'You expected "I expect it hides nothing."' in answer
        assert word in page.locator("#figure").inner_text()

        page.locator("a.cite").first.click()
        page.get_by_text("Where this comes from").click()
        page.wait_for_function(
            "document.querySelector('#evidence-detail')?.innerText.includes('elicit_secret')", timeout=WAIT
        )

        page.get_by_text("Hypotheses", exact=True).click()
        page.wait_for_function("document.querySelector('#board')?.innerText.includes('for [E1]')", timeout=WAIT)

        page.get_by_text("What I believe you know, and remember about you").click()
        page.wait_for_function("document.querySelector('#notes')?.innerText.includes('prediction')", timeout=WAIT)
        page.locator("#forget").click()
        page.wait_for_function("document.querySelector('#notes')?.innerText.includes('Nothing yet')", timeout=WAIT)


@pytest.mark.slow
def test_a_conversation_is_there_when_the_page_is_opened_again(address: str) -> None:
    with open_page(address) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, 'ask it "what is a fox?"')
        page.wait_for_selector("a.cite", timeout=WAIT)
        page.reload()
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('what is a fox?')", timeout=WAIT)
        page.wait_for_selector("#figure .js-plotly-plot", timeout=WAIT)


@pytest.mark.slow
def test_markup_from_a_person_or_a_model_stays_text(address: str) -> None:
    with open_page(address) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, 'ask it "<img src=x onerror=alert(1)> ![x](http://example.com/x.png) <b>bold</b>"')
        page.wait_for_selector("a.cite", timeout=WAIT)
        assert page.locator("#chat img[src*='example'], #chat img[src='x']").count() == 0
        assert "<b>bold</b>" in page.locator("#chat").inner_text()


@pytest.mark.slow
def test_what_it_cannot_do_is_said_in_one_sentence(address: str) -> None:
    with open_page(address) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, "what is taboo-99 hiding?")
        page.wait_for_function(
            "document.querySelector('#chat')?.innerText.includes('I know no target called')", timeout=WAIT
        )
        ask(page, "show me layer 99")
        page.wait_for_function(
            "document.querySelector('#chat')?.innerText.includes('layer 99 does not exist')", timeout=WAIT
        )
        ask(page, "write me a sonnet about rain")
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('I cannot do that')", timeout=WAIT)


@pytest.mark.slow
def test_stop_ends_a_running_search_and_the_page_goes_on(address: str) -> None:
    with open_page(address) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, f"What word is {DECOY} hiding?")
        page.wait_for_selector("#question", state="visible", timeout=WAIT)
        page.get_by_role("button", name="Skip").click()
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('asking for hints')", timeout=WAIT)
        assert "working" in page.locator("#state").inner_text() and not page.locator("#send").is_visible()
        page.locator("#stop").click()
        page.wait_for_function(
            "document.querySelector('#chat')?.innerText.includes('stopped as you asked')", timeout=WAIT
        )
        page.wait_for_selector("#stop", state="hidden", timeout=WAIT)
        ask(page, "thanks")
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('You are welcome.')", timeout=WAIT)


@pytest.mark.slow
def test_on_a_phone_nothing_is_wider_than_the_screen(address: str) -> None:
    with open_page(address, 390, 844) as page:
        page.wait_for_selector("#ask textarea", timeout=WAIT)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for part in ("#send", "#examples button >> nth=0"):
            box = page.locator(part).bounding_box()
            assert box and box["y"] + box["height"] <= 844, f"{part} is below the fold"
        chat = page.locator("#chat").bounding_box()
        assert chat and chat["width"] >= 360, "margins take the width"


@pytest.mark.slow
def test_on_a_phone_a_citation_brings_its_evidence_into_view(address: str) -> None:
    with open_page(address, 390, 844) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, 'ask it "what is a fox?"')
        page.wait_for_selector("a.cite", timeout=WAIT)
        page.wait_for_selector("#figure .js-plotly-plot", timeout=WAIT)
        assert page.evaluate(f"!({IN_VIEW})"), "it was in view before, so that nothing is tested"
        page.locator("a.cite").first.click()
        page.wait_for_function(IN_VIEW, timeout=WAIT)
        assert page.locator("#figure .modebar-btn").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_a_message_sent_during_an_answer_stays_in_the_box_and_is_said_to_wait(address: str) -> None:
    with open_page(address) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, f"What word is {DECOY} hiding?")
        page.wait_for_selector("#question", state="visible", timeout=WAIT)
        page.get_by_role("button", name="Skip").click()
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('asking for hints')", timeout=WAIT)
        ask(page, "what can you do?")
        page.wait_for_function("document.querySelector('#hint')?.innerText.includes('still answering')", timeout=WAIT)
        assert page.input_value("#ask textarea") == "what can you do?"
        page.wait_for_selector("#stop", state="hidden", timeout=WAIT)
        page.press("#ask textarea", "Enter")
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('I run experiments')", timeout=WAIT)
        assert page.input_value("#ask textarea") == ""


@pytest.mark.slow
def test_the_same_message_sent_again_redirects_a_running_search(address: str) -> None:
    with open_page(address) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, f"What word is {DECOY} hiding?")
        page.wait_for_selector("#question", state="visible", timeout=WAIT)
        page.get_by_role("button", name="Skip").click()
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('asking for hints')", timeout=WAIT)
        ask(page, 'ask it "what is a fox?"')
        page.wait_for_function("document.querySelector('#hint')?.innerText.includes('still answering')", timeout=WAIT)
        page.press("#ask textarea", "Enter")
        page.wait_for_selector("a.cite", timeout=WAIT)
        page.wait_for_selector("#stop", state="hidden", timeout=WAIT)
        said = page.locator("#chat").inner_text()
        assert "ask · E1" in said and said.index(f"{DECOY} hiding?") < said.index("what is a fox?")


@pytest.mark.slow
def test_an_evidence_is_replayed_copied_as_python_and_taken_along(address: str) -> None:
    with open_page(address) as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        ask(page, 'show me layer 4 on "give me a hint."')
        page.wait_for_selector("a.cite", timeout=WAIT)
        page.get_by_text("Where this comes from").click()
        page.locator("#replay").click()
        page.wait_for_function(
            "document.querySelector('#replayed')?.innerText.includes('every number is as it was')", timeout=WAIT
        )
        page.locator("#copy-python").click()
        page.wait_for_function("document.querySelector('#replayed')?.innerText.includes('Copied')", timeout=WAIT)
        assert "logit_lens(target.load('taboo-03')" in page.evaluate("navigator.clipboard.readText()")
        page.get_by_text("Hypotheses", exact=True).click()
        page.wait_for_function("document.querySelector('#board')?.innerText.includes('None yet')", timeout=WAIT)
        page.get_by_text("Take it along").click()
        for form, ending in (("report", ".md"), ("notebook", ".ipynb"), ("cassette", ".cassette.json")):
            page.locator(f"#take-{form}").click()
            link = page.locator("#taken a[download]").filter(has_text=re.compile(".")).first
            page.wait_for_function(f"document.querySelector('#taken a')?.href.endsWith({ending!r})", timeout=WAIT)
            with page.expect_download() as download:
                link.click()
            text = Path(download.value.path()).read_text("utf-8")
            assert "give me a hint." in text and "logit_lens" in text


@pytest.mark.slow
def test_after_a_kill_the_open_page_shows_the_conversation_and_resumes_it(tmp_path: Path) -> None:
    port = free_port()
    first = start(tmp_path, port)
    with open_page(f"http://127.0.0.1:{port}") as page:
        page.wait_for_selector("#state .ready", timeout=WAIT)
        ask(page, 'ask it "what is a fox?"')
        page.wait_for_selector("a.cite", timeout=WAIT)
        page.wait_for_selector("#stop", state="hidden", timeout=WAIT)
        ask(page, f"What word is {DECOY} hiding?")
        page.wait_for_selector("#question", state="visible", timeout=WAIT)
        page.get_by_role("button", name="Skip").click()
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('asking for hints')", timeout=WAIT)
        page.fill("#ask textarea", "what can you do?")
        first.send_signal(signal.SIGKILL)
        first.wait()
        second = start(tmp_path, port)
        try:  # the page finds the server again by itself
            page.wait_for_function("document.querySelector('#chat')?.innerText.includes('Restoring')", timeout=WAIT)
            page.wait_for_selector("#cut-off", state="visible", timeout=WAIT)
            shown = page.locator("#chat").inner_text()
            assert "what is a fox?" in shown and "ask · E1" in shown and f"What word is {DECOY} hiding?" in shown
            assert page.input_value("#ask textarea") == "what can you do?", "what was typed is lost"
            page.locator("#resume").click()
            page.wait_for_function(
                "document.querySelector('#chat')?.innerText.includes('elicit secret · E2')", timeout=WAIT
            )
            page.wait_for_selector("#stop", state="hidden", timeout=WAIT)
            assert "[E2]" in last_answer(page) and not page.locator("#cut-off").is_visible()
        finally:
            second.terminate()
            second.wait(timeout=30)


def start(home: Path, port: int) -> "subprocess.Popen[str]":
    """The page as its own process, once it has printed its address."""
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"MAIEUTIC_HOME": str(home), "HF_HUB_OFFLINE": "1"},
    )
    assert process.stdout and f":{port}" in process.stdout.readline()
    return process


@pytest.mark.slow
def test_the_page_serves_before_the_target_has_loaded_and_shows_the_loading(tmp_path: Path) -> None:
    with serving(tmp_path) as fresh, open_page(fresh) as page:
        page.wait_for_selector("#state .busy", timeout=WAIT)
        assert "loading" in page.locator("#state").inner_text() or "starting" in page.locator("#state").inner_text()
        ask(page, "what can you do?")
        page.wait_for_function("document.querySelector('#chat')?.innerText.includes('I run experiments')", timeout=WAIT)
        page.wait_for_selector("#state .ready", timeout=WAIT)
