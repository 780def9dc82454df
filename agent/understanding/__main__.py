"""`python -m agent.understanding`: learn the declared examples again, for every embedding that ships."""

from agent import home
from agent.embedding import embedding
from agent.learner.turns import CONCEPTS, TURNS
from agent.understanding import classifier


def main() -> None:
    """Write what ships in `learned/`; about three minutes on two cores."""
    home.be_quiet()
    for name in classifier.SHIPS:
        print(f"learning with {name} ...", flush=True)
        for task in (classifier.REQUESTS, TURNS, CONCEPTS):
            made = classifier.learn(embedding(name), task)
            classifier.write(made, classifier.SHIPPED / classifier.file_name(name, task), task)
            print(f"{task.name}, {name}: {len(made.intents)} classes, {made.weights.size:,} weights")


if __name__ == "__main__":
    main()
