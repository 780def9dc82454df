"""What a sparse dictionary learns, for one model or for several side by side."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Parameters(NamedTuple):
    """Encoder and decoder for centred and scaled activations of one or several sources, laid side by side.

    A crosscoder reads the same token in several models; its input is their activations in one row of width
    source * d_model. Each latent's decoder rows have lengths that sum to one over the sources, so that a latent's
    activation is also its share of what is written, which is what is sorted and penalised.
    """

    encoder: "Tensor"
    """(latent, width): W_enc transposed, so that the rows of a few latents lie together."""
    b_enc: "Tensor"
    W_dec: "Tensor"
    """(latent, width)"""
    b_dec: "Tensor"

    @property
    def W_enc(self) -> "Tensor":
        """(width, latent)"""
        return self.encoder.T

    def encode(self, x: "Tensor") -> "Tensor":
        """Activations (row, latent) of x (row, width) before any are dropped; none is negative."""
        import torch

        return torch.nn.functional.linear(x - self.b_dec, self.encoder, self.b_enc).relu()


def start(d_model: int, latents: int, *, sources: int = 1, device: str = "cpu", seed: int = 0) -> Parameters:
    """Random directions, the same in every source; the encoder begins as their transpose."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    rows = torch.nn.functional.normalize(torch.randn(latents, d_model, generator=generator), dim=1)
    beside = rows.repeat(1, sources)
    parts = (beside, torch.zeros(latents), beside / sources, torch.zeros(sources * d_model))
    return Parameters(*(part.to(device).clone().requires_grad_() for part in parts))


def lengths(W_dec: "Tensor", sources: int) -> "Tensor":
    """Length of each latent's decoder row in each source (latent, source)."""
    return W_dec.unflatten(1, (sources, -1)).norm(dim=-1)
