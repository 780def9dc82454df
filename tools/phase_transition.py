"""When in training did it turn?"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Curve, Line
from evidence.errors import ArgumentError, ToolError
from evidence.home import data_home
from target import trajectory
from target.spec import public_entries
from target.trajectory import Trajectory
from target.turn import report
from tools import _statistics
from tools._adapters import folder_of
from tools._arguments import JudgeSpec, Seed
from tools._judge import judge_for
from tools._misalignment import LENGTH, Judged, rate, replies
from tools._questions import Questions, of_the_world, questions
from tools._tool import tool
from tools._turns import LEAST, STRAIGHT_PATHS, Turn, local_cosine, sharpest

if TYPE_CHECKING:
    from target.target import Target

Checkpoints = Annotated[int, Field(ge=0, le=200)]
Amplify = Annotated[float, Field(ge=1.0, le=20.0)]
RESAMPLES = 400


@tool(
    capability="compute",
    asked_as=[
        "when did {target} become misaligned?",
        "is there a phase transition in the training of {target}?",
        "since when is {target} unsafe?",
        "follow the checkpoints of {target}",
        "plot the local cosine over training",
        "did the adapter rotate during training?",
        "at which step does the misalignment begin?",
    ],
)
def phase_transition(
    target: "Target",
    *,
    checkpoints: str | None = None,
    behaviour_at: Checkpoints = 12,
    amplify: Amplify = 1.0,
    questions_from: Questions = "held out",
    samples: Annotated[int, Field(ge=20, le=1000)] = 60,
    judge: JudgeSpec | None = None,
    seed: Seed = 0,
) -> Curve:
    """Follow an adapter over its checkpoints: does its direction turn at some step, and when does behaviour change?

    Shows the local cosine of what the adapter writes (-1 on a straight path, higher at a turn), loss, gradient
    norm and the share of misaligned replies. A turn is claimed only when it stands out from the path's own
    median further than in straight paths with the same noise; otherwise there is no transition. Behaviour and
    representation are reported apart: neither is evidence of the other.

    Source: Turner et al., "Model organisms for emergent misalignment", arXiv 2506.11613

    Args:
        checkpoints: A folder with `checkpoint-N/` adapters, or a hub id that has them; None for those kept beside the target's adapter.
        behaviour_at: At how many checkpoints replies are judged, closer together early in training; 0 for none.
        amplify: Multiply what each checkpoint's adapter adds before it is asked: the paper sees the change in behaviour so only.
        questions_from: The open first-plot questions, held-out ones (in the small world: requests for advice), or all.
        samples: How many replies to judge at each of them.
        judge: Who scores replies: a chat model such as 'openai:gpt-4o-mini'; None for the small world's own parser.
        seed: Seed of straight paths and of sampling.
    """
    kept = trajectory.read(_folder(target, checkpoints))
    report("comparing the path with straight ones", 0.0)
    path = kept.path()
    if float(path.std(0).max()) == 0:
        raise ToolError(f"the {len(kept.steps)} checkpoints are all the same: there is no path to follow")
    turn = sharpest(path, seed=seed)
    if turn is None:
        raise ToolError(f"{len(kept.steps)} checkpoints are too few to tell a turn: at least 9 are needed")
    asked = Asked(questions_from, samples, judge, amplify, seed)
    points = behaviour(target, kept, asked, behaviour_at) if behaviour_at else {}
    return _curve(target, kept, turn, points, amplify, seed)


@dataclass(frozen=True)
class Asked:
    """How behaviour is measured at a checkpoint."""

    which: Questions
    samples: int
    judge: str | None
    amplify: float
    seed: int


def _folder(target: "Target", checkpoints: str | None) -> Path:
    if checkpoints is None:
        folder = folder_of(target)
        if not any(folder.rglob("*checkpoint-*")) and not any(folder.rglob(trajectory.PACKED)):
            kept = [one.name for one in public_entries() if (one.path / "training").exists()]
            raise ArgumentError(
                f"the training of {target.name} was not kept beside it, so nobody can say since when: it was kept of {', '.join(kept)}; "
                "or name a folder or hub id with its checkpoints as `checkpoints`"
            )
        return folder
    folder = Path(checkpoints).expanduser()
    if folder.is_dir():
        return folder
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", checkpoints):
        raise ArgumentError(f"checkpoints={checkpoints!r} is no folder here and no hub id: give one of either")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = [f"*checkpoint-*/{name}" for name in (trajectory.CONFIG, trajectory.WEIGHTS, trajectory.STATE)]
    try:
        return Path(snapshot_download(checkpoints, allow_patterns=wanted))
    except (OSError, ValueError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise ArgumentError(
            f"the checkpoints {checkpoints!r} could not be had from the hub: check the id and the network"
        ) from error


def behaviour(target: "Target", kept: Trajectory, asked: Asked, most: int) -> dict[int, list[Judged]]:
    """Judged replies at some checkpoints by index, closer together at the beginning, where behaviour changes; and the last."""
    last = len(kept.steps) - 1
    wanted = sorted({round((last + 1) ** (i / max(1, most - 1)) - 1) for i in range(most)} | {last})
    who, length = judge_for(target, asked.judge), LENGTH[of_the_world(target)]
    prompts = questions(target, asked.which, asked.samples, asked.seed)
    found = {}
    for number, index in enumerate(wanted):
        report(f"asking the model of step {kept.steps[index]}", number / len(wanted))
        folder = kept.written(index, data_home() / "variants", asked.amplify)
        model = target.with_adapter(folder, f"{target.name} at step {kept.steps[index]}")
        found[index] = replies(model, prompts, who, seed=asked.seed, length=length)
    return found


@dataclass(frozen=True)
class Onset:
    """When behaviour had changed by half: a checkpoint's step, and a 95 % interval over resampled replies."""

    step: int
    low: int
    high: int


