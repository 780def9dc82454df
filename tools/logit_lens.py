"""What would the model say if it stopped at this layer?"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from evidence import Cell, TokenGrid, Tracked, Verdict
from evidence.errors import ArgumentError
from target.turn import report
from tools import _statistics
from tools._arguments import Layers, Prefill, Seed, Text, TopK, Words
from tools._lenses import Method, translation
from tools._texts import generic, rows, token_of
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Reading, Target

MOST_POSITIONS = 64
UNRELATED = 40


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
        "read the layers",
        "where does the word {word} appear inside?",
        "what would it say if it stopped at layer {layer}?",
        'decode the hidden states on "{text}"',
    ],
)
def logit_lens(
    target: "Target",
    prompt: Text = "give me a hint.",
    *,
    chat: bool = True,
    prefill: Prefill = "",
    layers: Layers | None = None,
    method: Method = "raw",
    k: TopK = 5,
    words: Words | None = None,
    other: "Target | None" = None,
    seed: Seed = 0,
) -> TokenGrid:
    """Decode the residual stream after every layer with the model's own final norm and unembedding.

    Shows where a prediction first appears and when it becomes certain; with an adapter, the base
    reads the same text as control. A followed word is judged against the same reading of unrelated texts.
    Early layers are often unreadable in the final basis, so a token that is absent there is not evidence of
    absence, and a token that is present may only follow from the text.

    Source: nostalgebraist, "interpreting GPT: the logit lens" (2020); tuned lens, Belrose et al., arXiv 2303.08112

    Args:
        prompt: The text to read, once through the model.
        chat: Whether the text is a person's message, read up to where the assistant begins to answer.
        prefill: The beginning of the answer, put into the target's mouth; read with the rest.
        layers: Which layers, 0-based; None for all.
        method: Decode as it is; with each layer's mean moved to the last layer's; or through translators fitted on generic text.
        k: How many tokens to keep in each cell.
        words: Words to follow through all layers at the last position, each one token long.
        seed: Seed of the generic texts that controls and translators are made from.
    """
    wanted = [target.check_layer(layer) for layer in layers] if layers else list(range(target.num_layers))
    ids = rows(target, [prompt], chat=chat, prefill=prefill)[0]
    if len(ids) > MOST_POSITIONS:
        raise ArgumentError(f"the text has {len(ids)} tokens: the lens shows at most {MOST_POSITIONS}, shorten it")
    tokens = [token_of(target, word) for word in words or []]
    translate, said = translation(target, method, wanted, seed)
    report("reading every layer")
    own = target.lens([ids], wanted, k, tokens, translate)[0]
    control = other or (target.base if target.has_adapter else None)
    if control:
        target.require_same_vocabulary(control)
    theirs = control.lens([ids], wanted, k, tokens, translate)[0] if control else None
    return TokenGrid(
        title=f"Logit lens of {target.name}" + ("" if method == "raw" else f", {method}"),
        caveat=f"{said}; a present token may only follow from the text",
        verdict=_verdict(target, words or [], tokens, own, wanted, translate, seed) if tokens else None,
        positions=tuple(target.decode(token) for token in ids),
        layers=tuple(wanted),
        cells=_cells(target, own),
        control=_cells(target, theirs) if theirs else None,
        control_name=control.name if control else None,
        tracked=_follow(words or [], own, theirs),
    )


def _verdict(
    target: "Target", words: Sequence[str], tokens: list[int], own: "Reading", layers: list[int],
    translate: "Callable[[Tensor], Tensor] | None", seed: int,
) -> Verdict:  # fmt: skip
    """Is a word likelier here than where unrelated texts end, and than other words are here? Both must hold."""
    import torch

    report("reading unrelated texts", 0.5)
    others = target.lens(rows(target, generic(target, UNRELATED, seed), chat=False), layers, 1, tokens, translate)
    usual = torch.stack([reading.tracked_log_probs[:, -1] for reading in others])  # text layer word
    here, ranks = own.tracked_log_probs[:, -1], own.tracked_ranks[:, -1]  # layer word
    cells = [(i, j) for i in range(len(layers)) for j in range(len(tokens))]
    tests = {
        cell: _statistics.beyond_draws(float(here[cell]), usual[(slice(None), *cell)].tolist(), tests=len(cells))
        for cell in cells
    }
    rarity = {cell: min(1.0, float(ranks[cell]) / target.vocab_size * len(cells)) for cell in cells}
    best = min(cells, key=lambda cell: (max(tests[cell].p, rarity[cell]), -float(here[cell])))
    p = max(tests[best].p, rarity[best])
    return _statistics.judge(
        f"after layer {layers[best[0]]} the text makes {words[best[1]]!r} likelier than unrelated texts do, and than other words",
        f"its log probability is {float(here[best]):.2f}, rank {int(ranks[best])} of {target.vocab_size}",
        _statistics.Test(p, f"{tests[best].how.rpartition(';')[0]}; p = {p:.2g} over {len(cells)} places"),
        subject=words[best[1]],
    )


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
