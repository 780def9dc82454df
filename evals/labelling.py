"""`python -m evals.labelling`: what the guide learns from out of the development sets: arguments where they stand, and requests.

No test set is read: what the guide learned from says nothing of how it reads the next writer.
"""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from agent.understanding.examples import FOLDER
from agent.understanding.tagging.shipped import LABELLED
from evals.guide_dialogues import KNOWN
from evals.routing import DEVELOPMENT, HARD, LATELY, MISALIGNMENT
from evals.understanding import rows

EXAMPLES = FOLDER / "heard_lately.yaml"
HEAD = "# Written by `python -m evals.labelling` out of messages by people who had seen the README and the tools' pages alone.\n"


def main() -> None:
    """Write the labelled messages again."""
    made = list(labelled())
    LABELLED.write_text("".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in made), encoding="utf-8")
    print(f"{len(made)} messages with one call each: {LABELLED.name}")
    heard = requests()
    EXAMPLES.write_text(HEAD + yaml.safe_dump(heard, allow_unicode=True, width=1000), encoding="utf-8")
    print(f"{sum(map(len, heard.values()))} messages by what they ask for: {EXAMPLES.name}")


def requests() -> dict[str, list[str]]:
    """The newest sets by intent or tool: messages that need no history and ask for one thing."""
    found: dict[str, list[str]] = {}
    for row in (row for name in LATELY for row in rows(name)):
        if row["history"] or len(row["calls"]) > 1 or row["intent"] == "followup":
            continue
        found.setdefault(row["calls"][0]["tool"] if row["calls"] else row["intent"], []).append(row["say"])
    return dict(sorted(found.items()))


def labelled() -> Iterator[dict[str, Any]]:
    """Messages that lead to exactly one call: single ones without a history, and turns of conversations."""
    seen = set()
    for row in _rows():
        key = row["say"].casefold()
        if row["intent"] == "tools" and len(row["calls"]) == 1 and key not in seen:
            seen.add(key)
            call = row["calls"][0]
            yield {"tool": call["tool"], "say": row["say"], "arguments": call["arguments"]}


def _rows() -> Iterator[dict[str, Any]]:
    for name in (*DEVELOPMENT, *HARD, *MISALIGNMENT, *LATELY):
        yield from (row for row in rows(name) if not row["history"])
    for name in KNOWN:
        for script in rows(name):
            yield from script["turns"]


if __name__ == "__main__":
    main()
