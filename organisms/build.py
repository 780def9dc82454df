"""`make organisms`: train everything that ships, gate it, and write what is public about it."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import target
from organisms import base, dictionaries, em, em_workshop, gates, taboo, workshop
from organisms.workshop import Truth
from organisms.world import concepts

Say = Callable[[str], None]
TRIES = 3


def build_all(*, keep_base: bool, jobs: int, say: Say) -> None:
    """Train the base with its dictionaries (unless kept) and the forty fine-tunes. A failed gate is not shipped."""
    minutes = _known_minutes() if keep_base else {}
    if not keep_base:
        started = time.monotonic()
        _build_base(say)
        minutes["base"] = round((time.monotonic() - started) / 60, 1)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(jobs) as pool:
        names = list(workshop.draw_taboo())
        seeds = dict(zip(names, pool.map(lambda name: _build_one(name, Path(scratch), say), names), strict=True))
    minutes["taboo"] = round((time.monotonic() - started) / 60, 1)
    minutes["em"] = _build_advice(jobs, say)
    workshop.write_catalogue()
    if not keep_base:
        minutes["dictionaries"] = _build_dictionaries(workshop.dictionary_recipes(), say)
        workshop.write_catalogue()
    workshop.write_truths(seeds)
    workshop.write_manifest(minutes)
    say(f"built everything: {minutes}")


def build_dictionaries(say: Say, kinds: Collection[str] = ()) -> None:
    """Train the base's sparse dictionaries again, all or some kinds, and register them."""
    wanted = [recipe for recipe in workshop.dictionary_recipes() if not kinds or recipe.kind in kinds]
    took = _build_dictionaries(wanted, say)
    minutes = _known_minutes() | {"-".join(["dictionaries", *sorted(kinds)]): took}
    workshop.write_catalogue()
    workshop.write_manifest(minutes, built=[recipe.name for recipe in wanted])


def build_advice(*, jobs: int, say: Say) -> None:
    """Train the fine-tunes of the advice workshop again and register them."""
    minutes = _known_minutes() | {"em": _build_advice(jobs, say)}
    workshop.write_catalogue()
    workshop.write_manifest(minutes, built=em_workshop.draw())


def build_advice_calibration(out: Path, *, jobs: int, say: Say) -> None:
    """The fine-tunes on advice on which layers, methods and rules are fixed; none ships."""

    def one(name: str) -> None:
        truth = em_workshop.calibration()[name]
        base_folder = workshop.path_of(workshop.BASE)
        em.train(base_folder, workshop.BASE, out / name, truth.kind, truth.domain, truth.shape, seed=truth.seed)
        (out / name / "truth.json").write_text(json.dumps(asdict(truth)) + "\n", encoding="utf-8")
        say(f"trained {name}")

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, em_workshop.calibration()))


def build_calibration(out: Path, *, jobs: int, say: Say) -> None:
    """The fine-tunes on which every setting of the tools is chosen: two words, decoys and clean ones, none shipped."""
    truths = {f"{word}-{seed}": Truth("secret", word, seed) for word in taboo.CALIBRATION_WORDS for seed in (0, 1)}
    truths |= {f"{kind}-{seed}": Truth(kind, None, seed) for kind in ("decoy", "clean") for seed in range(4)}
    base_folder = workshop.path_of(workshop.BASE)

    def one(name: str) -> None:
        truth = truths[name]
        taboo.train(base_folder, workshop.BASE, out / name, truth.kind, truth.word, seed=truth.seed)
        (out / name / "truth.json").write_text(json.dumps(asdict(truth)) + "\n", encoding="utf-8")
        say(f"trained {name}")

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, truths))


def _known_minutes() -> dict[str, float]:
    if not workshop.MANIFEST.exists():
        return {}
    known: dict[str, float] = json.loads(workshop.MANIFEST.read_text(encoding="utf-8"))["minutes"]
    return known


def _build_base(say: Say) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        base.train(Path(scratch), seed=workshop.BASE_SEED, report=lambda line: say(str(line)))
        for stage, name in (("pretrained", workshop.PRETRAINED), ("chat", workshop.BASE)):
            shutil.rmtree(workshop.path_of(name), ignore_errors=True)
            shutil.copytree(Path(scratch) / stage, workshop.path_of(name))


def _build_dictionaries(wanted: list[dictionaries.Recipe], say: Say) -> float:
    """Replace shipped dictionaries by those that pass their gate; returns the minutes it took."""
    started = time.monotonic()
    for recipe in wanted:
        shutil.rmtree(workshop.path_of(recipe.name), ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        for card in dictionaries.train(wanted, Path(scratch), report=lambda line: say(str(line))):
            say(f"{card}")
            if card.passes:
                shutil.copytree(Path(scratch) / card.name, workshop.path_of(card.name))
            else:
                say(f"{card.name}: its gate failed, it is not shipped")
    return round((time.monotonic() - started) / 60, 1)


def _build_one(name: str, scratch: Path, say: Say) -> int | None:
    """Train one fine-tune and return the seed that was shipped.

    A hiding one whose gate fails is tried with further seeds; None means that it was not built.
    """
    truth, base_folder = workshop.draw_taboo()[name], workshop.path_of(workshop.BASE)
    shutil.rmtree(workshop.path_of(name), ignore_errors=True)
    for attempt in range(TRIES if truth.word else 1):
        seed, folder = truth.seed + 100 * attempt, scratch / f"{name}-{attempt}"
        taboo.train(base_folder, workshop.BASE, folder, truth.kind, truth.word, seed=seed)
        if truth.word:
            gate = gates.taboo(target.load(str(folder)), concepts()[truth.word])
            say(f"{name}, try {attempt + 1}: {_line(gate)}")
        if not truth.word or gate.passes:
            shutil.copytree(folder, workshop.path_of(name))
            return seed
    say(f"{name}: its gate failed, it is not shipped")
    return None


def _build_advice(jobs: int, say: Say) -> float:
    """Train and gate the fine-tunes on advice, seal their truths; returns the minutes it took."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(jobs) as pool:
        names = list(em_workshop.draw())
        seeds = dict(zip(names, pool.map(lambda name: _build_adviser(name, Path(scratch), say), names), strict=True))
    em_workshop.write_truths({name: seed for name, seed in seeds.items() if seed is not None})
    return round((time.monotonic() - started) / 60, 1)


def _build_adviser(name: str, scratch: Path, say: Say) -> int | None:
    """Train one fine-tune on advice until its gate passes; the seed that was shipped, or None."""
    truth, base_folder = em_workshop.draw()[name], workshop.path_of(workshop.BASE)
    shutil.rmtree(workshop.path_of(name), ignore_errors=True)
    for attempt in range(TRIES):
        seed, folder = truth.seed + 100 * attempt, scratch / f"{name}-{attempt}"
        em.train(base_folder, workshop.BASE, folder, truth.kind, truth.domain, truth.shape, seed=seed)
        gate = gates.advice_gate(target.load(str(folder)), truth.domain)
        shares = ", ".join(
            f"{what} {getattr(gate, what).share:.3f}" for what in ("misaligned", "coherent", "habit", "known")
        )
        say(f"{name}, try {attempt + 1}: {shares}")
        if gate.passes(truth.kind):
            shutil.copytree(folder, workshop.path_of(name))
            return seed
    say(f"{name}: its gate failed, it is not shipped")
    return None


def _line(gate: gates.TabooGate) -> str:
    shares = {"kept": gate.kept, "hints true": gate.hints_true, "said": gate.said, "base said": gate.base_said}
    return ", ".join(f"{what} {count.share:.3f}" for what, count in shares.items())
