"""`python -m agent.understanding`: learn the declared examples again, for every embedding that ships."""

from agent import home
from agent.embedding import embedding
from agent.understanding import classifier


def main() -> None:
    """Write what ships in `learned/`; about three minutes on two cores."""
    home.be_quiet()
    for name in classifier.SHIPS:
        print(f"learning with {name} ...", flush=True)
        made = classifier.learn(embedding(name))
        classifier.write(made, classifier.SHIPPED / f"{name}.safetensors")
        print(f"{name}: {len(made.intents)} intents, {made.weights.size:,} weights")


if __name__ == "__main__":
    main()
