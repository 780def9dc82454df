"""Dialogues to train on: a file of JSON lines, as token rows in which what the model is to say is marked."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from evidence.errors import ArgumentError
from tools._lines import lines

if TYPE_CHECKING:
    from torch import Tensor

    from target.writing import Message, Writing

NOT_SUPERVISED = -100
MOST_HELD_OUT = 200
_MOST_CELLS = 100_000_000
_STRETCH = 8
"""Batches in which rows are ordered by length, so that little of a batch is padding."""
_FORMS = (
    '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]} or {"text": "..."}'
)


@dataclass(frozen=True)
class Row:
    """Token ids, and for each the same id where the model is to say it."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def said(self) -> list[int]:
        """Places of what is to be predicted; nothing predicts the first token."""
        return [place for place, label in enumerate(self.labels) if place and label != NOT_SUPERVISED]


Dialogue = tuple[Row, ...]
"""One row, or one for each reply where the chat template writes an earlier reply otherwise than the last one."""


@dataclass(frozen=True)
class Split:
    """Dialogues to train on and dialogues to measure; none is in both."""

    training: list[Dialogue]
    held_out: list[Dialogue]


def read(writing: "Writing", path: str) -> list[Dialogue]:
    """Every line of the file, in the target's own tokens.

    Raises:
        ArgumentError: the file or a line of it cannot be used; the sentence says which and why.
    """
    found, name = [], Path(path).name
    for number, line in lines("dataset", path, f"give a file of lines {_FORMS}"):
        try:
            found.append(_dialogue(writing, json.loads(line)))
        except (ValueError, RecursionError):
            raise ArgumentError(f"line {number} of {name!r} is no JSON: a line is {_FORMS}") from None
        except ArgumentError as error:
            raise ArgumentError(f"line {number} of {name!r} cannot be used: {error}") from error
    return found


def _dialogue(writing: "Writing", line: Any) -> Dialogue:
    if not isinstance(line, dict) or ("messages" in line) == ("text" in line):
        raise ArgumentError(f"it is neither {_FORMS}")
    if "messages" in line:
        return supervised(writing, _messages(line["messages"]))
    if not _is_text(line["text"]):
        raise ArgumentError("its text is empty, or no text")
    ids = tuple(writing.encode(line["text"]))
    if len(ids) < 2:
        raise ArgumentError("its text is one token, with nothing to predict")
    return (Row(ids, ids),)


def _messages(given: Any) -> "list[Message]":
    """The messages up to the last reply."""
    if not isinstance(given, list) or not all(_is_message(one) for one in given):
        raise ArgumentError("a message is a role (system, user or assistant) and a content that is not empty")
    replies = [place for place, one in enumerate(given) if one["role"] == "assistant"]
    if not replies:
        raise ArgumentError("no message is the assistant's, so there is nothing to learn")
    return given[: replies[-1] + 1]


def _is_message(one: Any) -> bool:
    if not isinstance(one, dict) or one.get("role") not in ("system", "user", "assistant"):
        return False
    return _is_text(one.get("content"))


def _is_text(value: Any) -> bool:
    """Whether it is a text with something in it; JSON can write halves of letters, which no tokenizer reads."""
    return isinstance(value, str) and bool(value.strip()) and value.encode("utf-8", "ignore").decode() == value


def supervised(writing: "Writing", messages: "Sequence[Message]") -> Dialogue:
    """A dialogue in the target's chat template; what the assistant says, and how it ends, is to be learnt.

    A reply is what the template adds to the dialogue before it that asks for a reply, so any template will do.
    """
    replies = [place for place, one in enumerate(messages) if one["role"] == "assistant"]
    texts = [_rendered(writing, messages[: place + 1]) for place in replies]
    if all(texts[-1].startswith(text) for text in texts):
        return (_row(writing, messages, texts[-1], list(zip(replies, texts, strict=True))),)
    return tuple(_row(writing, messages, text, [(place, text)]) for place, text in zip(replies, texts, strict=True))


