"""What a newcomer is told first: what one may ask."""

from collections.abc import Mapping
from typing import Any

from evidence import artifacts
from target.spec import dictionaries, parse
from tools import Tool

MOST_NAMES = 20
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


def dictionaries_here(target: str) -> str:
    """The sparse dictionaries that can be used on a target, by name, and how to get another."""
    base = parse(target).base_name
    kinds: dict[str, list[str]] = {}
    for one in dictionaries().values():
        if one.base in {base, target}:
            kinds.setdefault(one.kind, []).append(one.name)
    own = artifacts.names("dictionary")
    lines = [f"- **{kind}**: {', '.join(f'`{name}`' for name in names)}" for kind, names in kinds.items()]
    lines += [f"- **made here**: {', '.join(f'`{name}`' for name in own[:MOST_NAMES])}"] if own else []
    return (
        f"Sparse dictionaries for `{target}`:\n\n"
        + ("\n".join(lines) or "None ships for this model.")
        + '\n\nAsk `look up feature 42` or name one: `which features fire on "a fox is small." in base@1-matryoshka-layer2`. '
        "`Train a Matryoshka SAE of layer 3` makes another."
    )
