"""What does the model do without one feature?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence import Arm, Contrast
from evidence.errors import ToolError
from target.turn import report
from tools import _statistics
from tools._arguments import DictionaryRef, Draws, Feature, NewTokens, Prefill, Seed, Texts
from tools._dictionary_formats import load_single
from tools._measure import LEAST_KL, kl, next_log_probs
from tools._sae import usual
from tools._texts import rows
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.interventions import Site
    from target.target import Target
    from tools._dictionary import Dictionary


@tool(
    capability="intervene",
    asked_as=[
        "ablate feature 42",
        "turn feature 17 off",
        "remove latent 512",
        "what happens without feature 3?",
        "knock out SAE feature 9",
        "does the answer need this feature?",
    ],
)
def sae_ablate(
    target: "Target",
    feature: Feature,
    prompts: Texts,
    *,
    dictionary: DictionaryRef | None = None,
    chat: bool = True,
    prefill: Prefill = "",
    draws: Draws = 16,
    max_new_tokens: NewTokens = 24,
    seed: Seed = 0,
) -> Contrast:
    """Take what one feature writes out of the residual stream wherever it fires, and see what changes.

    Shows how far the next-token distribution moves (KL), beside taking out other features that fire on the
    same prompts. The dictionary's error is left in place, so that nothing else changes. It cannot show what
    the feature means.

    Source: Marks et al., arXiv 2403.19647; Templeton et al., "Scaling Monosemanticity" (2024)

    Args:
        feature: The number of the feature, 0-based.
        prompts: Messages to the target.
        dictionary: A shipped dictionary, a folder, or a hub release; None for the target's own of a middle layer.
        chat: Whether the prompts are a person's messages.
        prefill: The beginning of the answer, put into the target's mouth; measured is what comes next.
        draws: How many other active features to compare with.
        max_new_tokens: Length of the replies shown.
        seed: Seed of the other features.
    """
    import torch

    found = load_single(dictionary or usual(target), target)
    found.check_feature(feature)
    ids = rows(target, prompts, chat=chat, prefill=prefill)
    report("finding the features that fire")
    active = torch.cat([found.encode(s[0].float()) for s in target.residuals(ids, [found.layer])])  # position feature
    others = _others(active, feature, draws, seed)
    plain = next_log_probs(target, ids)
    moved = []
    for number, one in enumerate([feature, *others]):
        report("taking features out one at a time", number / (len(others) + 1))
        changed = next_log_probs(target, ids, [_Without(found.layer, found, one)])
        moved.append(float(kl(plain, changed).mean()))
    said = [
        tuple((p, r.text) for p, r in zip(prompts, target.generate(ids[:3], max_new_tokens=max_new_tokens, interventions=made), strict=False))
        for made in ((), [_Without(found.layer, found, feature)])
    ]  # fmt: skip
    return Contrast(
        title=f"{target.name} without feature {feature} of {found.name}",
        caveat="features that stand in for one another are missed; the effect is at the next token only",
        verdict=_statistics.judge(
            f"the answer depends on feature {feature} more than on other features that fire",
            f"without it the distribution moves by {moved[0]:.3g} nats; it fires on {int((active[:, feature] > 0).sum())} of {len(active)} tokens",
            _statistics.beyond_sizes(moved[0], moved[1:]),
            subject=str(feature),
            causal=True,
            too_small=moved[0] < LEAST_KL,
        ),
        unit="KL from the plain answer, nats",
        arms=(
            Arm(label="plain", role="without", value=0.0, n=len(ids), samples=said[0]),
            Arm(label=f"without feature {feature}", role="with", value=round(moved[0], 6), n=len(ids), samples=said[1]),
            Arm(
                label=f"without another active feature ({len(others)}, range)", role="control",
                value=round(sum(moved[1:]) / len(others), 6), low=round(min(moved[1:]), 6), high=round(max(moved[1:]), 6), n=len(ids),
            ),
        ),
        control_name=f"{len(others)} other active features",
    )  # fmt: skip


def _others(active: "Tensor", feature: int, draws: int, seed: int) -> list[int]:
    """Other features that fire on these positions (position feature), drawn by the seed."""
    import torch

    firing = torch.nonzero(active.amax(0) > 0).flatten()
    firing = firing[firing != feature]
    if len(firing) < 8:
        raise ToolError(f"only {len(firing)} other features fire on these prompts: give more or longer prompts")
    return firing[torch.randperm(len(firing), generator=torch.Generator().manual_seed(seed))][:draws].tolist()


@dataclass(frozen=True)
class _Without:
    """Subtract what one feature writes, wherever it fires; the dictionary's error stays."""

    layer: int
    dictionary: "Dictionary"
    feature: int
    site: "Site" = "residual"
    prompt_only: bool = False

    def apply(self, hidden: "Tensor") -> "Tensor":
        d = self.dictionary
        strength = d.encode(hidden.float())[..., self.feature]  # batch position
        return hidden - (strength[..., None] * d.decoder_row(self.feature)).to(hidden)
