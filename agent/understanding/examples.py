"""Declared examples of what people say, by what they mean: a tool's own, those of the talk around it, and many more of both."""

import hashlib
import json
from functools import cache
from pathlib import Path

READ_BY = ("classifier.py", "counts.py", "features.py", "models_named.py", "quotes.py", "slots.py", "spelling.py")
"""The files by which a classifier sees a message."""
FOLDER = Path(__file__).parent / "examples"


@cache
def declared() -> dict[str, list[str]]:
    """Examples by intent; each tool is an intent, plug-ins too, with its name, summary, question and examples."""
    import yaml

    from tools import TOOLS

    found: dict[str, list[str]] = {
        name: [*tool.asked_as, name.replace("_", " "), tool.summary, tool.question] for name, tool in TOOLS.items()
    }
    for file in (Path(__file__).with_name("intents.yaml"), *sorted(FOLDER.glob("*.yaml"))):
        more: dict[str, list[str]] = yaml.safe_load(file.read_text(encoding="utf-8"))
        for intent, texts in more.items():
            found[intent] = [*found.get(intent, []), *texts]
    return {intent: list(dict.fromkeys(texts)) for intent, texts in found.items()}


def digest(of: dict[str, list[str]]) -> str:
    """Of examples and of how they are read: what was learned from others is stale."""
    found = hashlib.sha256(json.dumps(of, sort_keys=True).encode())
    for name in READ_BY:
        found.update(Path(__file__).with_name(name).read_bytes())
    return found.hexdigest()[:16]
