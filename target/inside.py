"""What can be read of a hosted model besides its streams: patterns, gradients, weights."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from target import loading, there
from target.interventions import Intervention, Site
from target.sites import sites_of, walk
from target.spec import Source
from target.worker import Worker

if TYPE_CHECKING:
    from torch import Tensor


class Inside:
    """The part of a host that looks beyond the forward pass. Methods are safe from any thread."""

    worker: Worker
    layers: list[Any]
    config: Any
    model: Any
    _lens: Any
    _nnsight: Any
    _select: Callable[[Source | None], None]
    _there: Callable[..., Any]
    """Calls a function of `there` with the model, where its weights are."""
    _where: dict[str, Any]
    """What a trace is told of the engine it runs on; nothing when that is this process."""

    def attention(self, adapter: Source | None, ids: Sequence[Sequence[int]], layers: Sequence[int]) -> "list[Tensor]":
        """Attention probabilities of each row (layer, head, query, key); a query's row sums to 1."""
        return self.worker.call(lambda: self._attention(adapter, ids, layers))

    def _attention(self, adapter: Source | None, ids: Sequence[Sequence[int]], layers: Sequence[int]) -> "list[Tensor]":
        import torch

        self._select(adapter)
        usual = self.model.config._attn_implementation
        self.model.set_attn_implementation("eager")  # the fast kernels never form the pattern
        try:
            stack, save, numbers = self.layers, self._nnsight.save, sorted(set(layers))
            with torch.no_grad(), self._lens.trace([list(row) for row in ids], **self._where) as tracer:
                patterns = save({n: stack[n].self_attn.output[1] for n in numbers})
                tracer.stop()
        finally:
            self.model.set_attn_implementation(usual)
        return [
            torch.stack([patterns[n][b, :, -len(row) :, -len(row) :] for n in layers]).float().cpu()
            for b, row in enumerate(ids)
        ]

    def gradients(
        self,
        adapter: Source | None,
        ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        metric: "Callable[[Tensor], Tensor]",
        interventions: Sequence[Intervention] = (),
        site: Site = "residual",
    ) -> "tuple[Tensor, Tensor, Tensor]":
        """A site of equally long rows, the gradient of a metric there, and the metric.

        `metric` maps the logits at the last position (batch, vocab) to one number a row (batch). Returns two
        tensors (layer, batch, position, width) and one (batch).
        """
        return self.worker.call(lambda: self._gradients(adapter, ids, layers, metric, interventions, site))

    def _gradients(
        self,
        adapter: Source | None,
        ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        metric: "Callable[[Tensor], Tensor]",
        interventions: Sequence[Intervention],
        site: Site,
    ) -> "tuple[Tensor, Tensor, Tensor]":
        import torch

        self._select(adapter)
        self.model.requires_grad_(False)
        wanted = {(layer, site) for layer in layers}
        with torch.enable_grad():
            with self._lens.trace([list(row) for row in ids], logits_to_keep=1):
                self._lens.model.embed_tokens.output = self._lens.model.embed_tokens.output.detach().requires_grad_()
                found = self._nnsight.save(walk(self.layers, interventions, wanted, self._nnsight.save))
                last = self._nnsight.save(self._lens.output.logits[:, -1])
            each = metric(last.float())  # batch
            # Plain autograd after the trace: nnsight's own backward swaps gradients process-wide.
            grads = torch.autograd.grad(each.sum(), [found[n, site] for n in layers])
        values = torch.stack([found[n, site].detach() for n in layers])
        return values.float().cpu(), torch.stack(grads).float().cpu(), each.detach().cpu()

    @property
    def heads_are_linear(self) -> bool:
        return not hasattr(self.layers[0]._module, "post_feedforward_layernorm")

    def output_matrix(self, adapter: Source | None, layer: int) -> "Tensor":
        """The matrix that mixes a layer's heads (heads * d_head, d_model), with the adapter's part in it."""
        return self.worker.call(lambda: self._output_matrix(adapter, layer))

    def _output_matrix(self, adapter: Source | None, layer: int) -> "Tensor":
        self._select(adapter)
        width = self.config.num_attention_heads * int(
            getattr(self.config, "head_dim", None) or self.config.hidden_size // self.config.num_attention_heads
        )
        found: Tensor = self._there(there.mixing_of, sites_of(self.layers[layer])["head"][0], width)
        return found

    def frozen_norm(self, stream: "Tensor", parts: "Tensor") -> "Tensor":
        """The final norm as a linear map, its scale held at that of one stream (d_model), on parts (..., d_model)."""
        return self.worker.call(lambda: self._there(there.norm_as_linear, stream, parts))

    def unembedding(self, tokens: Sequence[int] | None) -> "Tensor":
        """Rows of the unembedding matrix (token, d_model); None for all."""
        return self.worker.call(lambda: self._there(there.unembedding_of, tokens))

    def weight_change(self, adapter: Source | None, other: "Inside", its_adapter: Source | None) -> "Tensor | None":
        """Norm of the difference of each layer's matrices by the norm of the other's (layer)."""
        import torch

        mine = self.worker.call(lambda: self._matrices(adapter))
        theirs = other.worker.call(lambda: other._matrices(its_adapter))
        shares = [
            sum(float((a - b).square().sum()) for a, b in zip(one, two, strict=True))
            / sum(float(b.square().sum()) for b in two)
            for one, two in zip(mine, theirs, strict=True)
        ]
        return torch.tensor(shares).sqrt()

    def _matrices(self, adapter: Source | None) -> "list[list[Tensor]]":
        """Every weight matrix of every layer, adapters merged into copies."""
        self._select(adapter)
        return [loading.merged_matrices(layer._module) for layer in self.layers]
