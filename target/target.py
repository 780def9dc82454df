"""A target: a base with or without an adapter, and what can be asked of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError
from target.hosts import Host
from target.interventions import Intervention
from target.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

Message = dict[str, str]
"""A chat message: {"role": "system" | "user" | "assistant", "content": ...}."""
_LONGEST_MESSAGE = 20_000
_UNEMBED_VALUES = 16_000_000
"""How many logits may exist at once; larger readings are unembedded in pieces of this size."""


@dataclass(frozen=True)
class Said:
    """One generated reply."""

    tokens: tuple[int, ...]
    text: str
    finished: bool


@dataclass(frozen=True)
class Reading:
    """What the lens finds in one row: the best k tokens, and the tracked ones, at every layer and position."""

    tokens: "Tensor"
    """(layer, position, k) token ids, best first."""
    probabilities: "Tensor"
    """(layer, position, k)"""
    tracked_ranks: "Tensor"
    """(layer, position, tracked) rank in the whole vocabulary, 1 = best."""


class Target:
    """The model under study as tools see it. Safe to use from many threads."""

    def __init__(self, host: Host, spec: Spec) -> None:
        self._host = host
        self._spec = spec
        self.adapter_digest = host.add_adapter(spec.adapter) if spec.adapter else None

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

    @property
    def has_adapter(self) -> bool:
        return self._spec.adapter is not None

    @property
    def num_layers(self) -> int:
        return len(self._host.layers)

    @property
    def d_model(self) -> int:
        return int(self._host.config.hidden_size)

    @property
    def vocab_size(self) -> int:
        return int(self._host.config.vocab_size)

    @property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        return self._host.tokenizer

    @property
    def max_length(self) -> int:
        return int(getattr(self._host.config, "max_position_embeddings", 2048))

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text, with the model's own beginning-of-text token.

        Raises:
            ArgumentError: the text is empty or longer than the model's context.
        """
        if not text.strip():
            raise ArgumentError("the text is empty: give at least one word")
        if len(text) > _LONGEST_MESSAGE:
            raise ArgumentError(f"the text has {len(text)} characters: at most {_LONGEST_MESSAGE} are read")
        ids = list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        bos = self.tokenizer.bos_token_id
        return self._fitting([bos, *ids] if bos is not None and (not ids or ids[0] != bos) else ids)

    def encode_chat(self, messages: Sequence[Message], prefill: str = "") -> list[int]:
        """Token ids of a dialogue up to where the assistant speaks; `prefill` puts words in its mouth."""
        safe = [{"role": m["role"], "content": self.plain(m["content"])} for m in messages]
        if self.tokenizer.chat_template is None:
            lines = [f"{m['role']}: {m['content']}" for m in safe]
            return self.encode("\n".join([*lines, f"assistant: {prefill}"]))
        from jinja2 import TemplateError

        try:
            text = self.tokenizer.apply_chat_template(safe, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            raise ArgumentError(f"the chat template of {self.name} refuses this dialogue: {error}") from error
        return self.encode(text + self.plain(prefill))

    @cached_property
    def _control_tokens(self) -> list[str]:
        known = {str(token) for token in self.tokenizer.added_tokens_decoder.values()}
        return [token for token in known | set(self.tokenizer.all_special_tokens) if len(token) > 2]

    def plain(self, text: str) -> str:
        """A person's or a model's text with control tokens taken apart, so that it stays data."""
        while found := next((token for token in self._control_tokens if token in text), None):
            text = text.replace(found, f"{found[0]} {found[1:-1].strip('|')} {found[-1]}")
        return text

    def _fitting(self, ids: list[int]) -> list[int]:
        if len(ids) > self.max_length:
            raise ArgumentError(
                f"the text has {len(ids)} tokens: {self.name} reads at most {self.max_length}, shorten it"
            )
        return ids

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

    def decode(self, token: int) -> str:
        """One token as a reader writes it, without its leading space."""
        return str(self.tokenizer.decode([token])).strip() or repr(self.tokenizer.decode([token]))

    def word_token(self, word: str) -> int | None:
        """The token a word starts with in running text; None when it takes more than one."""
        ids = self.tokenizer(" " + word.strip(), add_special_tokens=False)["input_ids"]
        return int(ids[0]) if len(ids) == 1 else None

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
        self, ids: Sequence[Sequence[int]], layers: Sequence[int], interventions: Sequence[Intervention] = ()
    ) -> "list[Tensor]":
        """Residual streams after the layers, one forward for all rows: each (layer, position, d_model)."""
        self._check_interventions(interventions)
        return self._host.read(self._spec.adapter, ids, [self.check_layer(n) for n in layers], interventions)

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

    def unembed_in_pieces(self, hidden: "Tensor") -> "Iterator[Tensor]":
        """The same for many positions (row, d_model), a bounded piece at a time: yields (piece, vocab)."""
        for piece in hidden.split(max(1, _UNEMBED_VALUES // self.vocab_size)):
            yield self.unembed(piece)

    def lens(
        self, ids: Sequence[Sequence[int]], layers: Sequence[int], k: int = 5, track: Sequence[int] = ()
    ) -> list[Reading]:
        """Logit lens over whole rows: one forward, then only the best k and the tracked tokens are kept."""
        streams = self.residuals(ids, layers)
        return [self._lens_of(stream, k, track) for stream in streams]

    def _lens_of(self, stream: "Tensor", k: int, track: Sequence[int]) -> Reading:
        import torch

        layers, positions, width = stream.shape
        tokens, probabilities, ranks = [], [], []
        for logits in self.unembed_in_pieces(stream.reshape(-1, width)):
            values, indices = top_of(logits, k)
            total = logits.float().logsumexp(-1, keepdim=True)
            tokens.append(indices)
            probabilities.append((values.float() - total).exp())
            ranks.append(
                torch.stack([(logits >= logits[:, [t]]).sum(-1) for t in track], -1) if track else indices[:, :0]
            )
        shape = (layers, positions, -1)
        return Reading(
            torch.cat(tokens).view(shape),
            torch.cat(probabilities).view(shape),
            torch.cat(ranks).reshape(layers, positions, len(track)),
        )

    def _check_interventions(self, interventions: Sequence[Intervention]) -> None:
        for change in interventions:
            self.check_layer(change.layer)


def top_of(logits: "Tensor", k: int, group: int = 512) -> "tuple[Tensor, Tensor]":
    """The k best of each row (row, vocab), values and places: exact, and several times faster than topk alone.

    The k best stand in the k groups with the highest maxima, so only those are sorted.
    """
    import torch

    rows, vocab = logits.shape
    whole = vocab // group * group
    if whole <= group * k:
        best = logits.topk(k, dim=-1)
        return best.values, best.indices
    grouped = logits[:, :whole].view(rows, -1, group)
    chosen = grouped.amax(-1).topk(k, dim=-1).indices  # row k
    values = grouped.gather(1, chosen[..., None].expand(-1, -1, group)).flatten(1)  # row k*group
    places = (chosen[..., None] * group + torch.arange(group, device=logits.device)).flatten(1)
    values = torch.cat([values, logits[:, whole:]], 1)
    tail = torch.arange(whole, vocab, device=logits.device).expand(rows, -1)
    best = values.topk(k, dim=-1)
    return best.values, torch.cat([places, tail], 1).gather(1, best.indices)
