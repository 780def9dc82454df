"""Latent scaling: how strongly is a crosscoder's latent present in each model, whatever its decoder says?

For latent j with decoder row d_j in one model and activations f_j, the least-squares size at which f_j d_j explains a
target y is

    beta_j = d_j . sum_n f_j(n) y(n) / (||d_j||^2 sum_n f_j(n)^2)

in each model. The ratio nu of the other model's beta to the model's own is near 0 for a latent the other lacks and near
1 for one it shares. Two targets show the two ways an L1 crosscoder lies: what the *error* and the latent itself hold
(complete shrinkage: the latent is there, its decoder row was shrunk away), and what the *reconstruction* holds
(latent decoupling: other latents write it there).

Source: Minder, Dumas, Juang, Chughtai & Nanda (arXiv 2504.02922), section 2.3
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools._dictionary import Dictionary

if TYPE_CHECKING:
    from torch import Tensor

NU_ERROR, NU_RECONSTRUCTION = 0.2, 0.5
"""A latent is specific to a model below both (the paper's thresholds)."""
RELATIVE_NORM = 0.9
"""A decoder says a latent is specific above this (the paper's threshold)."""
LEAST_ACTIVE = 50
"""Positions at which a latent must fire for its betas to be told."""


@dataclass(frozen=True)
class Scaling:
    """What was measured of each latent (latent); NaN where it fired too rarely."""

    nu_error: "Tensor"
    nu_reconstruction: "Tensor"
    active: "Tensor"
    """Positions at which it fired."""
    seen: int
    """Positions in all."""


class LatentScaling:
    """Adds up what the betas need, a batch at a time; memory does not grow with the number of positions."""

    def __init__(self, crosscoder: Dictionary) -> None:
        import torch

        self._of = crosscoder
        self._rows = crosscoder.by_source(crosscoder.W_dec).double()  # latent source d_model
        shape = self._rows.shape[:2]
        self._error, self._made = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
        self._squares = torch.zeros(shape[0], dtype=torch.float64)
        self._active = torch.zeros(shape[0], dtype=torch.long)
        self._seen = 0

    def add(self, x: "Tensor") -> None:
        """Count positions in: activations of all models side by side (row, source * d_model)."""
        features = self._of.encode(x)  # row latent
        made = self._of.decode(features)
        f = features.double()
        own = self._rows[:, self._of.source]  # latent d_model
        for source, (left, right) in enumerate(zip(self._split(x - made), self._split(made), strict=True)):
            self._error[:, source] += ((f.T @ left) * own).sum(1)
            self._made[:, source] += ((f.T @ right) * own).sum(1)
        self._squares += f.square().sum(0)
        self._active += (features > 0).sum(0)
        self._seen += len(x)

    def join(self, others: "LatentScaling") -> None:
        """Count the positions of another one in."""
        for mine, theirs in (
            (self._error, others._error), (self._made, others._made), (self._squares, others._squares),
            (self._active, others._active),
        ):  # fmt: skip
            mine += theirs
        self._seen += others._seen

    def _split(self, x: "Tensor") -> "Tensor":
        return self._of.by_source(x.double()).transpose(0, 1)  # source row d_model

    def betas(self) -> "tuple[Tensor, Tensor]":
        """Beta of each latent and model (latent, source), on the error and on the reconstruction."""
        own = self._rows[:, self._of.source]
        size = (own.square().sum(1) * self._squares)[:, None]
        written = (self._rows * own[:, None]).sum(-1) * self._squares[:, None]  # what the latent itself writes
        return (self._error + written) / size, self._made / size

    def finish(self, other: int) -> Scaling:
        """The ratios of another model's betas to those of the model under study."""
        known = self._active >= LEAST_ACTIVE
        error, made = (
            (beta[:, other] / beta[:, self._of.source]).where(known, float("nan")).float() for beta in self.betas()
        )
        return Scaling(error, made, self._active.clone(), self._seen)


def relative_norms(crosscoder: Dictionary, other: int) -> "Tensor":
    """How much more of each latent's decoder is in the model under study (latent): 1 all, 0.5 as much, 0 none."""
    norms = crosscoder.by_source(crosscoder.W_dec).norm(dim=-1)  # latent source
    own, theirs = norms[:, crosscoder.source], norms[:, other]
    largest = own.maximum(theirs).clamp(min=1e-12)
    return 0.5 * (1 + (own - theirs) / largest)


def kinds(norms: "Tensor", scaling: Scaling) -> list[str]:
    """What each latent is: `specific`, `complete shrinkage`, `latent decoupling`, `shared`, `in between`, or `rare`."""
    found = []
    for norm, error, made in zip(
        norms.tolist(), scaling.nu_error.tolist(), scaling.nu_reconstruction.tolist(), strict=True
    ):
        if error != error:
            found.append("rare")
        elif norm > RELATIVE_NORM:  # far below zero is no absence either: it is a ratio to next to nothing
            shrunk, decoupled = abs(error) >= NU_ERROR, abs(made) >= NU_RECONSTRUCTION
            found.append("complete shrinkage" if shrunk else "latent decoupling" if decoupled else "specific")
        else:
            found.append("shared" if 0.4 <= norm <= 0.6 else "in between")
    return found


def most_own(scaling: Scaling) -> list[int]:
    """Latents from the one that is most the target's own to the one that is least, by the sum of both ratios' ranks.

    Ratios count by their size: one far below zero is a ratio to next to nothing.

    Source: Minder et al. (arXiv 2504.02922), section 3.2, whose causal test takes the first half
    """
    import torch

    known = torch.nonzero(~scaling.nu_error.isnan()).flatten()
    ranks = sum(nu[known].abs().argsort().argsort() for nu in (scaling.nu_error, scaling.nu_reconstruction))
    order: list[int] = known[torch.as_tensor(ranks).argsort(stable=True)].tolist()
    return order
