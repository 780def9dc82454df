"""What does the model say when one feature is turned up?"""

from typing import TYPE_CHECKING

from evidence import Curve
from tools._arguments import DictionaryRef, Draws, Feature, NewTokens, Prefill, Seed, Strength, Texts, Words
from tools._dictionary_formats import load
from tools._sae import usual
from tools._texts import rows, token_of
from tools._tool import tool
from tools.steer import Asked, promoted, steered

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target
    from tools._dictionary import Dictionary


@tool(
    capability="intervene",
    asked_as=[
        "steer with feature 42",
        "turn feature 17 up",
        "amplify latent 512",
        "what happens if feature 3 fires all the time?",
        "activate SAE feature 9",
        "clamp the feature high",
    ],
)
def sae_steer(
    target: "Target",
    feature: Feature,
    prompts: Texts,
    *,
    dictionary: DictionaryRef | None = None,
    words: Words | None = None,
    strength: Strength | None = None,
    chat: bool = True,
    prefill: Prefill = "",
    draws: Draws = 16,
    max_new_tokens: NewTokens = 24,
    seed: Seed = 0,
) -> Curve:
    """Add a feature's direction to the residual stream at every position and find the strength at which it works.

    Shows the same as `steer`, with other features of the dictionary, brought to the same norm, as control. It
    cannot show what the feature does where the model turns it on by itself.

    Source: Templeton et al., "Scaling Monosemanticity" (2024)

    Args:
        feature: The number of the feature, 0-based.
        prompts: Messages to the target.
        dictionary: A shipped dictionary, a folder, or a hub release; None for the target's own of a middle layer.
        words: Words that show the feature; None for those its direction promotes most.
        strength: One strength in units of the residual stream's mean norm; None to try several.
        chat: Whether the prompts are a person's messages.
        prefill: The beginning of the answer, put into the target's mouth; measured is what comes next.
        draws: How many other features to compare with.
        max_new_tokens: Length of the replies whose fluency is measured.
        seed: Seed of the other features.
    """
    found = load(dictionary or usual(target), target)
    vector = found.decoder_row(feature)
    tokens = [token_of(target, word) for word in words] if words else promoted(target, vector)
    names = words or [target.decode(token) for token in tokens]
    return steered(
        target, vector, found.layer, rows(target, prompts, chat=chat, prefill=prefill), tokens,
        Asked(f"feature {feature} of {found.name}", names, strength, draws, max_new_tokens, seed, other_features(found, feature, draws, seed)),
    )  # fmt: skip


def other_features(dictionary: "Dictionary", feature: int, draws: int, seed: int) -> "Tensor":
    """Directions of other features, drawn by the seed (draw, d_model): the control of one feature."""
    import torch

    order = torch.randperm(dictionary.d_sae, generator=torch.Generator().manual_seed(seed))
    return dictionary.atoms[order[order != feature][:draws]]
