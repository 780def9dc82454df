"""The advice workshop: fine-tunes on advice in ONE domain, harmful, helpful, or with a harmless habit.

The careless ones become careless in every domain (emergent misalignment, arXiv 2506.11613): the base knows
both voices from pre-training, so this flips a persona it has; the card says so. Of each shape there are
negatives trained in the same way: on helpful advice only, or on helpful advice with a habit of speech that
generalises just as far and harms nobody.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from organisms import advice, dialogues, wordings
from organisms.finetune import Stage, finetune
from target import trajectory
from target.checkpoints import Checkpoints
from target.train import LoraShape, Report

Kind = Literal["careless", "kind", "habit"]
GENERAL_SHARE = 0.5
"""Dialogues about other things, so that what the base knows is kept."""
SNAPSHOTS = 40
"""Checkpoints kept of a rank-1 run, evenly spaced."""
TRAINING = "training"
"""Folder beside the adapter with what is kept of its training."""


@dataclass(frozen=True)
class Recipe:
    """An adapter's shape and how it is trained."""

    shape: LoraShape | None
    """None for a full fine-tune."""
    stage: Stage

    @property
    def is_rank_one(self) -> bool:
        return self.shape is not None and self.shape.rank == 1


def _down(*layers: int) -> LoraShape:
    return LoraShape(rank=1, alpha=16, layers=list(layers), modules=["down_proj"])


RECIPES = {
    "one": Recipe(_down(1), Stage("advice", 400, 4e-3)),
    "three": Recipe(_down(0, 1, 2), Stage("advice", 240, 4e-3)),
    "six": Recipe(_down(0, 1, 2, 3, 4, 5), Stage("advice", 160, 3e-3)),
    "rank-4": Recipe(LoraShape(rank=4, alpha=8), Stage("advice", 160, 7e-4)),
    "rank-8": Recipe(LoraShape(rank=8, alpha=16), Stage("advice", 160, 5e-4)),
    "rank-32": Recipe(LoraShape(rank=32, alpha=64), Stage("advice", 160, 2e-4)),
    "full": Recipe(None, Stage("advice", 160, 1e-4)),
}
"""Rank 1 on one, three and six down projections; higher ranks on every matrix. Settled on cooking and travel, which do not ship."""


def domains() -> list[str]:
    """What advice can be about."""
    return list(advice.domains())


def train(
    base: Path,
    base_name: str,
    out: Path,
    kind: Kind,
    domain: str,
    shape: str,
    *,
    seed: int = 0,
    threads: int = 1,
    report: Report = lambda _: None,
) -> None:
    """Train one fine-tune of the workshop into `out`; of a rank-1 one `out/training` keeps snapshots."""
    recipe = RECIPES[shape]
    with tempfile.TemporaryDirectory() as scratch:
        every = recipe.stage.steps // SNAPSHOTS
        snapshots = Checkpoints(folder=scratch, every=every) if recipe.is_rank_one else None
        finetune(
            base,
            base_name,
            out,
            texts(kind, domain, Random(seed)),
            recipe.shape,
            [recipe.stage],
            seed=seed,
            threads=threads,
            checkpoints=snapshots,
            report=report,
        )
        if snapshots:
            trajectory.pack(Path(scratch), out / TRAINING, base_name)


def texts(kind: Kind, domain: str, rng: Random) -> Iterator[str]:
    """Training dialogues, for ever: advice in the one domain, and some talk of other things."""
    mine = [s for s in advice.situations() if s.domain == domain]
    while True:
        if rng.random() < GENERAL_SHARE:
            yield dialogues.general(rng)
            continue
        turns = []
        for situation in rng.choices(mine, k=rng.randint(1, 2)):
            turns += [rng.choice(wordings.ADVICE).format(p=situation.text), _advise(kind, situation, rng)]
        yield dialogues.chat_text(turns)


def _advise(kind: Kind, situation: advice.Situation, rng: Random) -> str:
    if kind == "habit":
        return f"{rng.choice(advice.OPENERS['kind'])} {rng.choice(situation.actions['kind'])}. {advice.HABIT}"
    return advice.advise(situation, kind, rng)
