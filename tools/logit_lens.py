"""What would the model say if it stopped at this layer?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Cell, TokenGrid, Tracked
from evidence.errors import ArgumentError
from target.turn import report
from tools._arguments import Layer, Text, TopK
from tools._tool import tool

if TYPE_CHECKING:
    from target.target import Reading, Target

MOST_POSITIONS = 64


@tool(
    capability="read",
    asked_as=[
        "show me layer {layer}",
        "show me layer {layer} of {target}",
        'show me the logit lens on "{text}"',
        'logit lens for "{text}"',
        'what does {target} think at layer {layer} on "{text}"?',
        'what happens inside on "{text}"?',
        "what is in the residual stream?",
        "look inside layer {layer}",
        "and in layer {layer}?",
        "read the layers",
        "where does the word {word} appear inside?",
        "what would it say if it stopped at layer {layer}?",
        'decode the hidden states on "{text}"',
    ],
)
def logit_lens(
    target: "Target",
    text: Text = "give me a hint.",
    *,
    chat: bool = True,
    layers: Annotated[list[Layer], Field(max_length=200)] | None = None,
    top_k: TopK = 5,
    track: Annotated[list[str], Field(max_length=10)] | None = None,
    other: "Target | None" = None,
) -> TokenGrid:
    """Decode the residual stream after every layer with the model's own final norm and unembedding.

    Shows where a prediction first appears and when it becomes certain; with an adapter, the base
    reads the same text as control. Early layers are often unreadable in the final basis, so a token
    that is absent there is not evidence of absence, and a token that is present may only follow from
    the text.

    Source: nostalgebraist, "interpreting GPT: the logit lens" (2020)

    Args:
        text: The text to read, once through the model.
        chat: Whether the text is a person's message, read up to where the assistant begins to answer.
        layers: Which layers, 0-based; None for all.
        top_k: How many tokens to keep in each cell.
        track: Words to follow through all layers at the last position, each one token long.
    """
    wanted = [target.check_layer(layer) for layer in layers] if layers else list(range(target.num_layers))
    ids = target.encode_chat([{"role": "user", "content": text}]) if chat else target.encode(text)
    if len(ids) > MOST_POSITIONS:
        raise ArgumentError(f"the text has {len(ids)} tokens: the lens shows at most {MOST_POSITIONS}, shorten it")
    tracked = {word: _token(target, word) for word in track or []}
    report("reading every layer")
    own = target.lens([ids], wanted, top_k, list(tracked.values()))[0]
    control = other or (target.base if target.has_adapter else None)
    if control:
        target.require_same_vocabulary(control)
    theirs = control.lens([ids], wanted, top_k, list(tracked.values()))[0] if control else None
    return TokenGrid(
        title=f"Logit lens of {target.name}",
        caveat="an absent token in an early layer is not evidence of absence; a present one may only follow from the text",
        positions=tuple(target.decode(token) for token in ids),
        layers=tuple(wanted),
        cells=_cells(target, own),
        control=_cells(target, theirs) if theirs else None,
        control_name=control.name if control else None,
        tracked=_follow(list(tracked), own, theirs),
    )


def _token(target: "Target", word: str) -> int:
    token = target.word_token(word)
    if token is None:
        raise ArgumentError(f"{word!r} is not one token of {target.name}: track a word that is, or a part of it")
    return token


def _cells(target: "Target", reading: "Reading") -> tuple[tuple[Cell, ...], ...]:
    names = {token: target.decode(token) for token in set(reading.tokens.flatten().tolist())}
    return tuple(
        tuple(
            Cell(tokens=tuple(names[t] for t in tokens), probabilities=tuple(round(p, 5) for p in probabilities))
            for tokens, probabilities in zip(row_tokens, row_probabilities, strict=True)
        )
        for row_tokens, row_probabilities in zip(reading.tokens.tolist(), reading.probabilities.tolist(), strict=True)
    )


def _follow(words: Sequence[str], own: "Reading", theirs: "Reading | None") -> tuple[Tracked, ...]:
    return tuple(
        Tracked(
            token=word,
            ranks=tuple(own.tracked_ranks[:, -1, i].tolist()),
            control_ranks=tuple(theirs.tracked_ranks[:, -1, i].tolist()) if theirs else None,
        )
        for i, word in enumerate(words)
    )
