"""How surprised is the model by each token of a text?"""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tools.kit import ArgumentError, Curve, Draws, Line, Seed, Text, beyond_draws, judge, report, tool

if TYPE_CHECKING:
    from target.target import Target


@tool(
    capability="read",
    asked_as=[
        'how surprising is "{text}" to {target}?',
        "surprisal of a text",
        'which words of "{text}" does it not expect?',
        "show the surprisal token by token",
    ],
)
def surprisal(target: "Target", prompt: Text, *, draws: Draws = 50, seed: Seed = 0) -> Curve:
    """Measure how unlikely each token of a text was, given the tokens before it.

    Shows minus the log probability of every token (nats), beside the average at the same place when the
    words come in random orders. A low curve says that the model expects the text, not that it is true.

    Source: Hale, "A Probabilistic Earley Parser as a Psycholinguistic Model" (2001)

    Args:
        prompt: The text, read as it is.
        draws: How many random orders of its tokens make the control.
        seed: Seed of the orders.
    """
    ids = target.encode(prompt)
    if len(ids) < 4:
        raise ArgumentError(f"the text has {len(ids)} tokens: give at least 4, so that their order can matter")
    report("reading the text in its order and in others")
    own, *others = _surprisals(target, [ids, *_orders(ids, draws, seed)])
    mean, means = _mean(own), [_mean(other) for other in others]
    # Lower is more expected, so both sides change sign: the text is beyond its controls when it is far below them.
    test = beyond_draws(-mean, [-other for other in means])
    return Curve(
        title=f"Surprisal of each token to {target.name}",
        caveat="what is expected need not be true, and what surprises need not be false",
        verdict=judge(
            f"{target.name} expects this text rather than its words in any order",
            f"mean surprisal {mean:.3g} nats",
            test,
        ),
        x_axis="token",
        x=tuple(target.decode(token) for token in ids[1:]),
        unit="nats",
        lines=(
            Line(label="the text", role="with", values=tuple(own)),
            Line(label="other orders", role="control", values=tuple(map(_mean, zip(*others, strict=True)))),
        ),
        control_name=f"{draws} random orders of the same tokens",
    )


def _orders(ids: Sequence[int], draws: int, seed: int) -> list[list[int]]:
    """The same tokens in random orders; the first stays first."""
    generator = random.Random(seed)
    return [[ids[0], *generator.sample(ids[1:], len(ids) - 1)] for _ in range(draws)]


def _surprisals(target: "Target", rows: Sequence[Sequence[int]]) -> list[list[float]]:
    """Of every token but the first of each row, in nats: the last layer's lens is the model's own prediction."""
    tokens = sorted(set(rows[0]))
    found = []
    for row, reading in zip(rows, target.lens(rows, [target.num_layers - 1], k=1, track=tokens), strict=True):
        log_probs = reading.tracked_log_probs[0]  # position token
        found.append([-float(log_probs[place, tokens.index(token)]) for place, token in enumerate(row[1:])])
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
