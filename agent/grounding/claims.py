"""Verdicts, targets and quoted words of an answer against the evidence: what is claimed, of whom, beside which control."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.grounding.conclusions import CONTROL, Outcome, concludes, names_it, outcomes_of
from agent.grounding.learned import Models, Reading
from agent.grounding.parts import Part, around, parts
from agent.grounding.reading import CITATION, Sentence
from evidence import Evidence, Verdict
from evidence.facts import sentences as said_by
from target.spec import public_names

LONG = 12
"""Signs from which on a repeated text is taken for a quotation."""
_CONFIDENCE = re.compile(r"\bconfidence\b(?! intervals?\b)", re.IGNORECASE)
"""Confidence is part of a verdict: who gives it concludes."""
_PLACE = re.compile(r"\b(?:from|at|after|in)? ?(?:layer|head|feature) \d+")
SURE, MAYBE, UNSAID = 0.8, 0.5, 0.3
"""Probabilities above which a part says something else than the verdict, below which no part gives it, and below which
no part speaks of a control. Chosen by leaving one writer out: a correct answer that is marked costs more than a wrong one missed."""


def wrong(sentence: Sentence, held: Mapping[str, Evidence], ledger: Mapping[str, Evidence]) -> Iterator[str]:
    """Verdicts that are not the evidence's, targets it was not measured on, quoted words it does not have."""
    if not held:
        return
    yield from undecided(sentence, held)
    yield from _of_another(sentence, held, ledger)
    if not sentence.citations:
        return
    words = " ".join(_plain(text) for one in held.values() for text in _strings(one.model_dump(mode="json")))
    for name in _targets(sentence.text, ledger):
        if _plain(name) not in words:
            yield f"{name} is not in the evidence cited here"
    for quoted in sentence.quotes:
        if not all(_plain(part) in words for part in re.split(r"…|\.\.\.", quoted)):
            yield f"“{quoted[:60]}” is in no evidence cited here"


def _of_another(sentence: Sentence, held: Mapping[str, Evidence], ledger: Mapping[str, Evidence]) -> Iterator[str]:
    """What a sentence repeats word for word of evidence that it does not cite."""
    own = {_plain(text) for one in held.values() for text in said_by(one)}
    said = _plain(sentence.text)
    for name, one in ledger.items():
        if name not in held:
            for text in map(_plain, said_by(one)):
                if len(_PLACE.sub("", text)) >= LONG and text in said and not any(text in mine for mine in own):
                    yield f"“{text[:60]}” is of [{name}]"
                    return


def undecided(sentence: Sentence, held: Mapping[str, Evidence]) -> Iterator[str]:
    """A conclusion from evidence that draws none."""
    if sentence.citations and held and not any(one.verdict for one in held.values()) and concludes(sentence.unquoted):
        yield f"concludes, but {' and '.join(f'[{name}]' for name in held)} describes and decides nothing"


def misjudged(
    sentences: Sequence[Sentence], ledger: Mapping[str, Evidence], known: Models | None
) -> Iterator[tuple[Sentence, str]]:
    """Conclusions that are not the verdict of their evidence, and conclusions that never say what the control showed."""
    decided = {name: one.verdict for name, one in ledger.items() if one.verdict}
    mine = [part for part in parts(sentences) if any(name in decided for name in part.names)]
    mine = [replace(p, repeats=_repeatable(p, ledger), verdict=_verbatim(p, decided)) for p in mine]
    read = known(mine, ledger) if known else None
    for name, verdict in decided.items():
        about = [s for s in sentences if name in (s.citations or around(sentences, s))]
        said = [(s, found) for s in about if len(s.citations) < 2 and (found := outcomes_of(s.unquoted, verdict.claim))]
        yield from _elsewhere(name, verdict, [s for s, _ in said])
        left_open = verdict.status == "inconclusive" and any(p.verdict for p in mine if name in p.names)
        if read is not None:
            beside = 1.0 if left_open else _beside(name, read)  # what is said word for word to be open needs no control
            yield from _learned(verdict, [one for one in read if name in one.part.names], beside)
        elif said and not left_open:
            yield from _by_words(ledger[name], verdict, about, said)


