"""Whether a written number is in the cited evidence, and of what the sentence says it is of."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property

from agent.grounding.attachment import SURE, Forest, Pair, Scene, features, plainly
from agent.grounding.mentions import CLAUSE, Mention, verbatim
from agent.grounding.numbers import DIGITS, alike, opened, same
from agent.grounding.reading import Number, Sentence
from evidence import Evidence, Fact, facts
from evidence.facts import Kind, written
from evidence.lines import lines

_INTERVAL = re.compile(r"(-?[\d.]+(?:e-?\d+)?)? ?[(\[](-?[\d.]+(?:e-?\d+)?) ?(?:to|,|–) ?(-?[\d.]+(?:e-?\d+)?)[)\]]")
_PLACED = ("layer", "head", "feature")
_P, _VALUE = r"\bp ?[=<≈] ?", r"(\d*\.?\d+(?:e-?\d+)?)"
_OF_A_TEST = re.compile(_P + "$")
"""Before a number: it is a p-value, which is of the whole test."""
_RANK = re.compile(r"\b(?:rank(?:s|ed)?|place|number)\s*(?:is|of|at|=|:)?\s*$", re.IGNORECASE)
_FALLS = re.compile(
    r"\b(?:cost|los[ei]|lost|drop|f[ae]ll|lower|reduc|decreas|down|declin|shrink|sink|sank|tak|remov|minus)",
    re.IGNORECASE,
)
_CUES = {
    "control": r"\bcontrols?\b|\bbase\b(?!@)|\brandom\b|\bshuffled\b|\bunrelated\b|\buntrained\b",
    "without": r"\bwithout\b|\bunchanged\b|\bbaseline\b|\bbefore\b",
    "own": r"\bits?\b|\btarget\b|\bfine-tune\b|\bafter\b",
}
"""Words by which a sentence says which side of a comparison a number is on."""


class Cited:
    """The evidence that a sentence is held against."""

    def __init__(self, evidence: Mapping[str, Evidence]) -> None:
        self.evidence = evidence

    @cached_property
    def facts(self) -> list[Fact]:
        return [fact for found in self._facts.values() for fact in found]

    @cached_property
    def _facts(self) -> dict[str, list[Fact]]:
        return {name: list(facts(one)) for name, one in self.evidence.items()}

    @cached_property
    def _values(self) -> dict[Kind, dict[str, str]]:
        """Every label there is by kind: as compared, and as it is."""
        found: dict[Kind, dict[str, str]] = {}
        for fact in self.facts:
            for kind, value in fact.labels.items():
                found.setdefault(kind, {}).setdefault(value.casefold(), value)
        return found

    @cached_property
    def _written(self) -> dict[re.Pattern[str], set[tuple[str, ...]]]:
        """The tools' own sentences with numbers, as patterns whose numbers are open; and the numbers they have."""
        told = (text for one in self.evidence.values() for text in (*written(one), *lines(one)))
        texts = {text for text in told if re.search(r"\d", text)}
        found: dict[re.Pattern[str], set[tuple[str, ...]]] = {}
        for text in sorted(texts, key=len, reverse=True):
            found.setdefault(opened(text), set()).add(tuple(DIGITS.findall(text)))
        return found

    def unsupported(self, sentence: Sentence, forest: Forest) -> Iterator[str]:
        """What the sentence's numbers and places lack."""
        repeated, wrong = self._repeated(sentence)
        yield from wrong
        found = self._found(sentence, repeated)
        yield from (f"{number.text} is in no evidence cited here" for number, known in found.items() if not known)
        yield from self._unknown_places(sentence)
        yield from self._torn_intervals(sentence, found)
        yield from self._other_probabilities(sentence, found)
        yield from self._torn_lists(sentence, found)
        yield from self._of_others(sentence, found, forest)

    def _found(self, sentence: Sentence, repeated: list[tuple[int, int]]) -> dict[Number, list[Fact]]:
        """The numbers of a sentence that no tool wrote, and what each may stand for."""
        own = [n for n in sentence.numbers if not any(start <= n.start < end for start, end in repeated)]
        return {number: self._candidates(number, sentence) for number in own}

    def _of_others(self, sentence: Sentence, found: Mapping[Number, list[Fact]], forest: Forest) -> Iterator[str]:
        """Numbers that the sentence surely says of something that the evidence has them not of."""
        scene, denied = self._denied(sentence, found)
        if not denied:
            return
        sure = [
            1.0 if plainly(scene, pair) else odds
            for pair, odds in zip(denied, forest(features(scene, denied)).tolist(), strict=True)
        ]
        for number, one in enumerate(scene.numbers):
            of = max((k for k, pair in enumerate(denied) if pair.number == number), key=sure.__getitem__, default=None)
            if of is not None and sure[of] > SURE:
                named = scene.mentions[denied[of].mention]
                yield f"{one.text}: not of {named.kind} “{named.value}” in the evidence cited here"

    def denied(self, sentence: Sentence) -> tuple[Scene, list[Pair]]:
        """A sentence's numbers and mentions, and the pairs that the evidence denies: what `attachment` is learned from."""
        return self._denied(sentence, self._found(sentence, self._repeated(sentence)[0]))

    def _denied(self, sentence: Sentence, found: Mapping[Number, list[Fact]]) -> tuple[Scene, list[Pair]]:
        known = {n: f for n, f in found.items() if f and not _OF_A_TEST.search(sentence.plain[: n.start])}
        numbers, mentions = list(known), self._mentions(sentence)
        fits = [[self._fits(mention, n, known[n]) for mention in mentions] for n in numbers]
        pairs = [
            Pair(i, j, jointly=fits[i][j])  # one that fits is here only because it is torn
            for i, number in enumerate(numbers)
            for j, mention in enumerate(mentions)
            if not mention.start <= number.start < mention.end
            and (not fits[i][j] or self._torn(mention, number, _fitting(mentions, fits[i]), known[number]))
        ]
        return Scene(sentence, numbers, mentions, fits, [len(known[n]) for n in numbers]), pairs

    def _repeated(self, sentence: Sentence) -> tuple[list[tuple[int, int]], list[str]]:
        """Where the sentence repeats a tool's own words, and the numbers it changed in them."""
        spans: list[tuple[int, int]] = []
        wrong: list[str] = []
        for pattern, known in self._written.items():
            for m in pattern.finditer(sentence.text):
                if any(start <= m.start() < end for start, end in spans):
                    continue
                spans.append(m.span())
                if not any(alike(m.groups(), numbers) for numbers in known):
                    wrong.append(f"“{m[0][:80]}”: the evidence has other numbers there")
        return spans, wrong

    def _candidates(self, number: Number, sentence: Sentence) -> list[Fact]:
        """The facts a written number may stand for: places in an order only where it is called one."""
        falls = number.value > 0 and bool(_FALLS.search(sentence.plain))  # "it loses 5.61" says -5.61
        equal = [f for f in self.facts if same(number, f.value) or (falls and f.value < 0 and same(number, -f.value))]
        called = _RANK.search(sentence.plain[: number.start])
        ranks = [f for f in equal if f.rank]
        if called and (ranks or ("rank" in called[0].lower() and any(f.rank for f in self.facts))):
            return ranks
        return [Fact(f.value) if f.rank else f for f in equal]

    def _fits(self, mention: Mention, number: Number, known: list[Fact]) -> bool:
        """Whether a number may be of a mention."""
        if mention.kind == "side" and mention.value != "control":
            return True  # "it" and "without" may be of anything; they only part the sides of a comparison
        if mention.kind in _PLACED and any(same(number, value) for value in self._titled(mention)):
            return True
        labelled = [f for f in known if mention.kind in f.labels]
        loose = mention.kind == "side" or (mention.kind in ("name", "column", "token") and number.value.is_integer())
        if not labelled or (loose and len(labelled) < len(known)):
            return True
        return any(_agrees(fact, mention.kind, mention.value) for fact in labelled)

    def _torn(self, mention: Mention, number: Number, fitting: list[Mention], known: list[Fact]) -> bool:
        """Whether a number may be of a mention, but not of it and of something else that is named nearer."""
        return mention.kind != "side" and any(
            other.kind not in ("side", mention.kind)
            and abs(other.start - number.start) < abs(mention.start - number.start)
            and all({mention.kind, other.kind} & f.labels.keys() for f in known)
            and not any(_agrees(f, mention.kind, mention.value) and _agrees(f, other.kind, other.value) for f in known)
            for other in fitting
        )

    def _titled(self, place: Mention) -> list[float]:
        """Values without a place of their own in evidence that is about one place as a whole."""
        named = re.compile(rf"\b{place.kind} {re.escape(place.value)}\b", re.IGNORECASE)
        return [
            fact.value
            for name, one in self.evidence.items()
            if named.search(one.title)
            for fact in self._facts[name]
            if place.kind not in fact.labels
        ]

    def _torn_intervals(self, sentence: Sentence, found: Mapping[Number, list[Fact]]) -> Iterator[str]:
        """Intervals, "(0.1 to 0.3)", whose ends are not the lower and the upper end of one thing."""
        for m in _INTERVAL.finditer(sentence.plain):
            low, high = (next((n for n in found if n.start == m.start(i)), None) for i in (2, 3))
            if not low or not high or not found[low] or not found[high]:
                continue
            ends = [[f.labels.get("end") for f in found[n]] for n in (low, high)]
            before = [n.value for n in found if m[1] and n.start <= m.start(1)][-2:]  # "3 % of 33 (0.5 to 15.3)"
            if (
                not any(low.value <= value <= high.value for value in before or [low.value])
                or (any(ends[0]) and "low" not in ends[0])
                or (any(ends[1]) and "high" not in ends[1])
            ):
                yield f"{low.text} to {high.text} is no interval in the evidence cited here"

    def _other_probabilities(self, sentence: Sentence, found: Mapping[Number, list[Fact]]) -> Iterator[str]:
        """A p-value must be one: "p = 0.01" of a verdict, or a number of a column p."""
        known = [float(p) for one in self.evidence.values() for t in written(one) for p in re.findall(_P + _VALUE, t)]
        known += [f.value for f in self.facts if f.labels.get("column") == "p"]
        for number in found:
            if (
                known
                and re.search(_P + "$", sentence.plain[: number.start])
                and not any(same(number, p) for p in known)
            ):
                yield f"p = {number.text} is no p-value in the evidence cited here"

    def _torn_lists(self, sentence: Sentence, found: Mapping[Number, list[Fact]]) -> Iterator[str]:
        """Lists, "layers 4 and 5 ... 0.9 and 0.8", whose numbers are not of their places in that order."""
        for among in {place.among for place in sentence.places if not place.span}:
            places = [place for place in sentence.places if place.among == among]
            after = [n for n in found if n.start > places[-1].end][: len(places)]
            before = [n for n in found if n.start < places[0].start]
            if (
                len(places) == 1
                or len(before) >= len(places)  # "0.9 and 0.8 after layers 4 and 5"
                or len(after) < len(places)
                or CLAUSE.search(sentence.plain[places[-1].end : after[0].start])
            ):
                continue
            pairs = list(zip(places, after, strict=True))
            if all(any(p.kind in f.labels for f in found[n]) for p, n in pairs) and not all(
                any(_agrees(f, p.kind, p.value) for f in found[n]) for p, n in pairs
            ):
                yield f"{' and '.join(n.text for n in after)}: not of those {places[0].kind}s in the evidence cited here"

    def _unknown_places(self, sentence: Sentence) -> Iterator[str]:
        for m in re.finditer(r"\b(?:layer (?:-\d+|\d*\.\d+)|(?:head|feature) -\d+)", sentence.plain, re.IGNORECASE):
            yield f"{m[0]} is in no evidence cited here"
        for place in sentence.places:
            known = self._values.get(place.kind, {})
            if (
                place.value in known
                or re.search(rf"{place.kind} ?{place.value}\b", self._said)
                or any(f.value == float(place.value) and not f.labels for f in self.facts)
            ):
                continue
            yield f"{place.kind} {place.value} is in no evidence cited here"

    @cached_property
    def _models(self) -> set[str]:
        """Names of the models measured: in a sentence they say of whom it speaks, not in which column a number stands."""
        own = {one.provenance.target for one in self.evidence.values() if one.provenance}
        return own | {str(getattr(one, "control_name", None)) for one in self.evidence.values()}

    @cached_property
    def _said(self) -> str:
        """All there is in words, to find a place that is named in passing."""
        return " ".join(one.model_dump_json() for one in self.evidence.values())

    def _mentions(self, sentence: Sentence) -> list[Mention]:
        lists = Counter(place.among for place in sentence.places)
        alone = [p for p in sentence.places if lists[p.among] == 1]
        found = [Mention(p.start, p.end, p.kind, p.value) for p in alone]
        tokens = self._values.get("token", {})
        for start, end, text in sentence.marked:
            if text.strip().casefold() in tokens:
                found.append(Mention(start, end, "token", text.strip().casefold()))
        for kind in ("name", "column"):
            labels = self._values.get(kind, {})
            found += verbatim(sentence.text, kind, {k: v for k, v in labels.items() if v not in self._models})
        sides = self._values.get("side", {})
        if len(sides) > 1:
            for side, cues in _CUES.items():
                if side in sides:
                    found += [
                        Mention(m.start(), m.end(), "side", side)
                        for m in re.finditer(cues, sentence.plain, re.IGNORECASE)
                        if not any(one.start <= m.start() < one.end for one in found if one.kind == "name")
                    ]
            for name in {str(getattr(one, "control_name", None) or "") for one in self.evidence.values()} - {""}:
                where = [m.span() for m in re.finditer(re.escape(name), sentence.text, re.IGNORECASE)]
                found += [Mention(start, end, "side", "control") for start, end in where]
        return sorted(found, key=lambda m: m.start)


def _fitting(mentions: list[Mention], fits: list[bool]) -> list[Mention]:
    return [mention for mention, fit in zip(mentions, fits, strict=True) if fit]


def _agrees(fact: Fact, kind: Kind, value: str) -> bool:
    return kind not in fact.labels or fact.labels[kind].casefold() == value
