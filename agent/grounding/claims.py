"""Verdicts, targets and quoted words of an answer against the evidence: what is claimed, of whom, beside which control."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.grounding.conclusions import CONTROL, Outcome, concludes, names_it, outcomes_of, shared
from agent.grounding.inference import OUTCOMES, Reader
from agent.grounding.numbers import same
from agent.grounding.premise import general, hypothesis
from agent.grounding.reading import CITATION, Number, Sentence, sources
from evidence import Evidence, Verdict, facts
from evidence.facts import sentences as said_by
from evidence.lines import lines, trusted
from target.spec import public_names

LONG = 12
"""Signs from which on a repeated text is taken for a quotation."""
READABLE = 15
"""Words from which on an answer is read by what was learned from answers; hardly any of those was shorter."""
LEADS_UP = 5
"""Words beside a repeated text up to which a sentence only repeats it: "What this cannot show:"."""
FEW = 4
"""Words up to which a repeated text may be anybody's."""
RETOLD = 0.7
"""Share of a quotation's words in a claim from which on it is the claim in other words."""
_PLACE = re.compile(r"\b(?:from|at|after|in)? ?(?:layer|head|feature) \d+")
SURE, CONCLUDES, UNSAID = 0.98, 0.95, 0.1
"""Probabilities above which an answer is taken to say something else than the verdict, above which to conclude anything, and
below which not to speak of a control. Chosen on writers who were left out: a correct answer that is marked costs more than a wrong one missed."""
_STATUS = "|".join(OUTCOMES)
UNCONTROLLED = "draws a conclusion and does not say what the control showed"


def wrong(sentence: Sentence, held: Mapping[str, Evidence], ledger: Mapping[str, Evidence]) -> Iterator[str]:
    """Verdicts that are not the evidence's, targets it was not measured on, quoted words it does not have."""
    if not held:
        return
    yield from _concludes_of_none(sentence, held)
    yield from _of_another(sentence, held, ledger)
    if not sentence.citations:
        return
    words = " ".join(_plain(text) for one in held.values() for text in _strings(one.model_dump(mode="json")))
    for name in _targets(sentence.text, ledger):
        if _plain(name) not in words:
            yield f"{name} is not in the evidence cited here"
    for quoted in sentence.quotes:
        if not all(_plain(part) in words for part in re.split(r"…|\.\.\.", quoted)) and not any(
            one.verdict and shared(one.verdict.claim, quoted) >= RETOLD for one in held.values()
        ):
            yield f"“{quoted[:60]}” is in no evidence cited here"


def _of_another(sentence: Sentence, held: Mapping[str, Evidence], ledger: Mapping[str, Evidence]) -> Iterator[str]:
    """What a sentence repeats word for word of evidence that it does not cite."""
    own = {_plain(text) for one in held.values() for text in said_by(one)}
    said = _plain(sentence.text)
    for name, one in ledger.items():
        if name not in held:
            for text in map(_plain, said_by(one)):
                if (
                    len(_PLACE.sub("", text)) >= LONG
                    and len(text.split()) > FEW
                    and text in said
                    and not any(text in mine for mine in own)
                ):
                    yield f"“{text[:60]}” is of [{name}]"
                    return


def _concludes_of_none(sentence: Sentence, held: Mapping[str, Evidence]) -> Iterator[str]:
    """A conclusion from evidence that draws none."""
    if sentence.citations and held and not any(one.verdict for one in held.values()) and concludes(sentence.unquoted):
        yield f"concludes, but {' and '.join(f'[{name}]' for name in held)} describes and decides nothing"


def misjudged(
    sentences: Sequence[Sentence], ledger: Mapping[str, Evidence], known: Reader | None
) -> Iterator[tuple[Sentence, str]]:
    """Conclusions that are not the verdict of their evidence, and conclusions that never say what the control showed."""
    decided = {name: one.verdict for name, one in ledger.items() if one.verdict}
    for name, verdict in decided.items():
        about = [s for s in sentences if name in sources(sentences, s)]
        said = [(s, found) for s in about if len(s.citations) < 2 and (found := outcomes_of(s.unquoted, verdict.claim))]
        yield from _elsewhere(name, verdict, [s for s, _ in said])
        if not about:
            continue
        if stated := [(s, status) for s in about if (status := _stated(s, name, verdict))]:
            yield from _stands(stated, about, ledger[name], verdict)
        elif known and sum(len(s.text.split()) for s in sentences) >= READABLE:
            yield from _read(known, sentences, name, ledger[name], verdict)
        elif said:
            yield from _by_words(ledger[name], verdict, about, said)


