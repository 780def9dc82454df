"""Every word the agent says to an LLM: markdown files with `{{slot}}`s, and nothing but slots."""

import hashlib
import re
from pathlib import Path

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_FOLDER = Path(__file__).parent


def load(name: str, **slots: str) -> str:
    """A prompt with its slots filled.

    Raises:
        KeyError: a slot is missing or unknown, or there is no such prompt; never a silent blank.
    """
    file = _FOLDER / f"{name}.md"
    if not file.exists():
        raise KeyError(f"no prompt is called {name!r}: there are {', '.join(names())}")
    text = file.read_text(encoding="utf-8")
    wanted = set(_SLOT.findall(text))
    if wanted != set(slots):
        raise KeyError(f"prompt {name!r} has the slots {sorted(wanted)}, but was given {sorted(slots)}")
    return _SLOT.sub(lambda found: slots[found[1]], text).strip()


def version(name: str) -> int:
    """Which version a prompt is: the newest that `versions.yaml` has, whose digest is that of its text.

    Raises:
        KeyError: the text was changed, and `versions.yaml` does not say so.
    """
    import yaml

    known = yaml.safe_load((_FOLDER / "versions.yaml").read_text(encoding="utf-8")).get(name, {})
    newest = max(known, default=0)
    now = digest(name)
    if known.get(newest) != now:
        raise KeyError(f"prompt {name!r} was changed: add version {newest + 1} with the digest {now} to versions.yaml")
    return int(newest)


def digest(name: str) -> str:
    """Of a prompt's text."""
    return hashlib.sha256((_FOLDER / f"{name}.md").read_bytes()).hexdigest()[:12]


def names() -> list[str]:
    return sorted(file.stem for file in _FOLDER.glob("*.md"))
