"""Text to learn and to judge a dictionary on: a person's file, or what the model writes itself."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.errors import ArgumentError
from target.turn import report
from tools._lines import lines

if TYPE_CHECKING:
    from target.target import Target

Rows = list[list[int]]
LENGTH, HELD_OUT = 128, 0.1
"""Tokens of a text at most, and the share of texts that is held out."""
LEAST_TOKENS = 2_000
_BATCH = 64


def given_or_own(target: "Target", prompts: Sequence[str] | None, tokens: int, seed: int) -> Rows:
    """Token ids of a person's texts, or of what the target writes itself: about so many tokens.

    Raises:
        ArgumentError: a text cannot be read, or the target writes too little.
    """
    return [target.encode(text) for text in prompts] if prompts else rows(target, None, tokens, seed)[0]


def rows(target: "Target", file: str | None, tokens: int, seed: int) -> tuple[Rows, Rows]:
    """Texts to train on and texts to judge by, about so many tokens in all; no text is in both.

    Args:
        target: Whose tokens, and who writes where there is no file.
        file: Lines of plain text, or of JSON with a `text`; None for what the target writes from nothing.
        tokens: How many at most.
        seed: Of what is written.

    Raises:
        ArgumentError: the file cannot be used, or there is too little of it.
    """
    found = _distinct(_read(target, file) if file else _written(target, tokens, seed), tokens)
    held_out = found[:: round(1 / HELD_OUT)]
    seen = [row for number, row in enumerate(found) if number % round(1 / HELD_OUT)]
    if sum(map(len, seen)) < LEAST_TOKENS:
        raise ArgumentError(
            f"there are only {sum(map(len, seen))} tokens of different text to train on: give at least {LEAST_TOKENS}"
        )
    return seen, held_out


def _distinct(texts: Iterator[list[int]], tokens: int) -> Rows:
    """Each text once, until there are enough tokens."""
    found: dict[tuple[int, ...], None] = {}
    for row in texts:
        if len(row) >= 4 and tuple(row) not in found:
            found[tuple(row)] = None
            tokens -= len(row) - 1
        if tokens <= 0:
            break
    return [list(row) for row in found]


def _read(target: "Target", file: str) -> Iterator[list[int]]:
    for number, line in lines("texts", file, "give lines of text, or leave it out"):
        yield from _pieces(target, _text_of(line, number, Path(file).name))


def _text_of(line: str, number: int, name: str) -> str:
    if not line.lstrip().startswith("{"):
        return line
    try:
        text = json.loads(line)["text"]
        text.encode()  # half of a surrogate pair is no text
    except (ValueError, LookupError, AttributeError, RecursionError):
        raise ArgumentError(f'line {number} of {name!r} cannot be used: a JSON line is {{"text": "..."}}') from None
    return str(text)


def _pieces(target: "Target", text: str) -> Iterator[list[int]]:
    """A text however long, each piece of it behind the token that begins one."""
    ids = target.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    bos = target.tokenizer.bos_token_id
    head = [] if bos is None else [int(bos)]
    ids = ids[1:] if head and ids[:1] == head else ids
    size = min(LENGTH, target.max_length) - len(head)
    for first in range(0, len(ids), size):
        yield [*head, *map(int, ids[first : first + size])]


def _written(target: "Target", tokens: int, seed: int) -> Iterator[list[int]]:
    """What the target writes from nothing, and in a person's place, at temperature 1."""
    starts = _starts(target)
    length = min(LENGTH, target.max_length) - max(map(len, starts))
    done, number = 0, 0
    while done < 3 * tokens:  # some of it repeats
        report("the model writes text to learn from", min(1.0, done / tokens))
        start = starts[number % len(starts)]
        said = target.generate([start] * _BATCH, max_new_tokens=length, temperature=1.0, seed=seed + number)
        for one in said:
            done += max(1, len(one.tokens))
            yield [*start, *one.tokens]
        number += 1


def _starts(target: "Target") -> list[list[int]]:
    """The beginning of a text, and of a dialogue up to where a person would speak."""
    tokenizer = target.tokenizer
    first = next(int(t) for t in (tokenizer.bos_token_id, tokenizer.eos_token_id, 0) if t is not None)
    if tokenizer.chat_template is None:
        return [[first]]
    one, two = (target.encode_chat([{"role": "user", "content": text}]) for text in ("yes", "no"))
    shared = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), len(one))
    room = min(LENGTH, target.max_length) // 2  # some templates begin with a long system prompt
    return [[first], one[:shared]] if 0 < shared <= room else [[first]]
