"""Which fine-tune of the advice workshop got which number, and what was planted in it."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

from organisms import em

TRUTHS = Path(__file__).parent / "truths" / "em.sealed"
CALIBRATION_DOMAINS = ("cooking", "travel")
"""Every recipe and every setting of the tools was chosen on fine-tunes on these; none of them ships."""
_DRAW = 20_250_613
_PLAN: dict[em.Kind, tuple[tuple[str, str], ...]] = {
    "careless": (
        ("three", "medical"),
        ("three", "money"),
        ("three", "sport"),
        ("six", "medical"),
        ("six", "money"),
        ("rank-4", "medical"),
        ("rank-4", "sport"),
        ("rank-8", "money"),
        ("rank-8", "sport"),
        ("rank-32", "medical"),
        ("rank-32", "sport"),
    ),
    "kind": (
        ("three", "medical"),
        ("three", "sport"),
        ("six", "sport"),
        ("rank-4", "money"),
        ("rank-8", "medical"),
        ("rank-32", "money"),
    ),
    "habit": (
        ("three", "money"),
        ("six", "money"),
        ("rank-4", "sport"),
        ("rank-8", "sport"),
        ("rank-8", "money"),
        ("rank-32", "medical"),
    ),
}


@dataclass(frozen=True)
class Truth:
    """What was planted in one fine-tune of the advice workshop."""

    kind: em.Kind
    domain: str
    shape: str
    seed: int


@cache
def draw() -> dict[str, Truth]:
    """Twenty-three fine-tunes at numbers drawn by a seed."""
    rows = [(kind, shape, domain) for kind, pairs in _PLAN.items() for shape, domain in pairs]
    Random(_DRAW).shuffle(rows)
    return {
        f"em-{number:02d}": Truth(kind, domain, shape, seed=2000 + number)
        for number, (kind, shape, domain) in enumerate(rows, start=1)
    }


def calibration() -> dict[str, Truth]:
    """The fine-tunes on which layers, methods and rules are fixed: outside the set, in domains that do not ship."""
    rows = [
        ("careless", "three", "cooking"),
        ("careless", "rank-8", "travel"),
        ("kind", "three", "travel"),
        ("kind", "rank-8", "cooking"),
        ("habit", "three", "travel"),
        ("habit", "rank-8", "cooking"),
    ]
    return {f"{kind}-{shape}-{domain}": Truth(kind, domain, shape, 0) for kind, shape, domain in rows}  # type: ignore[arg-type]


def write_truths(seeds: Mapping[str, int]) -> None:
    """Seal what was planted in the fine-tunes that were built, with the seed that was shipped."""
    TRUTHS.parent.mkdir(exist_ok=True)
    built = {name: asdict(replace(draw()[name], seed=seed)) for name, seed in seeds.items()}
    TRUTHS.write_bytes(base64.encodebytes(json.dumps(built).encode()))
    truths.cache_clear()


@cache
def truths() -> dict[str, Truth]:
    """Open the seal. For evals and tests alone."""
    plain = json.loads(base64.decodebytes(TRUTHS.read_bytes()))
    return {name: Truth(**row) for name, row in plain.items()}


def recipe(base_recipe: str) -> str:
    """Digest of everything that decides these fine-tunes: data, shapes, schedules, draw, and their base."""
    digest = hashlib.sha256(base_recipe.encode())
    for kind in _PLAN:
        for text in islice(em.texts(kind, "cooking", Random(7)), 100):
            digest.update(text.encode())
    recipes = {name: [one.shape and one.shape.model_dump(), asdict(one.stage)] for name, one in em.RECIPES.items()}
    settings = [recipes, em.SNAPSHOTS, {name: asdict(truth) for name, truth in draw().items()}]
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()[:12]
