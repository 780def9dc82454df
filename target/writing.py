"""Text to tokens and back, the model's own way, with control tokens of others taken apart."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = dict[str, str]
"""A chat message: {"role": "system" | "user" | "assistant", "content": ...}."""
_LONGEST_MESSAGE = 20_000


class Writing:
    """The part of a target that reads and writes text."""

    @property
    def name(self) -> str:
        raise NotImplementedError

    @property
    def max_length(self) -> int:
        raise NotImplementedError

    @property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text, with the model's own beginning-of-text token.

        Raises:
            ArgumentError: the text is empty or longer than the model's context.
        """
        if not text.strip():
            raise ArgumentError("the text is empty: give at least one word")
        if len(text) > _LONGEST_MESSAGE:
            raise ArgumentError(f"the text has {len(text)} characters: at most {_LONGEST_MESSAGE} are read")
        ids = self._ids(text)
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

    def decode(self, token: int) -> str:
        """One token as a reader writes it, without its leading space."""
        return str(self.tokenizer.decode([token])).strip() or repr(self.tokenizer.decode([token]))

    def word_token(self, word: str) -> int | None:
        """The one token of a word in running text, or failing that at a text's beginning; None when it takes more."""
        for text in (" " + word.strip(), word.strip()):
            ids = self._ids(text)
            if len(ids) == 1:
                return ids[0]
        return None

    def _ids(self, text: str) -> list[int]:
        # not verbose: that a text is too long is ours to say, in `_fitting`
        return [int(one) for one in self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]]