def _stated(sentence: Sentence, name: str, verdict: Verdict) -> str | None:
    """The status that a sentence gives in so many words: "That C is **supported** [E1].", or "... (supported) [E1]"."""
    if sentence.citations != (name,):
        return None
    said = _plain(CITATION.sub("", sentence.text).replace("*", ""))
    claimed = re.fullmatch(rf"(?:that )?{re.escape(_plain(verdict.claim))},? (?:is |stays )?({_STATUS})", said)
    given = re.search(rf"\(({_STATUS})\)", sentence.plain)
    return claimed[1] if claimed else given[1] if given else None


def _stands(
    stated: Sequence[tuple[Sentence, str]], about: Sequence[Sentence], evidence: Evidence, verdict: Verdict
) -> Iterator[tuple[Sentence, str]]:
    """Whether a status is the evidence's, and comes with the control; what is said to be open needs none."""
    for sentence, status in stated:
        if status != verdict.status:
            yield sentence, f"says {status}, the evidence says {verdict.status}"
            return
    rest = [s for s in about if not any(s is sentence for sentence, _ in stated)]
    if verdict.status != "inconclusive" and not _beside(evidence, verdict, rest):
        yield stated[0][0], UNCONTROLLED


def _read(
    known: Reader, sentences: Sequence[Sentence], name: str, evidence: Evidence, verdict: Verdict
) -> Iterator[tuple[Sentence, str]]:
    """What the whole answer is read to conclude of a claim, where that is sure; marked is the sentence that does most."""
    claim, said = hypothesis(evidence), _said(sentences, evidence, verdict)
    if not said:
        return
    own, whole = known([(claim, general(text, name)) for text in (said, " ".join(s.text for s in sentences))])
    wrongly = own.concludes - own.outcomes[verdict.status] > SURE
    alone = own.concludes > CONCLUDES and whole.control < UNSAID
    if not wrongly and not alone:
        return
    about = [s for s in sentences if name in s.citations or not s.citations]
    each = known([(claim, general(s.text, name)) for s in about])
    if wrongly:
        against = [one.concludes - one.outcomes[verdict.status] for one in each]
        says = max(own.outcomes, key=lambda outcome: own.outcomes[outcome])
        yield about[against.index(max(against))], f"says {says}, the evidence says {verdict.status}"
    else:
        concluding = [one.concludes for one in each]
        yield about[concluding.index(max(concluding))], UNCONTROLLED


def _said(sentences: Sequence[Sentence], evidence: Evidence, verdict: Verdict) -> str:
    """What the sentences say themselves: without what a tool says, and what only leads up to it."""
    control = f"the control: {getattr(evidence, 'control_name', None)}"
    told = [_plain(text) for text in (evidence.caveat, verdict.reason, control, trusted(verdict), *lines(evidence))]
    kept = []
    for sentence in sentences:
        said = _plain(re.sub(r"\s*\[[^\]]*\]", "", sentence.text).replace("*", ""))
        own = said
        for text in sorted(filter(None, told), key=len, reverse=True):
            own = own.replace(text, " ")
        if own == said or len(re.findall(r"[a-z]{2,}", own)) > LEADS_UP:
            kept.append(sentence.text)
    return " ".join(kept)


def _elsewhere(name: str, verdict: Verdict, said: Sequence[Sentence]) -> Iterator[tuple[Sentence, str]]:
    """A conclusion about another layer than the claim's."""
    places = {p.value for s in said if len(s.places) == 1 for p in s.places if p.kind == "layer"}
    claimed = set(re.findall(r"\blayer (\d+)", verdict.claim))
    if len(claimed) == 1 and places and not places & claimed:
        yield said[0], f"the conclusion of [{name}] is about layer {next(iter(claimed))}"


def _by_words(
    one: Evidence, verdict: Verdict, about: Sequence[Sentence], said: Sequence[tuple[Sentence, set[Outcome]]]
) -> Iterator[tuple[Sentence, str]]:
    """The same by the listed words alone, where there is no encoder or too little to read."""
    if not any(verdict.status in outcomes for _, outcomes in said):
        yield said[0][0], f"says {' or '.join(sorted(said[0][1]))}, the evidence says {verdict.status}"
    if not _beside(one, verdict, about):
        yield said[0][0], UNCONTROLLED


def _beside(one: Evidence, verdict: Verdict, about: Sequence[Sentence]) -> bool:
    """Whether any sentence speaks of the control, by the listed words, its name, or a number that it alone has."""
    control = str(getattr(one, "control_name", None) or "")
    known = [fact for fact in facts(one) if not fact.rank]
    its, own = ([f.value for f in known if f.labels.get("side") == side] for side in ("control", "own"))
    return any(
        CONTROL.search(s.text)
        or names_it(s.unquoted, control, verdict.claim)
        or any(_among(n, its) and not _among(n, own) for n in s.numbers)
        for s in about
    )


def _among(number: Number, values: Sequence[float]) -> bool:
    return any(same(number, value) for value in values)


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
