"""Is a model what we take it for? Looks and intervenes once when it is loaded."""

from typing import TYPE_CHECKING

from evidence.errors import TargetError
from target.interventions import Steer

if TYPE_CHECKING:
    from target.hosts import Host


def validate(host: "Host") -> None:
    """The lens must equal the model at the last layer, and layers must matter; call it on the worker's thread.

    Raises:
        TargetError: one of the two does not hold.
    """
    import torch

    ids = [[int(t) % host.config.vocab_size for t in (5, 9, 6)]]
    own = host._logits(None, ids, ())
    stream = host._read(None, ids, [len(host.layers) - 1], ())[0][0, -1]
    if not torch.allclose(host._unembed(stream).float(), own[0].float(), atol=1e-2, rtol=1e-2):
        raise TargetError(
            f"{host.source.location!r} computes its output in a way we do not read: final norm and "
            "unembedding do not give its logits, so it cannot be a target yet"
        )
    middle = len(host.layers) // 2
    signs = (-1.0) ** torch.arange(stream.shape[-1])
    push = torch.linspace(-1, 1, stream.shape[-1]).cos() * signs  # d_model; no LayerNorm removes it
    pushed = host._logits(None, ids, [Steer(middle, push, 1.0 + 10 * float(stream.std()))])
    if torch.allclose(pushed, own, atol=1e-5):
        raise TargetError(
            f"{host.source.location!r} did not react to a change after layer {middle}: it cannot be a target yet"
        )
