"""Tokens and money a conversation has cost, as its model's server reported them, and what it may cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from evidence.errors import ArgumentError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from langchain_core.messages import AIMessage, BaseMessage

TOKENS = 1_000_000
"""What one conversation may cost unless somebody says otherwise."""
_LETTERS_A_TOKEN = 4


class Spent(TypedDict):
    """Tokens of a conversation so far."""

    read: int
    """Tokens the model read: prompts."""
    written: int
    calls: int
    guessed: bool
    """Whether a server did not report its tokens, so that they were estimated from letters."""


NOTHING = Spent(read=0, written=0, calls=0, guessed=False)


@dataclass(frozen=True)
class Budget:
    """What one conversation may cost; prices are dollars for a million tokens."""

    tokens: int = TOKENS
    dollars: float | None = None
    price_read: float | None = None
    price_written: float | None = None

    def cost(self, spent: Spent) -> float | None:
        """Dollars, where the prices are known."""
        if self.price_read is None or self.price_written is None:
            return None
        return (spent["read"] * self.price_read + spent["written"] * self.price_written) / 1e6

    def exceeded(self, spent: Spent) -> str | None:
        """A sentence when a limit is reached."""
        used = spent["read"] + spent["written"]
        if used >= self.tokens:
            return f"this conversation has used {used:,} tokens of the {self.tokens:,} it may use"
        cost = self.cost(spent)
        if self.dollars is not None and cost is not None and cost >= self.dollars:
            return f"this conversation has cost ${cost:.4f} of the ${self.dollars:.2f} it may cost"
        return None

    def told(self, spent: Spent) -> str:
        """The spend in a few words; empty when nothing was spent."""
        if not spent["calls"]:
            return ""
        cost = self.cost(spent)
        money = f", ${cost:.4f}" if cost is not None else ""
        about = "about " if spent["guessed"] else ""
        return f"{about}{spent['read']:,} tokens read, {spent['written']:,} written{money}"


def prices(text: str) -> tuple[float, float]:
    """Prices from "READ/WRITTEN", dollars for a million tokens.

    Raises:
        ArgumentError: the text is none.
    """
    try:
        read, written = (float(part) for part in text.split("/"))
    except ValueError as error:
        raise ArgumentError(
            f"{text!r} is no price: give dollars for a million tokens, read/written, as 0.15/0.60"
        ) from error
    if min(read, written) < 0:
        raise ArgumentError(f"{text!r} is no price: both have to be 0 or more")
    return read, written


def added(spent: Spent, said: "AIMessage", shown: "Iterable[BaseMessage]") -> Spent:
    """The spend after one more reply to `shown`; the guide, which costs nothing, reports and adds nothing."""
    usage = said.usage_metadata
    if usage:
        return _sum(spent, usage["input_tokens"], usage["output_tokens"], guessed=False)
    letters = sum(len(str(message.content)) for message in shown)
    written = len(str(said.content)) + sum(len(str(call["args"])) for call in said.tool_calls)
    return _sum(spent, letters // _LETTERS_A_TOKEN, written // _LETTERS_A_TOKEN, guessed=True)


def _sum(spent: Spent, read: int, written: int, *, guessed: bool) -> Spent:
    return Spent(
        read=spent["read"] + read,
        written=spent["written"] + written,
        calls=spent["calls"] + 1,
        guessed=spent["guessed"] or guessed,
    )


def add_limits(parser: "ArgumentParser") -> None:
    """The options by which a person says what a conversation may cost."""
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=TOKENS,
        metavar="N",
        help="tokens one conversation may use (default: %(default)s)",
    )
    parser.add_argument("--max-dollars", type=float, metavar="X", help="what one conversation may cost; needs --price")
    parser.add_argument("--price", metavar="READ/WRITTEN", help="dollars for a million tokens, such as 0.15/0.60")


def limits(options: "Namespace") -> Budget:
    """The budget of those options.

    Raises:
        ArgumentError: a limit is no limit, or dollars are limited without a price.
    """
    if options.max_tokens < 1 or (options.max_dollars is not None and options.max_dollars <= 0):
        raise ArgumentError("a limit of nothing lets nobody speak: give --max-tokens or --max-dollars above 0")
    if options.max_dollars is not None and options.price is None:
        raise ArgumentError(
            "--max-dollars needs --price READ/WRITTEN, dollars for a million tokens: no server tells its own"
        )
    read, written = prices(options.price) if options.price else (None, None)
    return Budget(options.max_tokens, options.max_dollars, read, written)
