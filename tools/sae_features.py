"""Which features of a sparse dictionary fire on this text?"""

from typing import TYPE_CHECKING

from evidence import Entry, Heatmap, Verdict
from evidence.errors import ArgumentError
from target.turn import report
from tools import _statistics
from tools._arguments import DictionaryRef, Seed, Texts, TopK
from tools._dictionary_formats import load
from tools._dictionary_quality import checked_fvu
from tools._dictionary_streams import streams
from tools._sae import usual
from tools._texts import generic, rows
from tools._tool import tool
from tools.patch_activations import _plain

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target
    from tools._dictionary import Dictionary

UNRELATED = 120
MOST_POSITIONS = 64


@tool(
    capability="read",
    asked_as=[
        'which features fire on "{text}"?',
        'show the SAE features of "{text}"',
        "which SAE latents are active?",
        "what features does it see in this text?",
        'sae features on "{text}" at layer {layer}',
        "decompose the activation into features",
        "look at the sparse autoencoder",
        "which latents light up?",
    ],
)
def sae_features(
    target: "Target",
    prompts: Texts,
    *,
    dictionary: DictionaryRef | None = None,
    chat: bool = False,
    k: TopK = 10,
    seed: Seed = 0,
) -> Heatmap:
    """Decompose the residual stream of texts into the features of a sparse dictionary.

    Shows the features that stand out, token by token on the first text, beside how strongly they fire on
    unrelated texts; says first how much the dictionary leaves unexplained on this very model, and refuses when
    that is too much. With two texts or more, the feature that half of them single out is tested on the others.
    It cannot show that a feature means what its contexts suggest, nor that the model uses it.

    Source: Bricken et al., "Towards Monosemanticity" (2023); Lieberum et al., arXiv 2408.05147 (Gemma Scope)

    Args:
        prompts: Texts of one kind; the first is shown token by token.
        dictionary: A shipped dictionary, a folder, or a hub release; None for the target's own of a middle layer.
        chat: Whether the texts are a person's messages, read up to where the assistant begins to answer.
        k: How many features to show.
        seed: Seed of the unrelated texts.
    """
    import torch

    found = load(dictionary or usual(target), target)
    ids = rows(target, prompts, chat=chat)
    if not 2 <= len(ids[0]) <= MOST_POSITIONS:
        raise ArgumentError(
            f"the first text has {len(ids[0])} tokens: features are shown for 2 to {MOST_POSITIONS}, change its length"
        )
    report("reading the texts and unrelated ones")
    texts = [*ids, *rows(target, generic(target, UNRELATED, seed), chat=False)]
    read = streams(found, target, texts)
    fvu = checked_fvu(found, torch.cat(read), target.name)
    report("encoding", 0.6)
    peaks = torch.cat([_peaks(found, read[i : i + 16]) for i in range(0, len(read), 16)])  # text feature
    best, verdict = _singled_out(peaks[: len(ids)], peaks[len(ids) :], f"{fvu:.3f}", target.name)
    own = found.encode(read[0])  # position feature
    usual_peak = peaks[len(ids) :].mean(0)
    ranked = (peaks[0] - usual_peak - peaks[len(ids) :].std(0)).topk(min(k, found.d_sae)).indices.tolist()
    shown = [best, *(f for f in ranked if f != best and float(peaks[0, f]) > 0)][:k]
    names = [f"{i}: {target.decode(token)}" for i, token in enumerate(ids[0])][1:]
    return Heatmap(
        title=f"Features of {found.name} on {len(ids)} text{'s' if len(ids) > 1 else ''}, {target.name}",
        caveat="a feature's meaning is a guess from its contexts; look it up, and steer with it to learn what it does",
        verdict=verdict,
        rows=tuple(f"feature {f}" for f in shown),
        columns=tuple(names),
        row_axis="feature",
        column_axis="token",
        values=_plain(own[:, shown].T),
        unit="activation",
        control=_plain(usual_peak[shown][:, None].expand(-1, len(names))),
        control_name=f"mean peak on {UNRELATED} unrelated texts",
        highlights=tuple(Entry(label=f"feature {f}", score=round(float(peaks[0, f]), 3)) for f in shown[:5]),
    )


def _peaks(dictionary: "Dictionary", streams: "list[Tensor]") -> "Tensor":
    """Each feature's strongest activation in each text (text, feature); a few texts at a time are encoded together."""
    import torch

    together = dictionary.encode(torch.cat(streams)).split([len(s) for s in streams])
    return torch.stack([one.amax(0) for one in together])


def _singled_out(own: "Tensor", others: "Tensor", fvu: str, name: str) -> tuple[int, Verdict]:
    """The feature that one half of the texts single out, tested on the other half; peaks are (text, feature)."""
    choosing, testing = own[::2], own[1::2]
    spread = others[::2].std(0) + 0.05 * others.max()
    best = int(((choosing.mean(0) - others[::2].mean(0)) / spread).argmax())
    said = f"the dictionary leaves {fvu} of the variance unexplained on {name}"
    if not len(testing):
        claim = "a feature stands out on texts like this one"
        why = f"{said}; one text singles out its own features, for feature {best} it takes a second of its kind to test"
        return best, _statistics.undecided(claim, why)
    peak, usual = float(testing[:, best].mean()), float(others[1::2, best].mean())
    return best, _statistics.judge(
        f"feature {best} fires on texts like these more than on unrelated ones",
        f"its mean peak on held-out texts of the kind is {peak:.2f}, on unrelated ones {usual:.2f}; {said}",
        _statistics.two_samples(testing[:, best].tolist(), others[1::2, best].tolist()),
        subject=str(best),
    )
