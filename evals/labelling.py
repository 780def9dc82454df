"""`python -m evals.labelling`: what the tagger of arguments learns from, out of the development sets.

No test set is read: what the guide learned from says nothing of how it reads the next writer.
"""

import json
from collections.abc import Iterator
from typing import Any

from agent.understanding.tagging.shipped import LABELLED
from evals.guide_dialogues import KNOWN
from evals.routing import DEVELOPMENT, HARD, MISALIGNMENT
from evals.understanding import rows


def main() -> None:
    """Write the labelled messages again."""
    made = list(labelled())
    LABELLED.write_text("".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in made), encoding="utf-8")
    print(f"{len(made)} messages with one call each: {LABELLED.name}")


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
    for name in (*DEVELOPMENT, *HARD, *MISALIGNMENT):
        yield from (row for row in rows(name) if not row["history"])
    for name in KNOWN:
        for script in rows(name):
            yield from script["turns"]


if __name__ == "__main__":
    main()
