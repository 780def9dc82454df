"""Does one latent stand for a concept, and is it that alone? Sparse probing, splitting, absorption, targeted erasure.

Source: Gurnee et al. (arXiv 2305.01610, k-sparse probing); Chanin et al. (arXiv 2409.14507, splitting and absorption);
Karvonen et al. (arXiv 2503.09532, SAEBench), whose definitions these follow at the scale of small models
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SPLIT_GAIN = 0.03
"""A further latent counts as a split of the concept when it raises F1 by this much."""
ALIKE = 0.025
"""The least cosine to the probe for a latent to have absorbed the concept."""
WRITES = 0.4
"""And the least share of the probe's reading of the reconstruction that it writes."""


@dataclass(frozen=True)
class Split:
    """Rows to fit on and rows to judge by."""

    train: "Tensor"
    test: "Tensor"


def halves(labels: "Tensor", seed: int) -> Split:
    """Two halves of the rows with the classes balanced alike."""
    import torch
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(range(len(labels)), test_size=0.5, random_state=seed, stratify=labels.numpy())
    return Split(torch.tensor(train), torch.tensor(test))


def best_latents(features: "Tensor", labels: "Tensor", k: int) -> "Tensor":
    """The k latents whose mean differs most between the classes (k), of features (row, latent)."""
    gap = features[labels == 1].mean(0) - features[labels == 0].mean(0)
    return gap.abs().topk(min(k, len(gap))).indices


def sparse_probe(features: "Tensor", labels: "Tensor", split: Split, k: int) -> float:
    """Accuracy on held-out rows of a logistic regression on the k latents that differ most in training."""
    chosen = best_latents(features[split.train], labels[split.train], k)
    return accuracy(features[:, chosen], labels, split)


def accuracy(x: "Tensor", labels: "Tensor", split: Split) -> float:
    """Accuracy on held-out rows of a logistic regression on x (row, width)."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(max_iter=500).fit(x[split.train].numpy(), labels[split.train].numpy())
    return float(fitted.score(x[split.test].numpy(), labels[split.test].numpy()))


def split_latents(features: "Tensor", labels: "Tensor", split: Split, most: int = 8) -> int:
    """How many latents a concept is split over: further ones are counted while each raises the F1 of a k-sparse probe."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score

    scores = []
    for k in range(1, most + 1):
        chosen = best_latents(features[split.train], labels[split.train], k)
        x = features[:, chosen].numpy()
        fitted = LogisticRegression(max_iter=500).fit(x[split.train], labels[split.train].numpy())
        scores.append(float(f1_score(labels[split.test].numpy(), fitted.predict(x[split.test]))))
        if k > 1 and scores[-1] - scores[-2] < SPLIT_GAIN:
            return k - 1
    return most


def absorption(
    x: "Tensor",
    features: "Tensor",
    W_dec: "Tensor",
    labels: "Tensor",
    probe: "Tensor",
    bias: float,
    split_over: int = 1,
) -> float:
    """Share of a concept's rows at which its latents are silent and another one writes it.

    Counted are rows of the concept that the linear probe reads as such. Absorbed are those of them at which none of the
    concept's main latents fires while another latent, whose decoder row points along the probe, writes at least
    `WRITES` of what the probe reads of the reconstruction.

    Args:
        x: Activations (row, d_model).
        features: Of the same rows (row, latent).
        W_dec: Decoder rows (latent, d_model).
        labels: 1 where the concept is there (row).
        probe: Weights of a logistic probe of the concept (d_model).
        bias: Its bias.
        split_over: How many latents are the concept's own.
    """
    import torch

    main = best_latents(features, labels, split_over)
    read = (labels == 1) & (x @ probe + bias > 0)
    silent = read & ~(features[:, main] > 0).any(1)
    alike = torch.nn.functional.normalize(W_dec, dim=1) @ (probe / probe.norm())  # latent
    written = features * (W_dec @ probe)  # row latent
    total = written.sum(1).clamp(min=1e-9)
    others = written.masked_fill((alike < ALIKE)[None], 0)
    others[:, main] = 0
    absorbed = silent & (others.amax(1) >= WRITES * total) & (written.sum(1) > 0)
    return float(absorbed.sum() / read.sum().clamp(min=1))


def erased(x: "Tensor", features: "Tensor", W_dec: "Tensor", latents: "Tensor") -> "Tensor":
    """Activations (row, d_model) without what some latents wrote; the dictionary's error stays."""
    return x - features[:, latents] @ W_dec[latents]


@dataclass(frozen=True)
class Erasure:
    """What taking a concept's latents out did, in shares of accuracy above chance that were lost."""

    own: float
    """Of the probe of the concept."""
    others: float
    """Of probes of other concepts, on average: what was lost along with it."""

    @property
    def targeted(self) -> float:
        """Own less others: 1 is only the concept, all of it."""
        return self.own - self.others


class Reader:
    """A linear probe that was fitted on one part of x (row, d_model), and what it loses when the other is changed."""

    def __init__(self, x: "Tensor", labels: "Tensor", split: Split) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500, class_weight="balanced"))
        self._fitted = fitted.fit(x[split.train].numpy(), labels[split.train].numpy())
        self._rows, self._truth = split.test, labels[split.test].numpy()
        self._before = self._right(x)

    @property
    def above_chance(self) -> float:
        """Its balanced accuracy on held-out rows, less that of guessing."""
        return self._before - 0.5

    def lost(self, without: "Tensor") -> float:
        """Share of its balanced accuracy above chance that is lost when it reads the changed rows (row, d_model)."""
        return (self._before - self._right(without)) / max(self.above_chance, 1e-9)

    def _right(self, x: "Tensor") -> float:
        from sklearn.metrics import balanced_accuracy_score

        return float(balanced_accuracy_score(self._truth, self._fitted.predict(x[self._rows].numpy())))


def erasure(
    x: "Tensor", features: "Tensor", W_dec: "Tensor", latents: "Tensor", readers: list[Reader], which: int
) -> Erasure:
    """Targeted probe perturbation: take out the latents of one concept and see which probes lose.

    Args:
        x: Activations (row, d_model).
        features: Of the same rows (row, latent).
        W_dec: Decoder rows (latent, d_model).
        latents: Which are taken out.
        readers: A probe of every concept.
        which: The concept that is to be erased.
    """
    without = erased(x, features, W_dec, latents)
    gone = [reader.lost(without) for reader in readers]
    others = [value for number, value in enumerate(gone) if number != which]
    return Erasure(gone[which], sum(others) / max(1, len(others)))
