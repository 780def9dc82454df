"""What does each of these features stand for, in one line?"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Table, Verdict
from target.turn import report
from tools import _labels, _own_text, _statistics
from tools._arguments import DictionaryRef, Feature, JudgeSpec, Seed, Texts
from tools._chat_model import ChatModel, fenced
from tools._dictionary import Dictionary
from tools._dictionary_formats import load
from tools._dictionary_quality import checked_fvu
from tools._dictionary_streams import read
from tools._labels import Context, Contexts
from tools._sae import usual
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

TOKENS = 12_000
MOST, LEAST_CONTEXTS = 40, 8
"""Features at a time, and contexts of either kind without which a feature is not labelled."""


@dataclass(frozen=True)
class Labelled:
    """A feature's label, and how well it does on contexts it was not made from."""

    feature: int
    label: str
    accuracy: float
    other: float
    """Of the same label on another feature's contexts."""
    n: int


@tool(
    capability="compute",
    asked_as=[
        "label feature 42",
        "give the features names",
        "explain these latents in one line each",
        "auto-interpret features 3, 17 and 512",
        "what do the most active features stand for?",
        "automatic labels for the dictionary",
        "how good are the labels of the features?",
    ],
)
def label_features(
    target: "Target",
    *,
    features: Annotated[list[Feature], Field(min_length=1, max_length=MOST)] | None = None,
    dictionary: DictionaryRef | None = None,
    prompts: Texts | None = None,
    judge: JudgeSpec | None = None,
    seed: Seed = 0,
) -> Table:
    """Write one line on what makes each feature fire, and score it on contexts it was not made from.

    Shows for each feature a label and its balanced accuracy at telling unseen contexts in which the feature fires from
    others (detection), beside the same label's accuracy on another feature's contexts. Without a judge a label is a rule
    about words and where they stand. It cannot show what the feature does in the model.

    Source: Bills et al. (2023), "Language models can explain neurons in language models"; Paulo et al., arXiv 2410.13928

    Args:
        features: Their numbers, 0-based; None for the ten that fire most often.
        dictionary: A shipped dictionary, a folder, or a hub release; None for the target's own of a middle layer.
        prompts: Texts to take contexts from; None for what the target writes itself.
        judge: A chat model that writes the labels and guesses by them, such as `openai:gpt-4o-mini`; it is sent the
            contexts. None for rules.
        seed: Seed of the contexts.
    """
    found = load(dictionary or usual(target), target)
    for feature in features or ():
        found.check_feature(feature)
    asked = ChatModel(judge) if judge else None
    rows = _own_text.given_or_own(target, prompts, TOKENS, seed)
    strengths, fvu = _encoded(found, target, rows)
    chosen = features or _frequent(strengths)
    made = []
    for number, feature in enumerate(chosen):
        report(f"labelling feature {feature}", number / len(chosen))
        own, other = (
            _labels.contexts(rows, [one[:, n] for one in strengths], seed)
            for n in (feature, _another(strengths, feature, seed))
        )
        made.append(_labelled(feature, own, other, target, asked))
    return _table(target, found, made, fvu, judge or "rules")


def _encoded(found: Dictionary, target: "Target", rows: "Sequence[Sequence[int]]") -> "tuple[list[Tensor], float]":
    """Activations of every text (position - 1, feature), and the share of variance unexplained."""
    import torch

    streams = read(found, target, rows)
    fvu = checked_fvu(found, torch.cat(streams), target.name)
    return [found.encode(one).half() for one in streams], fvu


def _fired(strengths: "Sequence[Tensor]") -> "Tensor":
    """Positions at which each feature fires (feature)."""
    import torch

    return torch.stack([(one > 0).sum(0) for one in strengths]).sum(0)


def _frequent(strengths: "Sequence[Tensor]") -> list[int]:
    """The ten that fire most often, without those that fire at a third of the positions or more."""
    fired, positions = _fired(strengths), sum(map(len, strengths))
    ranked: list[int] = fired.argsort(descending=True).tolist()
    return [n for n in ranked if int(fired[n]) < positions / 3][:10]


