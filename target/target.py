"""A target: a base with or without an adapter, and what can be asked of it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError
from target.hosts import Host
from target.interventions import Intervention, Site
from target.loading import adapter_folder
from target.results import Reading, Said
from target.spec import Source, Spec
from target.writing import Message, Writing

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from target.translators import Translators

_UNEMBED_VALUES = 16_000_000
"""How many logits may exist at once; larger readings are unembedded in pieces of this size."""


class Target(Writing):
    """The model under study as tools see it. Safe to use from many threads."""

    def __init__(self, host: Host, spec: Spec) -> None:
        self._host = host
        self._spec = spec
        self.adapter_digest = host.add_adapter(spec.adapter) if spec.adapter else None

    def __eq__(self, other: object) -> bool:
        """Whether another target is the same weights in the same place, whatever it was called."""
        return isinstance(other, Target) and self._same == other._same

    def __hash__(self) -> int:
        return hash(self._same)

    @property
    def _same(self) -> tuple[int, object]:
        return id(self._host), self._spec.adapter

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def weights_digest(self) -> str:
        return self._host.digest

    @cached_property
    def base(self) -> "Target":
        """The same model without its adapter; itself when it has none."""
        if self._spec.adapter is None:
            return self
        return Target(self._host, Spec(self._spec.base_name, self._spec.base, self._spec.base_name))

    @cached_property
    def untrained(self) -> "Target":
        """A model of the same shape with random weights: the control of everything that is learnt."""
        return Target(
            self._host.untrained(), Spec(f"{self._spec.base_name} (untrained)", self._spec.base, self._spec.base_name)
        )

    def weight_change(self, base: "Target") -> "Tensor | None":
        """How far each layer's matrices differ from another model's, as a share of their norm (layer)."""
        return self._host.weight_change(self._spec.adapter, base._host, base._spec.adapter)

    @property
    def has_adapter(self) -> bool:
        return self._spec.adapter is not None

    @property
    def adapter_folder(self) -> Path | None:
        """Where its adapter's files are; None without one."""
        adapter = self._spec.adapter
        return adapter_folder(adapter) if adapter is not None else None

    def with_adapter(self, folder: Path, name: str) -> "Target":
        """The same base with another adapter, in PEFT's format."""
        spec = self._spec
        return Target(self._host, Spec(name, spec.base, spec.base_name, Source(str(folder), local=True), spec.options))

    @property
    def num_layers(self) -> int:
        return len(self._host.layers)

    @property
    def d_model(self) -> int:
        return int(self._host.config.hidden_size)

    @property
    def num_heads(self) -> int:
        return int(self._host.config.num_attention_heads)

    @property
    def d_head(self) -> int:
        return int(getattr(self._host.config, "head_dim", None) or self.d_model // self.num_heads)

    @property
    def vocab_size(self) -> int:
        return int(self._host.config.vocab_size)

    @property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        return self._host.tokenizer

    @property
    def max_length(self) -> int:
        return int(getattr(self._host.config, "max_position_embeddings", 2048))

    def check_layer(self, layer: int) -> int:
        """The layer itself, if it exists.

        Raises:
            ArgumentError: it does not; the sentence says which do.
        """
        if not 0 <= layer < self.num_layers:
            raise ArgumentError(
                f"layer {layer} does not exist: {self.name} has {self.num_layers} layers, 0..{self.num_layers - 1}"
            )
        return layer

    def reply(
        self,
        dialogues: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int = 48,
        temperature: float = 0.0,
        seed: int = 0,
        prefill: str = "",
        interventions: Sequence[Intervention] = (),
    ) -> list[Said]:
        """Answer a batch of dialogues; temperature 0 is greedy."""
        ids = [self.encode_chat(messages, prefill) for messages in dialogues]
        return self.generate(
            ids, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed, interventions=interventions
        )

    def generate(
        self,
        ids: Sequence[Sequence[int]],
        *,
        max_new_tokens: int = 48,
        temperature: float = 0.0,
        seed: int = 0,
        interventions: Sequence[Intervention] = (),
    ) -> list[Said]:
        """Continue a batch of token rows, with interventions at every step when there are any."""
        self._check_interventions(interventions)
        longest = max(map(len, ids))
        if longest + max_new_tokens > self.max_length:
            raise ArgumentError(
                f"{longest} tokens and {max_new_tokens} new ones do not fit: {self.name} holds {self.max_length}, shorten one"
            )
        sampling = (
            {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
            if temperature > 0
            else {"do_sample": False}
        )
        rows = self._host.generate(
            self._spec.adapter, ids, interventions, max_new_tokens=max_new_tokens, seed=seed, **sampling
        )
        decode = self.tokenizer.decode
        return [
            Said(tuple(row), str(decode(row, skip_special_tokens=True)).strip(), len(row) < max_new_tokens)
            for row in rows
        ]

    def residuals(
        self,
        ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        interventions: Sequence[Intervention] = (),
        site: Site = "residual",
    ) -> "list[Tensor]":
        """A site of the layers (the residual stream after them), one forward for all rows: each (layer, position, width)."""
        self._check_interventions(interventions)
        return self._host.read(self._spec.adapter, ids, [self.check_layer(n) for n in layers], interventions, site)

    def attention(self, ids: Sequence[Sequence[int]], layers: Sequence[int]) -> "list[Tensor]":
        """Attention probabilities of each row (layer, head, query, key)."""
        return self._host.attention(self._spec.adapter, ids, [self.check_layer(n) for n in layers])

    def gradients(
        self,
        ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        metric: "Callable[[Tensor], Tensor]",
        interventions: Sequence[Intervention] = (),
        site: Site = "residual",
    ) -> "tuple[Tensor, Tensor, Tensor]":
        """Values and gradients of a metric of the last logits (batch, vocab) -> (batch), at a site of equally long rows.

        Returns two tensors (layer, batch, position, width), and the metric (batch).
        """
        self._check_interventions(interventions)
        rows = [self.check_layer(n) for n in layers]
        return self._host.gradients(self._spec.adapter, ids, rows, metric, interventions, site)

    def next_logits(self, ids: Sequence[Sequence[int]], interventions: Sequence[Intervention] = ()) -> "Tensor":
        """The model's own logits for the next token of each row (batch, vocab)."""
        self._check_interventions(interventions)
        return self._host.logits(self._spec.adapter, ids, interventions)

    def require_same_vocabulary(self, other: "Target") -> None:
        """Raise `ArgumentError` unless a second model reads the same tokens at the same width."""
        if self.tokenizer.get_vocab() != other.tokenizer.get_vocab() or self.d_model != other.d_model:
            raise ArgumentError(
                f"{other.name} has another vocabulary or width than {self.name}: compare with a model of the same family"
            )

    def unembed(self, hidden: "Tensor") -> "Tensor":
        """Logits (..., vocab) of residual streams (..., d_model) by the final norm and unembedding."""
        return self._host.unembed(hidden)

    @property
    def heads_are_linear(self) -> bool:
        """Whether what the heads write is added as it is; Gemma-2 and its like normalise the sum first."""
        return self._host.heads_are_linear

    def head_outputs(self, ids: Sequence[int]) -> "Tensor":
        """What each head writes to the residual stream at the last position (layer, head, d_model), without the bias."""
        import torch

        z = self.residuals([ids], range(self.num_layers), site="head")[0][:, -1].float()
        split = z.view(self.num_layers, self.num_heads, self.d_head)
        weights = torch.stack([self._host.output_matrix(self._spec.adapter, n) for n in range(self.num_layers)])
        return torch.einsum("lhe,lhed->lhd", split, weights.view(self.num_layers, self.num_heads, self.d_head, -1))

    def final_norm_as_linear(self, ids: Sequence[int], parts: "Tensor") -> "Tensor":
        """The final norm applied to parts (..., d_model) of the last position's stream with its scale held fixed.

        The parts' images sum to the image of their sum, up to the norm's own bias.
        """
        stream = self.residuals([ids], [self.num_layers - 1])[0][0, -1].float()
        return self._host.frozen_norm(stream, parts)

    def unembedding(self, tokens: Sequence[int] | None) -> "Tensor":
        """Rows of the unembedding matrix (token, d_model); None for all."""
        return self._host.unembedding(tokens)

    def lens(
        self,
        ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        k: int = 5,
        track: Sequence[int] = (),
        translate: "Callable[[Tensor], Tensor] | None" = None,
    ) -> list[Reading]:
        """Logit lens over whole rows: one forward, then only the best k and the tracked tokens are kept.

        `translate` maps the streams (layer, position, d_model) of a row before they are decoded.
        """
        streams = self.residuals(ids, layers)
        return [self._lens_of(translate(stream) if translate else stream, k, track) for stream in streams]

    def fit_translators(self, ids: Sequence[Sequence[int]], seed: int = 0) -> "Translators":
        """A tuned lens from generic texts: one affine translator a layer (some seconds to minutes)."""
        import torch

        from target.translators import fit

        streams = torch.cat([s[:, 1:] for s in self.residuals(ids, range(self.num_layers))], 1)  # without the first
        return fit(self._host, streams.float(), seed)

    def _lens_of(self, stream: "Tensor", k: int, track: Sequence[int]) -> Reading:
        import torch

        layers, positions, width = stream.shape
        found = [self._host.best(piece, k, track) for piece in self._pieces(stream.reshape(-1, width))]
        return Reading(*(torch.cat(p).reshape(layers, positions, p[0].shape[-1]) for p in zip(*found, strict=True)))

    def _pieces(self, hidden: "Tensor") -> "Sequence[Tensor]":
        """Rows in equal pieces whose logits fit in memory: a small last one would cost almost as much as a whole one."""
        most = max(1, _UNEMBED_VALUES // self.vocab_size)
        return hidden.tensor_split(max(1, -(-len(hidden) // most)))

    def _check_interventions(self, interventions: Sequence[Intervention]) -> None:
        for change in interventions:
            self.check_layer(change.layer)
