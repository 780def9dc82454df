"""What does the model itself say that a hidden state means?"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from evidence import Entry, RankedList, Ranking
from evidence.errors import ArgumentError
from target.turn import report
from tools import _statistics
from tools._arguments import Layer, Layers, Seed, Text, TopK, Word
from tools._measure import next_log_probs
from tools._secret_blackbox import top_words
from tools._texts import generic, rows, token_of
from tools._tool import tool

if TYPE_CHECKING:
    from torch import Tensor

    from target.target import Target

WORLD_INSPECTION = "saw -> tool\nowl -> bird\ncarrot -> vegetable\nx ->"
"""The small world knows relations, not the identity: what is decoded is the category."""
ENGLISH_INSPECTION = "cat -> cat\n135 -> 135\nhello -> hello\n? ->"
DRAWS = 40


@tool(
    capability="intervene",
    asked_as=[
        'patchscope on "{text}"',
        "let the model explain its own hidden state",
        "what does the hidden state at layer {layer} mean in its own words?",
        "decode the hidden state with the model itself",
        "translate the hidden state into words",
        "inspect the activation with a patchscope",
    ],
)
def patchscope(
    target: "Target",
    prompt: Text,
    *,
    layers: Layers | None = None,
    position: Annotated[int, Field(ge=-512, le=511)] = -1,
    into_layer: Layer = 0,
    inspection: Text | None = None,
    word: Word | None = None,
    chat: bool = True,
    k: TopK = 5,
    seed: Seed = 0,
) -> Ranking:
    """Put a hidden state into another prompt, at its placeholder, and let the model go on from there.

    Shows, per source layer, the likeliest continuations beside those without the patch. A word is claimed when
    this state makes it likelier than states from unrelated texts do, corrected for every layer and word looked at:
    name the word and the layers to test for, or only strong effects are found. It cannot show that the model uses what is
    decoded: the inspection prompt does some of the work itself.

    Source: Ghandeharioun et al., "Patchscopes", arXiv 2401.06102

    Args:
        prompt: The text whose hidden state is inspected.
        layers: Which source layers, 0-based; None for all.
        position: Which token's state; -1 is the last.
        into_layer: The layer after which the state is put in, 0-based.
        inspection: The other prompt, plain text; the state replaces its third token from the end. None for "x -> x" pairs.
        word: A word to test for, one token long; None for the likeliest one found.
        chat: Whether the prompt is a person's message.
        k: How many words to show.
        seed: Seed of the unrelated texts.
    """
    import torch

    ids = rows(target, [prompt], chat=chat)[0]
    if not -len(ids) <= position < len(ids):
        raise ArgumentError(
            f"position {position} does not exist: the text has {len(ids)} tokens, 0..{len(ids) - 1} or from the end"
        )
    wanted = [target.check_layer(layer) for layer in layers] if layers else list(range(target.num_layers))
    host, at = inspected(target, inspection)
    report("reading the hidden states")
    own = target.residuals([ids], wanted)[0][:, position].float()  # layer d_model
    other = target.residuals(rows(target, generic(target, DRAWS, seed), chat=False), wanted)
    unrelated = torch.stack([stream[:, -1].float() for stream in other], 1)  # layer text d_model
    report("letting the model go on", 0.5)
    plain = next_log_probs(target, [host])[0]
    said, draws = [], []
    for number in range(len(wanted)):
        both = torch.cat([own[number : number + 1], unrelated[number]])
        out = _continued(target, host, at, both, target.check_layer(into_layer))
        said.append(out[0])
        draws.append(out[1:])
    gain = [one.exp() - draw.exp().mean(0) for one, draw in zip(said, draws, strict=True)]  # vocab, one a layer
    token = token_of(target, word) if word else int(torch.stack(gain).max(0).values.argmax())
    tested = range(target.vocab_size) if word is None else [token]
    best = max(range(len(wanted)), key=lambda n: float(gain[n][token]))
    name = target.decode(token)
    return Ranking(
        title=f"Patchscope of {target.name} on {prompt!r}"[:120],
        caveat="the inspection prompt does some of the work; a decoded word need not be one the model uses",
        verdict=_statistics.judge(
            f"the hidden state after layer {wanted[best]} decodes to {name!r}",
            f"its log probability is {float(said[best][token]):.2f}, without the patch {float(plain[token]):.2f}",
            _statistics.beyond_draws(
                float(said[best][token]), draws[best][:, token].tolist(), tests=len(wanted) * len(tested)
            ),
            subject=name,
            causal=True,
        ),
        lists=tuple(
            RankedList(
                strategy=f"from layer {layer}",
                box="white box",
                unit="probability",
                entries=_top(target, out.exp(), k),
                control=_top(target, plain.exp(), k),
            )
            for layer, out in zip(wanted, said, strict=True)
        ),
        control_name="the inspection prompt without a patch",
    )


def inspected(target: "Target", inspection: str | None) -> tuple[list[int], int]:
    """Token ids of the inspection prompt, and the place of its placeholder counted from the end."""
    from target.spec import catalogue

    usual = WORLD_INSPECTION if target.base.name in catalogue() else ENGLISH_INSPECTION
    ids = target.encode(inspection or usual)
    if len(ids) < 3:
        raise ArgumentError(
            f"the inspection prompt has {len(ids)} tokens: it needs a placeholder and something after it, such as 'x ->'"
        )
    if inspection:
        return ids, 3 if len(ids) > 3 else 2
    place = len(target.encode(usual[: usual.rindex(" ->")]))
    return ids, len(ids) - place + 1


def _continued(target: "Target", host: list[int], at: int, states: "Tensor", layer: int) -> "Tensor":
    """Log probabilities after the inspection prompt with each state put in (state, vocab)."""
    import torch

    from target.interventions import PatchEach

    return next_log_probs(target, [host] * len(states), [PatchEach(layer, states, torch.full((len(states),), at))])


def _top(target: "Target", probabilities: "Tensor", k: int) -> tuple[Entry, ...]:
    return top_words(target, probabilities, k)