def _another(strengths: "Sequence[Tensor]", feature: int, seed: int) -> int:
    """A feature that fires about as often: the control of a label."""
    import torch

    fired = _fired(strengths).float()
    gap = (fired.clamp(min=0.5).log() - fired[feature].clamp(min=0.5).log()).abs()
    gap[feature] = torch.inf
    near = gap.topk(8, largest=False).indices
    return int(near[seed % len(near)])


def _labelled(
    feature: int, own: Contexts, other: Contexts, target: "Target", judge: ChatModel | None
) -> Labelled | None:
    """None where it fires too rarely to be labelled."""
    made, unseen = own.halves()
    if min(len(unseen.fires), len(unseen.silent), len(other.fires)) < LEAST_CONTEXTS // 2:
        return None
    label, guess = _by_judge(made, target, judge) if judge else _by_rule(made, target)
    scores = [_labels.score(_guesses(guess, some), some) for some in (unseen, other)]
    return Labelled(feature, label, scores[0], scores[1], len(unseen.fires) + len(unseen.silent))


Guess = Callable[[Sequence[Context]], list[bool]]


def _guesses(guess: Guess, some: Contexts) -> Callable[[Context], bool]:
    """All guesses of one set at once, as a function of a context."""
    every = [*some.fires, *some.silent]
    known = dict(zip(every, guess(every), strict=True))
    return known.__getitem__


def _by_rule(made: Contexts, target: "Target") -> tuple[str, Guess]:
    found = _labels.rule(made)
    return found.said(target.decode), lambda contexts: [found.fires(context) for context in contexts]


def _by_judge(made: Contexts, target: "Target", judge: ChatModel) -> tuple[str, Guess]:
    import prompts

    label = " ".join(judge.ask([prompts.load("label_feature", excerpts=_excerpts(made.fires, target))])[0].split())[
        :200
    ]

    def guess(contexts: Sequence[Context]) -> list[bool]:
        some = [contexts[first : first + 20] for first in range(0, len(contexts), 20)]
        asked = [prompts.load("detect_feature", label=fenced(label), excerpts=_excerpts(one, target)) for one in some]
        named = [{int(number) for number in re.findall(r"\d+", said)} for said in judge.ask(asked)]
        return [place in found for one, found in zip(some, named, strict=True) for place in range(1, len(one) + 1)]

    return label, guess


def _excerpts(contexts: Sequence[Context], target: "Target") -> str:
    texts = (fenced(target.tokenizer.decode(list(context))) for context in contexts)
    return "\n".join(f'<excerpt number="{place}">{text}</excerpt>' for place, text in enumerate(texts, start=1))


def _table(target: "Target", found: Dictionary, made: list[Labelled | None], fvu: float, judge: str) -> Table:
    labelled = [one for one in made if one is not None]
    rows = [
        (f"feature {one.feature}", one.label, round(one.accuracy, 3), round(one.other, 3), one.n) for one in labelled
    ]
    rare = len(made) - len(labelled)
    return Table(
        title=f"Labels of features of {found.name} ({len(labelled)}), by {judge}, on {target.name}",
        caveat=(f"{rare} of the features asked for fire too rarely to be labelled; " if rare else "")
        + "a label says when a feature fires, not what it does",
        verdict=_verdict(found.name, labelled, fvu),
        columns=("feature", "label", "detection", "on another feature's contexts", "contexts"),
        rows=tuple(rows),
        control_name="the same labels on the contexts of another feature that fires as often",
    )


def _verdict(name: str, labelled: list[Labelled], fvu: float) -> Verdict:
    claim = f"these labels say when features of {name} fire"
    if len(labelled) < 3:
        return _statistics.undecided(
            claim, f"it takes three labelled features to judge labels, and there are {len(labelled)} here"
        )
    own, other = ([getattr(one, what) for one in labelled] for what in ("accuracy", "other"))
    return _statistics.judge(
        claim,
        f"by its label a feature is told on unseen contexts with a mean balanced accuracy of {sum(own) / len(own):.3f}, "
        f"by another's with {sum(other) / len(other):.3f}; the dictionary leaves {fvu:.3f} of the variance unexplained",
        _statistics.two_samples(own, other),
    )
