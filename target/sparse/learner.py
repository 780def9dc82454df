"""One step of learning a sparse dictionary, whatever keeps it sparse and however many models it reads.

Nested groups make a Matryoshka dictionary (Bussmann et al., arXiv 2503.17547): every prefix of whole groups must
reconstruct alone, while what is kept is chosen once, over all latents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target.sparse import kept, sparsity
from target.sparse.parameters import Parameters, lengths, start

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Shape:
    """What is learnt, and under which constraint."""

    d_model: int
    latents: int
    k: float
    """Latents kept per row, on average over a batch; for `l1` what is expected of them, only used to report."""
    kind: sparsity.Kind = "batchtopk"
    sources: int = 1
    groups: tuple[int, ...] = ()
    """Sizes of the groups whose nested prefixes must each reconstruct alone; () is one group of all."""
    penalty: float = 0.0
    """`l1`: what a unit of activation costs. `jumprelu`: what it costs to keep twice or none of k."""
    dead_after: int = 10_000
    """Rows without firing after which a latent counts as dead and is helped by the auxiliary loss."""
    auxiliary_weight: float = 1 / 32
    low_precision: bool = False
    """Whether matrices are multiplied in bfloat16."""


@dataclass(frozen=True)
class Step:
    """What one step measured on its batch."""

    unexplained: "Tensor"
    """Share of variance."""
    l0: "Tensor"
    """Latents kept per row."""


class Learner:
    """Parameters, their optimizer, and how long each latent has been silent."""

    def __init__(self, shape: Shape, *, seed: int = 0, device: str = "cpu") -> None:
        import torch

        self.shape = shape
        self.parameters = start(shape.d_model, shape.latents, sources=shape.sources, device=device, seed=seed)
        first = torch.full((shape.latents,), sparsity.FIRST_THRESHOLD, device=device).log()
        self.log_threshold = first.requires_grad_(shape.kind == "jumprelu")
        learnt: list[Sequence[Tensor]] = [self.parameters, [self.log_threshold]]
        self.optimizer = torch.optim.Adam([{"params": [*some]} for some in learnt], foreach=True)
        self.silent = torch.zeros(shape.latents, dtype=torch.long, device=device)
        """Rows since each latent last fired (latent)."""

    @property
    def dead(self) -> "Tensor":
        """Which latents have not fired for long (latent)."""
        return self.silent >= self.shape.dead_after

    def features(self, x: "Tensor") -> "Tensor":
        """What is kept of x (row, source * d_model), all latents written out (row, latent)."""
        before = self.parameters.encode(x)
        match self.shape.kind:
            case "topk":
                return sparsity.top_k(before, self.shape.k)
            case "batchtopk":
                return sparsity.batch_top_k(before, self.shape.k)
            case "jumprelu":
                return sparsity.jump(before, self.log_threshold)[0]
            case "l1":
                return before

    def step(self, x: "Tensor", learning_rate: float, penalty_share: float = 1.0) -> Step:
        """Learn from one batch (row, source * d_model)."""
        import torch

        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=self.shape.low_precision):
            made, price, fired, l0 = self._sparsely(x) if self._counts else self._densely(x)
            errors = [x - prefix for prefix in made]
            loss = sum(error.float().pow(2).sum() for error in errors) / (len(x) * len(errors))
            loss = loss + penalty_share * price + self._help_the_dead(x, fired, errors[-1].detach().float())
        loss.backward()
        self._update(learning_rate)
        with torch.no_grad():
            error = errors[-1].float()
            return Step(error.pow(2).sum() / (x - x.mean(0)).pow(2).sum(), l0)

    @property
    def _counts(self) -> bool:
        """Whether how many are kept is fixed, so that only these need be touched."""
        return self.shape.kind in {"topk", "batchtopk"}

    def _sparsely(self, x: "Tensor") -> "tuple[list[Tensor], float, Tensor, Tensor]":
        """Reconstructions by every prefix, no price, which latents fired (latent), how many a row."""
        import torch

        held = kept.keep(x, self.parameters, self.shape.k, per_row=self.shape.kind == "topk")
        made = kept.decode(held, self.parameters, len(x), self.shape.groups)
        positive = held.values.detach() > 0
        fired = torch.zeros_like(self.silent, dtype=torch.bool)
        fired[held.latents[positive]] = True
        return made, 0.0, fired, positive.sum() / len(x)

    def _densely(self, x: "Tensor") -> "tuple[list[Tensor], Tensor, Tensor, Tensor]":
        """The same where a threshold or a price decides."""
        features, price = self._priced(x)
        made = list(prefixes(features, self.parameters, self.shape.groups))
        on = features.detach() > 0
        return made, price, on.any(0), on.sum() / len(x)

    def _priced(self, x: "Tensor") -> "tuple[Tensor, Tensor]":
        """What is kept of x (row, latent), and what that costs."""
        before = self.parameters.encode(x).float()
        if self.shape.kind == "l1":
            return before, self.shape.penalty * before.sum(-1).mean()
        features, held = sparsity.jump(before, self.log_threshold)
        return features, self.shape.penalty * (held.mean() / self.shape.k - 1).square()

    def _help_the_dead(self, x: "Tensor", fired: "Tensor", error: "Tensor") -> "Tensor | float":
        """Dead latents learn to reconstruct what the living left."""
        import torch

        self.silent += len(x)
        self.silent[fired] = 0
        dead = torch.nonzero(self.dead).flatten()
        if self.shape.kind == "l1" or not len(dead):
            return 0.0
        p = self.parameters
        some = Parameters(p.encoder[dead], p.b_enc[dead], p.W_dec[dead], p.b_dec)
        return self.shape.auxiliary_weight * auxiliary_loss(error, some.encode(x), some.W_dec)

    def _update(self, learning_rate: float) -> None:
        """Follow the gradient of the loss as a function of rows whose lengths sum to one."""
        import torch

        W_dec = self.parameters.W_dec
        assert W_dec.grad is not None
        with torch.no_grad():
            rows = W_dec.unflatten(1, (self.shape.sources, -1))
            unit = torch.nn.functional.normalize(rows, dim=-1).flatten(1)
            W_dec.grad.addcmul_((W_dec.grad * W_dec).sum(1, keepdim=True), unit, value=-1)
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            for group, pace in zip(self.optimizer.param_groups, (1, sparsity.THRESHOLD_PACE), strict=True):
                group["lr"] = pace * learning_rate
            self.optimizer.step()
            self.optimizer.zero_grad()
            W_dec /= lengths(W_dec, self.shape.sources).sum(1, keepdim=True)

    def state(self) -> "dict[str, Tensor]":
        """All it takes to go on, by name."""
        import torch

        names = dict(zip((*Parameters._fields, "log_threshold"), (*self.parameters, self.log_threshold), strict=True))
        found = {name: value.detach() for name, value in names.items()} | {"silent": self.silent}
        for name, value in names.items():
            for key, memory in self.optimizer.state.get(value, {}).items():
                found[f"{key}:{name}"] = torch.as_tensor(memory)
        return {name: value.clone().contiguous() for name, value in found.items()}

    def go_on(self, state: "dict[str, Tensor]") -> None:
        """Put back what `state` gave."""
        import torch

        names = dict(zip((*Parameters._fields, "log_threshold"), (*self.parameters, self.log_threshold), strict=True))
        self.silent.copy_(state["silent"])
        with torch.no_grad():
            for name, tensor in state.items():
                key, _, of = name.rpartition(":")
                if key:
                    own = names[of]
                    self.optimizer.state[own][key] = tensor.to(own.device if tensor.ndim else "cpu", copy=True)
                elif of in names:
                    names[of].copy_(tensor)


def prefixes(features: "Tensor", parameters: Parameters, groups: Sequence[int]) -> "Iterator[Tensor]":
    """Reconstructions (row, width) by the first group of latents, the first two, ..., all of them."""
    so_far = parameters.b_dec
    sizes = list(groups) or [features.shape[1]]
    for part, rows in zip(features.split(sizes, 1), parameters.W_dec.split(sizes), strict=True):
        so_far = so_far + part @ rows
        yield so_far


def auxiliary_loss(error: "Tensor", before: "Tensor", W_dec: "Tensor") -> "Tensor":
    """What the best dead latents leave of the living ones' error (row, width), as a share of its variance.

    Args:
        error: What the dictionary did not reconstruct.
        before: Activations of the dead latents (row, dead).
        W_dec: Their decoder rows (dead, width).
    """
    features = sparsity.top_k(before, min(error.shape[1] // 2, before.shape[1]))
    left = (error - features @ W_dec).pow(2).sum(-1).mean()
    return left / (error - error.mean(0)).pow(2).sum(-1).mean().clamp(min=1e-12)
