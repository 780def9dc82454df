"""Figures as files."""

from pathlib import Path
from typing import Any

from evidence import Evidence
from evidence.errors import ArgumentError

PICTURES = (".png", ".svg", ".pdf")
_WIDTH = 900


def check(file: Path) -> None:
    """Refuse a file that a figure cannot be written to, before anything is measured.

    Raises:
        ArgumentError: the ending is unknown, the folder is missing, or what draws pictures is not installed.
    """
    if file.suffix not in (".html", *PICTURES):
        raise ArgumentError(f"--figure {str(file)!r} ends in none of .html, {', '.join(PICTURES)}: choose one of them")
    if not file.resolve().parent.is_dir():
        raise ArgumentError(f"the folder of --figure {str(file)!r} does not exist: make it first, or choose another")
    if file.suffix in PICTURES:
        try:
            import kaleido  # noqa: F401
        except ModuleNotFoundError:
            raise ArgumentError(
                f"a figure as {file.suffix} needs kaleido and a Chrome or Chromium: "
                "pip install -e .[figures], or write it as .html"
            ) from None


def write(evidence: Evidence, file: Path) -> None:
    """Draw an evidence into a file, in the format that its name ends in.

    Raises:
        ArgumentError: the disk refuses, or no browser is there to draw a picture.
    """
    from evidence import as_figure

    figure = as_figure(evidence, width=_WIDTH)
    try:
        if file.suffix == ".html":
            figure.write_html(file, include_plotlyjs=True)
        else:
            _draw(figure, file)
    except OSError as error:
        raise ArgumentError(f"the figure could not be written to {str(file)!r}: {error.strerror or error}") from error


def _draw(figure: Any, file: Path) -> None:
    from choreographer.errors import BrowserFailedError, ChromeNotFoundError

    try:
        figure.write_image(file, width=_WIDTH, scale=2)
    except (BrowserFailedError, ChromeNotFoundError, RuntimeError) as error:
        raise ArgumentError(
            f"no Chrome or Chromium could draw {str(file)!r}: install one, or write the figure as .html"
        ) from error
