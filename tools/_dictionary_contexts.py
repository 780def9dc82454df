"""Where a feature fires most, as a reader sees it."""

from typing import TYPE_CHECKING, Any

from evidence.errors import ToolError
from tools._dictionary_index import PARTS

if TYPE_CHECKING:
    from target.target import Target
    from tools._dictionary import Dictionary


def recorded(dictionary: "Dictionary", feature: int) -> dict[str, Any] | None:
    """What the index says of one feature; None where the dictionary came without one.

    Raises:
        ToolError: the index cannot be read.
    """
    if dictionary.index is None:
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(dictionary.index, framework="pt") as file:
            return {name: file.get_slice(name)[feature] for name in PARTS}
    except (OSError, SafetensorError) as error:
        raise ToolError(f"the index of {dictionary.name} cannot be read ({error}): restore the file") from error


def contexts(target: "Target", dictionary: "Dictionary", feature: int) -> list[tuple[float, list[str], int]]:
    """Its strongest contexts: how strongly it fires, the tokens around, and which of them is the peak."""
    one = recorded(dictionary, feature)
    found = []
    for tokens, peak, value in zip(*(one[name] for name in PARTS[:3]), strict=True) if one else ():
        if float(value) > 0:
            words = [target.decode(token) for token in tokens.tolist() if token >= 0]
            found.append((float(value), words, int(peak)))
    return found


def marked(words: list[str], peak: int) -> str:
    """A context with its peak marked."""
    return " ".join(f"»{word}«" if place == peak else word for place, word in enumerate(words))


def best_context(target: "Target", dictionary: "Dictionary", feature: int, reach: int = 6) -> str:
    """The strongest context, cut to a few words around the peak."""
    found = contexts(target, dictionary, feature)
    if not found:
        return "no context was recorded"
    _, words, peak = found[0]
    first = max(0, peak - reach)
    return marked(words[first : peak + reach + 1], peak - first)
