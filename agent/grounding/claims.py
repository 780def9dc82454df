"""Verdicts, targets and quoted words of an answer against the evidence: what is claimed, of whom, beside which control."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.grounding.conclusions import CONTROL, concludes, names_it, outcomes_of
from agent.grounding.reading import Sentence
from evidence import Evidence
from evidence.facts import sentences as said_by
from target.spec import public_names

LONG = 12
"""Signs from which on a repeated text is taken for a quotation."""


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
                if len(text) >= LONG and text in said and not any(text in mine for mine in own):
                    yield f"“{text[:60]}” is of [{name}]"
                    return


def undecided(sentence: Sentence, held: Mapping[str, Evidence]) -> Iterator[str]:
    """A conclusion from evidence that draws none."""
    if sentence.citations and held and not any(one.verdict for one in held.values()) and concludes(sentence.unquoted):
        yield f"concludes, but {' and '.join(f'[{name}]' for name in held)} describes and decides nothing"


def misjudged(sentences: Sequence[Sentence], ledger: Mapping[str, Evidence]) -> Iterator[tuple[Sentence, str]]:
    """Conclusions that are not the verdict of their evidence, and conclusions that never say what the control showed."""
    for name, one in ledger.items():
        if one.verdict is None:
            continue
        about = [s for s in sentences if name in (s.citations or _around(sentences, s))]
        said = [
            (s, outcomes)
            for s in about
            if len(s.citations) < 2 and (outcomes := outcomes_of(s.unquoted, one.verdict.claim))
        ]
        if not said:
            continue
        places = {p.value for s, _ in said if len(s.places) == 1 for p in s.places if p.kind == "layer"}
        claimed = set(re.findall(r"\blayer (\d+)", one.verdict.claim))
        if len(claimed) == 1 and places and not places & claimed:
            yield said[0][0], f"the conclusion of [{name}] is about layer {next(iter(claimed))}"
        if not any(one.verdict.status in outcomes for _, outcomes in said):
            yield said[0][0], f"says {' or '.join(sorted(said[0][1]))}, the evidence says {one.verdict.status}"
        beside = str(getattr(one, "control_name", None) or "")
        if not any(CONTROL.search(s.text) or names_it(s.unquoted, beside, one.verdict.claim) for s in about):
            yield said[0][0], "draws a conclusion and does not say what the control showed"


def _around(sentences: Sequence[Sentence], one: Sentence) -> tuple[str, ...]:
    return tuple(name for s in sentences if s.paragraph == one.paragraph for name in s.citations)


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