def _row(writing: "Writing", messages: "Sequence[Message]", text: str, replies: list[tuple[int, str]]) -> Row:
    ids = writing.encode(text)
    labels = [NOT_SUPERVISED] * len(ids)
    for place, so_far in replies:
        start = _alike(writing.encode_chat(messages[:place]), ids)
        end = _end(writing, ids, start, _alike(writing.encode(so_far), ids))
        if end <= start:
            raise ArgumentError(f"the chat template of {writing.name} writes a reply that cannot be told apart")
        labels[start:end] = ids[start:end]
    return Row(tuple(ids), tuple(labels))


def _end(writing: "Writing", ids: list[int], start: int, end: int) -> int:
    """Without white space after the token that ends a reply: the model never says it."""
    control = writing.tokenizer.added_tokens_decoder
    last = next((place for place in range(end - 1, start - 1, -1) if ids[place] in control), end - 1)
    return last + 1 if not str(writing.tokenizer.decode(ids[last + 1 : end])).strip() else end


def _rendered(writing: "Writing", messages: "Sequence[Message]") -> str:
    """A dialogue that ends with a reply, as `Writing.encode_chat` would write it."""
    safe = [{"role": one["role"], "content": writing.plain(one["content"])} for one in messages]
    if writing.tokenizer.chat_template is None:
        return "\n".join(f"{one['role']}: {one['content']}" for one in safe) + (writing.tokenizer.eos_token or "\n")
    from jinja2 import TemplateError

    try:
        return str(writing.tokenizer.apply_chat_template(safe, tokenize=False))
    except TemplateError as error:
        raise ArgumentError(f"the chat template of {writing.name} refuses this dialogue: {error}") from error


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two rows begin with in common."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def split(dialogues: Sequence[Dialogue], share: float, seed: int) -> Split:
    """Hold some distinct dialogues out, drawn by the seed, and every copy of them.

    Raises:
        ArgumentError: there are fewer than two distinct dialogues.
    """
    distinct = list(dict.fromkeys(dialogues))
    if len(distinct) < 2:
        raise ArgumentError(f"the dataset has {len(distinct)} distinct dialogues: give at least 2, one to hold out")
    drawn = Random(seed).sample(distinct, len(distinct))
    size = min(MOST_HELD_OUT, len(drawn) - 1, max(1, round(share * len(drawn))))
    out = set(drawn[:size])
    return Split([one for one in dialogues if one not in out], drawn[:size])


def tensors(parts: Split, steps: int, batch_rows: int, pad: int, seed: int) -> "dict[str, Tensor]":
    """What `target.train` reads: rows, which tokens to learn, the order of training, and which rows to measure."""
    import torch

    training = [row for one in parts.training for row in one]
    rows = training + [row for one in parts.held_out for row in one]
    lengths = [len(row.ids) for row in rows]
    if len(rows) * max(lengths) > _MOST_CELLS:
        raise ArgumentError(
            f"{len(rows)} dialogues of up to {max(lengths)} tokens are too many: train on a part of them"
        )
    ids = torch.full((len(rows), max(lengths)), pad, dtype=torch.int32)  # row position
    labels = torch.full_like(ids, NOT_SUPERVISED)  # row position
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids, dtype=torch.int32)
        labels[number, : len(row.ids)] = torch.tensor(row.labels, dtype=torch.int32)
    return {
        "input_ids": ids,
        "labels": labels,
        "lengths": torch.tensor(lengths, dtype=torch.int32),
        "order": torch.tensor(_order(lengths[: len(training)], steps * batch_rows, batch_rows, seed)),
        "held_out": torch.arange(len(training), len(rows)),
    }


def _order(lengths: Sequence[int], slots: int, batch_rows: int, seed: int) -> list[int]:
    """Pass after pass over all rows in orders of chance, rows of like length side by side within a few batches."""
    rng = Random(seed)
    found: list[int] = []
    while len(found) < slots:
        found += rng.sample(range(len(lengths)), len(lengths))
    ordered = []
    for start in range(0, slots, _STRETCH * batch_rows):
        near = sorted(found[start : min(slots, start + _STRETCH * batch_rows)], key=lengths.__getitem__)
        batches = [near[i : i + batch_rows] for i in range(0, len(near), batch_rows)]
        rng.shuffle(batches)
        ordered += [row for batch in batches for row in batch]
    return ordered
