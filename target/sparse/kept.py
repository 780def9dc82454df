"""The few activations that top-k keeps, without the many it does not: what makes a training step cheap."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from target.sparse.parameters import Parameters

if TYPE_CHECKING:
    from torch import Tensor


class Kept(NamedTuple):
    """Activations that are kept, ordered by their row."""

    rows: "Tensor"
    latents: "Tensor"
    values: "Tensor"
    """All three are (kept)."""


def keep(x: "Tensor", parameters: Parameters, k: float, *, per_row: bool) -> Kept:
    """The k largest activations of each row of x (row, width), or the k * rows largest of the batch.

    Which they are is decided without a gradient; their values are then computed again with one.
    """
    import torch

    with torch.no_grad():
        before = parameters.encode(x)  # row latent
        if per_row:
            latents = before.topk(int(k), dim=1, sorted=False).indices.flatten()
            rows = torch.arange(len(x), device=x.device).repeat_interleave(int(k))
        else:
            flat = before.flatten().topk(int(k * len(x)), sorted=False).indices.sort().values
            rows, latents = flat // before.shape[1], flat % before.shape[1]
    pick = torch.nn.functional.embedding
    centred = pick(rows, x - parameters.b_dec)  # kept width
    values = (centred * pick(latents, parameters.encoder)).sum(-1) + parameters.b_enc[latents]
    return Kept(rows, latents, values.relu())


def decode(kept: Kept, parameters: Parameters, rows: int, groups: Sequence[int]) -> "list[Tensor]":
    """Reconstructions (row, width) by the first group of latents, the first two, ..., all of them."""
    import torch

    ends = torch.tensor(list(groups) or [len(parameters.W_dec)], device=kept.rows.device).cumsum(0)
    level = torch.bucketize(kept.latents, ends, right=True)
    found, so_far = [], parameters.b_dec.expand(rows, -1)
    for number in range(len(ends)):
        own = torch.nonzero(level == number).flatten() if len(ends) > 1 else slice(None)
        counts = torch.bincount(kept.rows[own], minlength=rows)
        so_far = so_far + torch.nn.functional.embedding_bag(
            kept.latents[own],
            parameters.W_dec,
            counts.cumsum(0) - counts,
            mode="sum",
            per_sample_weights=kept.values[own],
        )
        found.append(so_far)
    return found
