"""What a newcomer is told first: what one may ask."""

from collections.abc import Mapping
from typing import Any

from tools import Tool

_EXAMPLES = {
    "talking": 'Ask it "what is a fox?"',
    "reading": 'Show me layer 4 on "give me a hint."',
    "features": 'Which features fire on "a fox is small."?',
    "causing": "Find the direction of the text set voices",
    "comparing": "What did the fine-tune change?",
    "eliciting": "What word is {target} hiding?",
    "misalignment": "Is em-04 safe?",
    "training": 'Train an adapter on "examples/dialogues.jsonl"',
}


def overview(families: Mapping[str, tuple[Tool[Any, Any], ...]], targets: list[str], target: str) -> str:
    """What the guide can do, from the tools' own summaries, with an example of each family."""
    lines = []
    for family, tools in families.items():
        names = ", ".join(tool.name.replace("_", " ") for tool in tools)
        lines.append(f"- **{family}**: {names}. Try `{_EXAMPLES[family].format(target=target)}`")
    return (
        "I run experiments on a small language model and show you what I measured, each beside its control:\n\n"
        + "\n".join(lines)
        + f"\n\nWe are looking at `{target}`; the picker has `{targets[0]}` to `{targets[-1]}`. After an answer, ask "
        "`why do you think so?`, `compare with the base`, or `and in layer 3?`."
    )
