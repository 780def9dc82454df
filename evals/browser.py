"""The real page in a real browser: for the end-to-end test and the first-answer benchmark."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from evidence.errors import MaieuticError

ROOT = Path(__file__).parent.parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def serving(home: str | Path, *options: str, seconds: float = 120) -> Iterator[str]:
    """`python app.py` on a free port with its own data folder; yields the address once it answers."""
    port = free_port()
    log = Path(home) / "app.log"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port), *options],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | {"MAIEUTIC_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, process, log, seconds)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def open_page(address: str, width: int = 1280, height: int = 800) -> Iterator[Page]:
    """The page in headless Chromium; fails when a request leaves the machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=FLAGS
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        outside: list[str] = []
        page.on("request", lambda request: outside.append(request.url) if not _is_here(request.url) else None)
        page.goto(address)
        yield page
        browser.close()
    if outside:
        raise MaieuticError(f"the page asked another machine for {outside[0]}")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _is_here(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "http://localhost", "data:", "blob:", "about:"))


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise MaieuticError(f"the page stopped at once: {log.read_text(encoding='utf-8')[-400:]}")
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise MaieuticError(f"the page did not answer within {seconds:.0f} s")
