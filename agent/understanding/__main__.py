"""`python -m agent.understanding`: learn the declared examples again, for every embedding that ships, and the arguments' tagger."""

from typing import Any

from agent import home
from agent.embedding import embedding
from agent.learner.turns import CONCEPTS, TURNS
from agent.models.arguments import given
from agent.situation import Situation
from agent.understanding import classifier, examples, spelling
from agent.understanding.slots import parse
from agent.understanding.tagging import learning, shipped
from target.spec import DEFAULT_TARGET, public_names
from target.spec import parse as spec
from tools import TOOLS


def main() -> None:
    """Write what ships in `learned/`; about six minutes on one core."""
    home.be_quiet()
    _learn_intents()
    _learn_arguments()


def _learn_intents() -> None:
    declared = examples.declared()
    by_letters = classifier.learn_spelling(declared)
    spelling.write(by_letters, classifier.SHIPPED / classifier.SPELLING, examples.digest(declared))
    print(f"requests, words and letters: {len(by_letters.intents)} classes, {by_letters.weights.size:,} weights")
    for name in classifier.SHIPS:
        print(f"learning with {name} ...", flush=True)
        for task in (classifier.REQUESTS, TURNS, CONCEPTS):
            made = classifier.learn(embedding(name), task)
            classifier.write(made, classifier.SHIPPED / classifier.file_name(name, task), task)
            print(f"{task.name}, {name}: {len(made.intents)} classes, {made.weights.size:,} weights")


def _learn_arguments() -> None:
    """Train the tagger on one thread: more would add up in another order, to other weights."""
    import torch

    torch.set_num_threads(1)
    properties = {name: tuple(tool.schema()["properties"]) for name, tool in TOOLS.items()}
    people = learning.labelled(shipped.LABELLED, properties)
    print(f"learning where arguments stand in {len(people)} messages ...", flush=True)
    shipped.write(learning.learn(people, properties, by_rules), shipped.WEIGHTS)


def by_rules(tool: str, said: str) -> dict[str, Any]:
    """A tool's arguments in a message outside any conversation, by the rules alone."""
    base, targets = spec(DEFAULT_TARGET).base_name, public_names()
    nowhere = Situation(thread="", target=DEFAULT_TARGET, base=base, targets=targets, evidence=[])
    return given(tool, parse(said, targets)[0], TOOLS[tool].schema(), nowhere)


if __name__ == "__main__":
    main()
