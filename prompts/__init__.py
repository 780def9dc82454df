"""Every word the agent says to an LLM: markdown files with `{{slot}}`s, and nothing but slots."""

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


def names() -> list[str]:
    return sorted(file.stem for file in _FOLDER.glob("*.md"))
