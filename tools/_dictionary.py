"""A sparse autoencoder: which few of many learnt features make up an activation, and how much stays unexplained.

Every architecture is brought to one form when it is read, so there is one forward pass:

    features = act((x - b_dec) @ W_enc + b_enc)        x̂ = features @ W_dec + b_dec

where `- b_dec` is optional and `act` keeps the k largest activations or those above a threshold (ReLU: zero;
JumpReLU and BatchTopK: learnt; Gated: where its gate opens, Rajamanoharan et al., arXiv 2404.16014). A crosscoder reads
several models side by side, x in one row (Lindsey et al. 2024); an ITDA pursues instead (`_dictionary_itda.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from evidence.errors import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor

Architecture = Literal["relu", "topk", "jumprelu", "batchtopk", "gated", "itda"]
Normalization = Literal["none", "layer_norm", "constant_norm_rescale"]
"""What is done to each activation by itself before it is encoded, and undone after (SAELens' names)."""
_PIECE_VALUES = 16_000_000
"""How many feature activations may exist at once where only a summary is asked for."""


class Top(NamedTuple):
    """The k strongest features of each activation."""

    values: "Tensor"
    """(..., k) activations, strongest first; 0 where fewer than k features fire."""
    indices: "Tensor"
    """(..., k) feature numbers."""


class _Normalized(NamedTuple):
    """x = value * scale + shift."""

    value: "Tensor"
    scale: "Tensor | float"
    shift: "Tensor | float"


class Source(NamedTuple):
    """One of the models a crosscoder reads."""

    name: str
    weights: str
    """Digest of its base weights."""
    adapter: str | None
    """Digest of its adapter, where it has one."""


@dataclass(frozen=True, eq=False)
class Dictionary:
    """A sparse dictionary of one layer's residual stream. All tensors are float32."""

    name: str
    layer: int
    """0-based; it reads and writes the residual stream after this layer."""
    architecture: Architecture
    W_enc: "Tensor"
    """(d_in, d_sae)"""
    b_enc: "Tensor"
    """(d_sae)"""
    W_dec: "Tensor"
    """(d_sae, d_in)"""
    b_dec: "Tensor"
    """(d_in)"""
    threshold: "Tensor | None"
    """(d_sae) an activation counts only above it; None for top-k."""
    k: int | None
    """How many features are kept; None where a threshold decides."""
    apply_b_dec_to_input: bool
    normalization: Normalization
    digest: str
    """sha256 of its tensors, first 12 hex digits."""
    weights: str | None = None
    """Digest of the base weights it was trained on, where that is known."""
    neuronpedia: str | None = None
    """Its id on neuronpedia.org, such as `gemma-2-2b/12-gemmascope-res-16k`."""
    index: Path | None = None
    """safetensors with the contexts in which each feature fires most, where they were collected."""
    groups: tuple[int, ...] = ()
    """Sizes of the nested groups of a Matryoshka dictionary, coarsest first; () where there are none."""
    sources: tuple[Source, ...] = ()
    """The models a crosscoder reads, in the order of its input; () for a dictionary of one model."""
    source: int = 0
    """Which of them is the model under study: its part of each decoder row is what a feature writes there."""

    def __post_init__(self) -> None:
        shapes = {"W_enc": (self.d_in, self.d_sae), "b_enc": (self.d_sae,), "W_dec": (self.d_sae, self.d_in)}
        shapes |= {"b_dec": (self.d_in,)} | ({} if self.threshold is None else {"threshold": (self.d_sae,)})
        for part, shape in shapes.items():
            found = tuple(getattr(self, part).shape)
            if found != shape:
                raise ArgumentError(
                    f"the dictionary {self.name!r} does not fit together: {part} is {found} where W_enc asks for {shape}"
                )
        counts = range(1, self.d_sae + 1) if self.threshold is None else (None,)
        if self.k not in counts:
            raise ArgumentError(
                f"the dictionary {self.name!r} has k={self.k}: a top-k dictionary needs 1..{self.d_sae}, others none"
            )

    @property
    def d_in(self) -> int:
        return int(self.W_enc.shape[0])

    @property
    def d_sae(self) -> int:
        return int(self.W_enc.shape[-1])

    @property
    def d_model(self) -> int:
        """Width of one model's residual stream."""
        return self.d_in // max(1, len(self.sources))

    def by_source(self, x: "Tensor") -> "Tensor":
        """What is side by side in its input or its rows (..., d_in), one model after another (..., source, d_model)."""
        return x.unflatten(-1, (-1, self.d_model))

    @property
    def atoms(self) -> "Tensor":
        """What each feature writes into the model under study (d_sae, d_model)."""
        return self.by_source(self.W_dec)[:, self.source]

    def check_feature(self, feature: int) -> int:
        """The feature itself, if it exists.

        Raises:
            ArgumentError: it does not; the sentence says which do.
        """
        if not 0 <= feature < self.d_sae:
            allowed = f"{self.name} has {self.d_sae} features, 0..{self.d_sae - 1}"
            raise ArgumentError(f"feature {feature} does not exist: {allowed}")
        return feature

    def prefix(self, features: int) -> "Dictionary":
        """The dictionary of the first features alone: what a Matryoshka dictionary knows at a coarser level.

        Raises:
            ArgumentError: there are not as many.
        """
        if not 1 <= features <= self.d_sae:
            raise ArgumentError(f"{self.name} has {self.d_sae} features: a prefix has 1..{self.d_sae}, not {features}")
        cut = {"W_enc": self.W_enc[:, :features], "b_enc": self.b_enc[:features], "W_dec": self.W_dec[:features]}
        threshold = self.threshold[:features] if self.threshold is not None else None
        k = min(self.k, features) if self.k is not None else None
        return replace(self, **cut, threshold=threshold, k=k, groups=())

    def encode(self, x: "Tensor") -> "Tensor":
        """Feature activations (..., d_sae) of residual streams (..., d_in); zero where a feature is silent."""
        return self._features(self._normalized(x).value)

    def encode_top(self, x: "Tensor", k: int) -> Top:
        """The k strongest features of each residual stream (..., d_in), of which only pieces are ever dense.

        Raises:
            ArgumentError: k is not between 1 and d_sae.
        """
        import torch

        if not 1 <= k <= self.d_sae:
            raise ArgumentError(f"k={k} is not allowed: {self.name} has {self.d_sae} features, ask for 1..{self.d_sae}")
        best = [self._strongest(self._normalized(piece).value, k) for piece in self._pieces(x)]
        shape = (*x.shape[:-1], k)
        values, indices = (torch.cat(parts).reshape(shape) for parts in zip(*best, strict=True))
        return Top(values, indices)

    def decode(self, features: "Tensor") -> "Tensor":
        """Residual streams (..., d_in) that features (..., d_sae) stand for.

        Raises:
            ArgumentError: the dictionary rescales each activation by itself, which features alone cannot undo.
        """
        if self.normalization != "none":
            raise ArgumentError(
                f"{self.name} rescales every activation by itself ({self.normalization}): "
                "its features alone have no size in the residual stream, ask for a reconstruction"
            )
        return self._decoded(features)

    def decoder_row(self, feature: int) -> "Tensor":
        """The direction (d_model) a feature writes into the model under study.

        Raises:
            ArgumentError: there is no such feature.
        """
        return self.atoms[self.check_feature(feature)].clone()

    def reconstruct(self, x: "Tensor") -> "Tensor":
        """What the dictionary makes of residual streams (..., d_in), in the same shape."""
        import torch

        return torch.cat([self._reconstructed(piece) for piece in self._pieces(x)]).reshape(x.shape)

    def fvu(self, x: "Tensor") -> float:
        """Fraction of variance unexplained over all rows of x (..., d_in): 0 is perfect, 1 no better than the mean.

        A dictionary made for other weights, or for weights processed otherwise, shows here. The first position
        of a text is an outlier in most models: leave it out.

        Raises:
            ArgumentError: the rows do not vary.
        """
        rows = x.reshape(-1, x.shape[-1]).to(self.W_enc)
        varied = float((rows - rows.mean(0)).double().pow(2).sum())
        if not varied > 0:
            raise ArgumentError(
                "the share of variance explained needs at least two different positions: give more text"
            )
        return float((rows - self.reconstruct(rows)).double().pow(2).sum()) / varied

    def _pieces(self, x: "Tensor") -> "Iterator[Tensor]":
        rows, most = x.reshape(-1, x.shape[-1]), max(1, _PIECE_VALUES // self.d_sae)
        yield from rows.tensor_split(max(1, -(-len(rows) // most)))  # equally large: a small last one costs too much

    def _normalized(self, x: "Tensor") -> _Normalized:
        if x.shape[-1] != self.d_in:
            raise ArgumentError(f"activations of width {x.shape[-1]} do not fit {self.name}: it reads {self.d_in}")
        x = x.to(self.W_enc)
        match self.normalization:
            case "none":
                return _Normalized(x, 1.0, 0.0)
            case "layer_norm":
                centre = x.mean(-1, keepdim=True)
                spread = (x - centre).std(-1, keepdim=True)
                return _Normalized((x - centre) / (spread + 1e-5), spread, centre)
            case "constant_norm_rescale":
                scale = x.norm(dim=-1, keepdim=True) / self.d_in**0.5
                return _Normalized(x / scale, scale, 0.0)

    def _before(self, x: "Tensor") -> "Tensor":
        """What `act` acts on (..., d_sae)."""
        import torch

        return torch.nn.functional.linear(x - self.b_dec if self.apply_b_dec_to_input else x, self.W_enc.T, self.b_enc)

    def _fired(self, before: "Tensor") -> "Tensor":
        """Zero where a value (..., d_sae) is not above its feature's threshold, or not above zero."""
        import torch

        assert self.threshold is not None
        return torch.where(before <= self.threshold.clamp(min=0), 0, before)

    def _strongest(self, x: "Tensor", k: int) -> "tuple[Tensor, Tensor]":
        """Values and numbers of the k strongest features (row, k), without applying `act` to all of them.

        They are looked for among the 2k largest values before it. That is all there is to know about a row where k of
        these fire, or where nothing smaller can; the other rows are searched in full.
        """
        import torch

        from target.ranking import top_of

        before = self._before(x)
        if self.threshold is None:
            values, indices = top_of(before, k)
            values[:, self.k :] = 0
            return values.relu(), indices
        threshold = self.threshold.clamp(min=0)
        largest, numbers = top_of(before, min(2 * k, self.d_sae))
        fired = torch.where(largest <= threshold[numbers], 0, largest)
        values, places = fired.topk(k, dim=-1)
        indices = numbers.gather(1, places)
        unsettled = (values[:, -1] <= 0) & (largest[:, -1] > threshold.min())
        if unsettled.any():
            values[unsettled], indices[unsettled] = top_of(self._fired(before[unsettled]), k)
        return values, indices

    def _features(self, x: "Tensor") -> "Tensor":
        import torch

        before = self._before(x)
        if self.threshold is not None:
            return self._fired(before)
        assert self.k is not None
        best = before.topk(self.k, dim=-1, sorted=False)
        return torch.zeros_like(before).scatter(-1, best.indices, best.values.relu())

    def _decoded(self, features: "Tensor") -> "Tensor":
        return features.to(self.W_dec) @ self.W_dec + self.b_dec

    def _reconstructed(self, x: "Tensor") -> "Tensor":
        normal = self._normalized(x)
        return self._decoded(self._features(normal.value)) * normal.scale + normal.shift