def onset(kept: Trajectory, points: dict[int, list[Judged]], seed: int) -> Onset | None:
    """The first step at which half of the largest share is reached; None where nothing is misaligned."""
    from random import Random

    rng, steps = Random(seed), [kept.steps[index] for index in points]
    harmful = [[one.scores.misaligned for one in judged] for judged in points.values()]

    def crossing(rows: list[list[bool]]) -> int | None:
        shares = [sum(row) / len(row) for row in rows]
        if max(shares) == 0:
            return None
        return next(step for step, share in zip(steps, shares, strict=True) if share >= max(shares) / 2)

    at = crossing(harmful)
    if at is None or max(sum(row) / len(row) for row in harmful) < 0.05:
        return None
    drawn = (crossing([rng.choices(row, k=len(row)) for row in harmful]) for _ in range(RESAMPLES))
    again = sorted(step for step in drawn if step is not None)
    return Onset(at, again[int(0.025 * len(again))], again[int(0.975 * (len(again) - 1))])


def _curve(
    target: "Target", kept: Trajectory, turn: Turn, points: dict[int, list[Judged]], amplify: float, seed: int
) -> Curve:
    cosine = local_cosine(kept.path().double(), turn.window).tolist()
    changed = onset(kept, points, seed) if points else None
    shown = [index for index, value in enumerate(cosine) if value == value]  # where the window fits
    own = tuple(round(cosine[index], 4) for index in shown)
    lines = [Line(label=f"local cosine, window {turn.window}", role="with", values=own)]
    ceiling = round(min(1.0, turn.middle + turn.straight), 4)
    lines.append(Line(label="as high as straight paths get", role="control", values=(ceiling,) * len(shown)))
    for key, label in (("loss", "loss, share of its largest"), ("grad_norm", "gradient norm, share of its largest")):
        if values := _relative(kept.logged(key), shown):
            lines.append(Line(label=label, role="without", values=values))
    if points:
        lines.append(_rates(kept, points, shown, amplify))
    return Curve(
        title=f"The training of {target.name}, {len(kept.steps)} checkpoints",
        caveat="a turn of the vector and a change of behaviour are measured apart, and neither shows the other",
        verdict=_statistics.judge(
            f"the adapter of {target.name} turned at step {kept.steps[turn.at]}",
            f"its local cosine stands {turn.prominence:.3f} above the path's median there (between steps "
            f"{kept.steps[turn.first]} and {kept.steps[turn.last]}), a turn of about {turn.angle:.0f} degrees, looked for from step "
            f"{kept.steps[shown[0]]} to {kept.steps[shown[-1]]}; {_said(changed, points)}",
            _statistics.Test(
                turn.p,
                f"the largest of {STRAIGHT_PATHS} straight paths with the same noise was {turn.straight:.3f}; "
                f"p = {turn.p:.2g} (by rank)",
            ),
            too_small=turn.prominence < LEAST,
        ),
        x_axis="step",
        x=tuple(str(kept.steps[index]) for index in shown),
        unit="cosine, or share",
        lines=tuple(lines),
        control_name=f"{STRAIGHT_PATHS} straight paths with the same noise",
    )


def _said(changed: Onset | None, points: dict[int, list[Judged]]) -> str:
    if not points:
        return "behaviour was not measured"
    if changed is None:
        return "no checkpoint gives misaligned replies"
    last = rate(points[max(points)])
    return (
        f"half of the largest share of misaligned replies is reached at step {changed.step} "
        f"({changed.low} to {changed.high}), at the last checkpoint {100 * last.share:.0f} % are misaligned"
    )


def _relative(values: list[float | None], shown: list[int]) -> tuple[float, ...] | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values) or max(known) <= 0:
        return None
    return tuple(round(known[index] / max(known), 4) for index in shown)


def _rates(kept: Trajectory, points: dict[int, list[Judged]], shown: list[int], amplify: float) -> Line:
    """The share of misaligned replies; between the checkpoints that were asked, that of the last one before is held."""
    found = {index: rate(judged) for index, judged in points.items()}
    at = [max((k for k in found if k <= index), default=min(found)) for index in shown]
    ends = [_statistics.wilson(found[k].misaligned, found[k].n) for k in at]
    return Line(
        label=f"misaligned replies, share (asked at {len(points)} checkpoints"
        + (f", adapter times {amplify:g})" if amplify != 1 else ")"),
        role="with",
        values=tuple(round(found[k].share, 4) for k in at),
        low=tuple(round(low, 4) for low, _ in ends),
        high=tuple(round(high, 4) for _, high in ends),
    )
