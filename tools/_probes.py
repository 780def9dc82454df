"""Linear probes: fitted with scikit-learn, kept as safetensors, applied anywhere."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence import Artifact, artifacts
from tools._directions import require_same_weights

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

FOLDS = 5


@dataclass(frozen=True)
class Probe:
    """A logistic probe at one layer, beside its control fitted on shuffled labels."""

    name: str
    digest: str
    layer: int
    weights: "Tensor"
    """(2, d_model): the probe, and its control."""
    bias: "Tensor"
    """(2)"""
    negatives: "Tensor"
    """(text) held-out scores of texts that lack the property, in log odds: what the probe says of nothing."""
    about: str

    def log_odds(self, stream: "Tensor") -> "Tensor":
        """Scores of residual streams (..., d_model): (..., 2), probe and control."""
        return stream.float() @ self.weights.T + self.bias


def keep(
    name: str, target: "Target", layer: int, weights: "Tensor", bias: "Tensor", negatives: "Tensor", about: str
) -> Artifact:
    """Store a probe of this target."""
    said = {
        "weights": target.weights_digest,
        "target": target.name,
        "d_model": target.d_model,
        "layer": layer,
        "about": about,
    }
    tensors = {"weights": weights.float(), "bias": bias.float(), "negatives": negatives.float()}
    return artifacts.keep("probe", name, tensors, said)


def find(reference: str, target: "Target") -> Probe:
    """The probe a person means, if it fits this target.

    Raises:
        ArgumentError: there is none, or it was trained on other base weights.
    """
    stored = artifacts.find("probe", reference)
    require_same_weights(stored, target)
    t, about = stored.tensors, stored.about
    return Probe(
        stored.name, stored.digest, int(about["layer"]), t["weights"], t["bias"], t["negatives"], about["about"]
    )


def fit(x: "Tensor", labels: "Tensor") -> "tuple[Tensor, Tensor]":
    """Weights (d_model) and bias of a ridge-penalised logistic regression on rows (row, d_model)."""
    import torch
    from sklearn.linear_model import LogisticRegression

    middle, scale = x.mean(0), x.std(0) + 1e-6
    fitted = LogisticRegression(C=0.05, solver="liblinear", intercept_scaling=10, random_state=0).fit(
        ((x - middle) / scale).numpy(), labels.numpy()
    )
    weights = torch.tensor(fitted.coef_[0], dtype=torch.float32) / scale
    return weights, torch.tensor(float(fitted.intercept_[0])) - weights @ middle


def out_of_fold(x: "Tensor", labels: "Tensor", seed: int) -> "Tensor":
    """Log odds of every row (row) by a probe fitted on the other folds; folds keep the classes balanced."""
    import torch
    from sklearn.model_selection import StratifiedKFold

    scores = torch.zeros(len(x))
    folds = min(FOLDS, int(labels.sum()), int((1 - labels.long()).sum()))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(x.numpy(), labels.numpy()):
        weights, bias = fit(x[train], labels[train])
        scores[test] = x[test] @ weights + bias
    return scores


def calibration(scores: "Tensor", labels: "Tensor", bins: int = 5) -> tuple[float, float]:
    """Brier score and expected calibration error of log odds (row) against labels."""
    chance = scores.sigmoid()
    brier = float(((chance - labels.float()) ** 2).mean())
    order = chance.argsort()
    parts = [part for part in order.chunk(bins) if len(part)]
    error = sum(len(part) * abs(float(chance[part].mean() - labels[part].float().mean())) for part in parts)
    return brier, error / len(chance)


def auroc_interval(value: float, positives: int, negatives: int) -> tuple[float, float]:
    """95 % interval of an AUROC (Hanley and McNeil 1982), with a continuity floor where the value is 0 or 1."""
    q1, q2 = value / (2 - value), 2 * value * value / (1 + value)
    variance = value * (1 - value) + (positives - 1) * (q1 - value**2) + (negatives - 1) * (q2 - value**2)
    error = max((variance / (positives * negatives)) ** 0.5, 0.5 / min(positives, negatives) / 1.96)
    return max(0.0, value - 1.96 * error), min(1.0, value + 1.96 * error)
