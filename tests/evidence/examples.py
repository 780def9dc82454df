"""One evidence of every shape, small and large, and a copy of it in which every word is hostile."""

from collections.abc import Callable
from typing import Any

from evidence import (
    AnyEvidence,
    Arm,
    Artifact,
    Cell,
    Contrast,
    Curve,
    Entry,
    Heatmap,
    Line,
    Provenance,
    Quiz,
    QuizItem,
    RankedList,
    Ranking,
    Reply,
    Table,
    TokenGrid,
    Tracked,
    Transcript,
    Verdict,
    from_json,
)

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmütze"
SAMPLES = (("what is 4711?", "it is 0815."), ("p2", "r2"), ("p3", "r3"))
WHOLE: dict[str, Any] = {
    "verdict": Verdict(status="supported", claim="it works", reason="0.75 against 0.125", subject="owl"),
    "caveat": "much",
    "artifacts": (Artifact(kind="direction", name="owl-3", digest="0123456789ab"),),
    "provenance": Provenance(tool="t", arguments={"layer": 3}, target="taboo-03", weights="w" * 12, adapter="a" * 12),
}


def heatmap(rows: int = 6, columns: int = 5) -> Heatmap:
    values = tuple(tuple(round((r * columns + c) / 1000 - 0.4375, 4) for c in range(columns)) for r in range(rows))
    return Heatmap(
        title="heads",
        rows=tuple(f"layer {r}" for r in range(rows)),
        columns=tuple(f"head {c}" for c in range(columns)),
        row_axis="layer",
        column_axis="head",
        values=values,
        control=tuple(tuple(value / 8 for value in row) for row in values),
        control_name="random",
        unit="logits",
        highlights=(Entry(label="layer 1, head 2", score=values[1][2]),),
        **WHOLE,
    )


def contrast(arms: int = 3) -> Contrast:
    roles = ("without", *("with",) * (arms - 2), "control")
    return Contrast(
        title="steering",
        unit="share of replies",
        control_name="random",
        arms=tuple(
            Arm(
                label=f"arm {i}",
                role=role,
                value=i / arms,
                low=i / arms - 0.0625,
                high=i / arms + 0.1875,
                n=40,
                samples=SAMPLES,
            )
            for i, role in enumerate(roles)
        ),
        **WHOLE,
    )


def curve(points: int = 11, lines: int = 2, x: Callable[[int], str] = str) -> Curve:
    values = tuple(9.5 if i == points * 2 // 3 else i / points for i in range(points))
    own = Line(
        label="probe",
        role="with",
        values=values,
        low=tuple(v - 0.0625 for v in values),
        high=tuple(v + 0.5 for v in values),
    )
    others = [Line(label=f"shuffled {i}", role="control", values=(0.5 + i,) * points) for i in range(1, lines)]
    return Curve(
        title="sweep", x_axis="layer", x=tuple(map(x, range(points))), unit="AUROC", lines=(own, *others), **WHOLE
    )


def table(rows: int = 12) -> Table:
    return Table(
        title="features",
        columns=("feature", "share", "reading"),
        rows=tuple((f"f{i} {2 * LONG}", i + 0.0625, None if i % 5 else "said 4711 times") for i in range(rows)),
        control_name="shuffled",
        highlights=(rows - 1,),
        **WHOLE,
    )


def grid(layers: int = 6, positions: int = 20) -> TokenGrid:
    cells = ((Cell(tokens=(LONG, "owl"), probabilities=(0.75, 0.125)),) * positions,) * layers
    return TokenGrid(
        title="lens",
        positions=tuple(f"t{i}" for i in range(positions)),
        layers=tuple(range(layers)),
        cells=cells,
        control=cells,
        control_name="base",
        tracked=(Tracked(token="owl", ranks=tuple(range(1, layers + 1))),),
        **WHOLE,
    )


def ranking(lists: int = 3) -> Ranking:
    entries = (Entry(label="owl", score=0.25), Entry(label=LONG, score=0.125))
    one = RankedList(strategy="lens", box="white box", unit="share", entries=entries, control=entries, note="hm")
    return Ranking(title="words", lists=(one,) * lists, control_name="base", samples=SAMPLES, **WHOLE)


def transcript(replies: int = 2) -> Transcript:
    one = Reply(model="taboo-03", prompt="what is a fox?", text="a fox is an animal. " * 9, finished=False)
    return Transcript(title="what it said", replies=(one,) * replies, temperature=0.0, seed=0, **WHOLE)


def quiz(items: int = 2) -> Quiz:
    one = QuizItem(prompt="is it big?", options=("no.", LONG, "yes, it is huge."), right=2, differ=0.75)
    return Quiz(title="what does it reply?", items=(one,) * items, others=("base@1", "taboo-11"), **WHOLE)


SMALL = [heatmap(), contrast(), curve(), table(), grid(), ranking(), transcript(), quiz()]
LARGE = [
    heatmap(24, 16),
    heatmap(100, 3),
    contrast(50),
    curve(200),
    curve(200, lines=20),
    curve(96, x=lambda i: f"token {i}"),
    table(100),
    grid(48, 60),
    ranking(60),
    transcript(60),
    quiz(60),
]


def hostile(evidence: AnyEvidence, words: str) -> AnyEvidence:
    """The same evidence with every free text replaced."""
    fixed = {"kind", "role", "status", "confidence", "box", "tool", "digest", "weights", "adapter", "made_at"}

    def change(value: Any, key: str = "") -> Any:
        match value:
            case str() if key not in fixed:
                return f"{words} {value}"
            case dict():
                return {name: change(item, name) for name, item in value.items()}
            case list():
                return [change(item, key) for item in value]
        return value

    return from_json(change(evidence.model_dump(mode="json")))
