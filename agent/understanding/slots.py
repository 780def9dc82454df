"""The typed arguments in what a person writes: targets, layers, texts in quotes, numbers by what they count, words, names."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agent.understanding import counts, models_named, quotes, words

_EVIDENCE = re.compile(r"\bE\d+\b")
_DICTIONARY = re.compile(r"[\w@./-]+-(sae|matryoshka|itda|crosscoder)(?:-[\w-]+?)?-layer-?\d+", re.IGNORECASE)
_ASKED_OF = re.compile(
    r"^(?:please\s+|now\s+|then\s+)?(?:ask|tell|say to)\s+(?:it|him|them|the (?:target|model)|this model|[\w@-]+\d)[,:]?\s+"
    r"(?:to\s+|that\s+)?(?P<text>.+)$",
    re.IGNORECASE,
)
_BASE = re.compile(
    r"\b(?:the |its |own )?(?:base|original|untuned|un-?fine-?tuned|pre-?trained)(?: model| one| checkpoint)?\b(?!@)",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"\b(?:from|against|than|with|versus|vs\.?|beside|and|in place of|instead of|(?:compar\w+|relative|next|close\w*|similar) to)\s+"
    r"(?:the )?(?:model |target )?$",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"\b(?:against|versus|vs\.?|than|compared (?:to|with)|beside)\s+(?:the )?(?:model |target )?$", re.IGNORECASE
)
_INSTEAD = re.compile(r"\b(?:in place of|instead of|rather than) (?:the |its )?base\b", re.IGNORECASE)
_ROLES: tuple[quotes.Role, ...] = ("system", "prefill", "name", "word", "other word", "inspection")
STAND_INS = {"{target}": "this model", "{text}": "this text", "{layer}": "5", "{word}": "fox"}


@dataclass(frozen=True)
class Slots:
    """The typed arguments found in an utterance."""

    said: str = ""
    """The utterance itself, where it may be read by more than rules; else empty."""
    rest: str = ""
    """The utterance without quotations, targets and names of dictionaries."""
    target: str | None = None
    """A known target, typos mended."""
    unknown_target: str | None = None
    """Something written like a target that none is called."""
    other: str | None = None
    """A second known target."""
    beside: bool = False
    """Whether the target is named as what something is compared with: "how does it differ from taboo-11"."""
    against: bool = False
    """Whether that is beyond doubt: "against taboo-11", "rather than the base"."""
    base: bool = False
    """Whether the base model is spoken of."""
    layers: tuple[int, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    """What stands in quotes, or after "ask it"; texts that are listed together are one group."""
    quoted_words: tuple[str, ...] = ()
    """What stands in quotes after "the word"."""
    other_word: str | None = None
    """A single word in quotes that another is held against."""
    system: str | None = None
    prefill: str | None = None
    inspection: str | None = None
    new_name: str | None = None
    dictionary: str | None = None
    evidence: tuple[str, ...] = ()
    head: int | None = None
    feature: int | None = None
    strength: float | None = None
    temperature: float | None = None
    samples: int | None = None
    k: int | None = None
    tokens: int | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for group in self.groups for text in group)

    @property
    def text(self) -> str | None:
        return self.texts[0] if self.texts else None

    def words(self, *, loose: bool = True) -> tuple[str, ...]:
        """Words given without quotes."""
        return words.said_words(self.rest, loose=loose)

    @property
    def called_words(self) -> tuple[str, ...]:
        """Words given without quotes that are called so: "the word fox"."""
        return words.called_words(self.rest)

    @property
    def bare(self) -> int | None:
        """A number that nothing says what it counts."""
        return counts.bare(self.rest)

    def names(self, known: Collection[str] = ()) -> tuple[str, ...]:
        """Names of directions or probes."""
        return words.names(self.rest, known)

    @property
    def any(self) -> bool:
        """Whether the person gave something to work with."""
        return bool(
            self.target
            or self.layers
            or self.groups
            or self.quoted_words
            or self.evidence
            or self.counted
            or self.prefill
            or self.system
        )

    @property
    def counted(self) -> bool:
        """Whether a number is given whose meaning is said."""
        numbers = (self.head, self.feature, self.strength, self.temperature, self.samples, self.k, self.tokens)
        return any(number is not None for number in numbers)


def parse(utterance: str, targets: Sequence[str]) -> tuple[Slots, str]:
    """The arguments in an utterance, and the utterance with stand-ins where they were."""
    said = utterance.strip()
    quoted = quotes.quotes(said)
    plain = quotes.masked(said, quoted, STAND_INS["{text}"])
    bare = quotes.masked(said, quoted, " ; ")
    by_role = {role: tuple(q.text for q in quoted if q.role == role) for role in _ROLES}
    groups = _groups(quoted)
    if not quoted and (asked := _ASKED_OF.match(said)):
        groups = ((asked["text"],),)
    dictionary = _DICTIONARY.search(bare)
    bare = _DICTIONARY.sub(" ", bare)
    plain = _DICTIONARY.sub(r"the \1", plain)
    target, unknown, rest = models_named.named(bare, targets, " ; ")
    before = bare[: _differing(bare, rest)]
    against = target is not None and bool(_AGAINST.search(before) or _INSTEAD.search(rest))
    beside = against or (target is not None and bool(_BESIDE.search(before)))
    bare = rest
    other, _, bare = models_named.named(bare, targets, " ; ") if target else (None, None, bare)
    for name in (target, other):
        if name:
            _, _, plain = models_named.named(plain, targets, STAND_INS["{target}"])
    slots = Slots(
        rest=bare,
        target=target,
        unknown_target=unknown,
        other=other,
        beside=beside,
        against=against,
        base=bool(_BASE.search(bare)),
        layers=counts.layers(bare),
        groups=groups,
        quoted_words=by_role["word"],
        other_word=next(iter(by_role["other word"]), None),
        system=next(iter(by_role["system"]), None),
        prefill=next(iter(by_role["prefill"]), None),
        inspection=next(iter(by_role["inspection"]), None),
        new_name=next(iter(by_role["name"]), None) or words.new_name(bare),
        dictionary=dictionary[0] if dictionary else None,
        evidence=tuple(_EVIDENCE.findall(bare)),
        head=counts.head(bare),
        feature=counts.feature(bare),
        strength=counts.strength(bare),
        temperature=counts.temperature(bare),
        samples=counts.samples(bare),
        k=counts.top(bare),
        tokens=counts.tokens(bare),
    )
    return slots, plain


def _differing(one: str, other: str) -> int:
    """Where two texts begin to differ."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _groups(quoted: list[quotes.Quote]) -> tuple[tuple[str, ...], ...]:
    numbers = dict.fromkeys(q.group for q in quoted if q.role == "text")
    return tuple(tuple(q.text for q in quoted if q.role == "text" and q.group == number) for number in numbers)