def _repeatable(part: Part, ledger: Mapping[str, Evidence]) -> tuple[str, ...]:
    """What a tool says of its evidence beside the claim; in an answer that repeats it nothing is concluded by it."""
    held = [ledger[name] for name in part.names if name in ledger]
    texts = [text for one in held for text in (one.caveat, one.verdict.reason if one.verdict else "")]
    return tuple(text for text in texts if len(text) >= LONG)


def _verbatim(part: Part, decided: Mapping[str, Verdict]) -> bool:
    """Whether a part says the claim of the evidence it cites and its status, and no more: "That C is **supported** [E1]."."""
    if len(part.names) != 1 or part.names[0] not in decided:
        return False
    verdict = decided[part.names[0]]
    said = _plain(CITATION.sub("", part.text).replace("*", ""))
    return (
        re.fullmatch(rf"(?:that )?{re.escape(_plain(verdict.claim))},? (?:is |stays )?{verdict.status}", said)
        is not None
    )


def _elsewhere(name: str, verdict: Verdict, said: Sequence[Sentence]) -> Iterator[tuple[Sentence, str]]:
    """A conclusion about another layer than the claim's."""
    places = {p.value for s in said if len(s.places) == 1 for p in s.places if p.kind == "layer"}
    claimed = set(re.findall(r"\blayer (\d+)", verdict.claim))
    if len(claimed) == 1 and places and not places & claimed:
        yield said[0], f"the conclusion of [{name}] is about layer {next(iter(claimed))}"


def _learned(verdict: Verdict, read: Sequence[Reading], control: float) -> Iterator[tuple[Sentence, str]]:
    """What the learned models are sure of; where any part may give the verdict rightly, nothing is wrong."""
    if not read:
        return
    stated = next((one for one in read if one.part.verdict), None)
    against = max(read, key=lambda one: one.concludes - one.outcomes[verdict.status])
    if (
        not stated
        and against.concludes - against.outcomes[verdict.status] > SURE
        and max(one.outcomes[verdict.status] for one in read) < MAYBE
    ):
        said = max(against.outcomes, key=lambda outcome: against.outcomes[outcome])
        yield against.part.sentence, f"says {said}, the evidence says {verdict.status}"
    first = stated or next((one for one in read if one.concludes > SURE or _CONFIDENCE.search(one.part.text)), None)
    if first and control < UNSAID:
        yield first.part.sentence, "draws a conclusion and does not say what the control showed"


def _beside(name: str, read: Sequence[Reading]) -> float:
    """How likely the sentences that cite an evidence speak of a control; one may do so for several it cites."""
    sentences = [one.part.sentence for one in read if name in one.part.names]
    return max((one.control for one in read if one.part.sentence in sentences), default=0.0)


def _by_words(
    one: Evidence, verdict: Verdict, about: Sequence[Sentence], said: Sequence[tuple[Sentence, set[Outcome]]]
) -> Iterator[tuple[Sentence, str]]:
    """The same by the listed words alone, where there is no encoder."""
    if not any(verdict.status in outcomes for _, outcomes in said):
        yield said[0][0], f"says {' or '.join(sorted(said[0][1]))}, the evidence says {verdict.status}"
    beside = str(getattr(one, "control_name", None) or "")
    if not any(CONTROL.search(s.text) or names_it(s.unquoted, beside, verdict.claim) for s in about):
        yield said[0][0], "draws a conclusion and does not say what the control showed"


def _targets(text: str, ledger: Mapping[str, Evidence]) -> list[str]:
    known = {*public_names(), *(one.provenance.target for one in ledger.values() if one.provenance)}
    return [name for name in known if re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w-])", text)]


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _strings(one)
        case list():
            for one in value:
                yield from _strings(one)


def _plain(text: str) -> str:
    """Words without quotes, case, and signs at their ends."""
    return " ".join(re.sub(r"[\"'“”‘’`⏎␣]", "", text.casefold()).split()).strip(" .,!?:;")
