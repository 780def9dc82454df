"""Verdicts, targets and quoted words of an answer against the evidence: what is claimed, of whom, beside which control."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.grounding.reading import Sentence
from evidence import Evidence
from evidence.facts import sentences as said_by
from target.spec import public_names

_STATUS = {
    "not supported": r"\b(?:not|n't|never|hardly|nor)\b[^.;:,]{0,40}\bsupported\b|\bunsupported\b"
    r"|\bhid(?:es|ing) (?:no|nothing)\b|\bno hidden word\b",
    "inconclusive": r"\binconclusive\b|\bcannot (?:say|tell)\b|\bundecided\b",
    "supported": r"\bsupported\b|\b(?:hides|hiding) the word\b",
}
"""How an answer says how a test came out; the first that fits a place wins."""
LONG = 12
"""Signs from which on a repeated text is taken for a quotation."""
CONTROL = re.compile(
    r"\bcontrols?\b|\bbase\b|\bbaseline\b|\brandom\b|\bshuffled\b|\bunrelated\b|\buntrained\b|\bchance\b|\bwithout (?:the|any|it|change)\b"
    r"|\bunchanged\b|\bcompared (?:with|to)\b|\bother (?:texts|prompts|words|features|heads)\b",
    re.IGNORECASE,
)
"""Words by which an answer speaks of a control."""


def wrong(sentence: Sentence, held: Mapping[str, Evidence], ledger: Mapping[str, Evidence]) -> Iterator[str]:
    """Verdicts that are not the evidence's, targets it was not measured on, quoted words it does not have."""
    if not held:
        return
    said, decided = asserted(sentence), {one.verdict.status for one in held.values() if one.verdict}
    if said and decided and not said & decided:
        yield f"says {' and '.join(sorted(said))}, the evidence says {' and '.join(sorted(decided))}"
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


def asserted(sentence: Sentence) -> set[str]:
    """How a sentence says that a test came out."""
    text, found = sentence.plain, set[str]()
    for status, pattern in _STATUS.items():
        if re.search(pattern, text, re.IGNORECASE):
            found.add(status)
            text = re.sub(pattern, " ", text, flags=re.IGNORECASE)
    return found


def without_control(sentences: Sequence[Sentence], ledger: Mapping[str, Evidence]) -> Iterator[tuple[Sentence, str]]:
    """Sentences that call something supported in an answer that never says what the control showed."""
    for sentence in sentences:
        names = sentence.citations or _around(sentences, sentence)
        decided = [ledger[n] for n in names if n in ledger and ledger[n].verdict]
        if "supported" not in asserted(sentence) or not decided:
            continue
        about = [s for s in sentences if s is sentence or set(names) & set(s.citations or _around(sentences, s))]
        beside = [str(getattr(one, "control_name", None) or "") for one in decided]
        if not any(CONTROL.search(s.text) or any(b and b in s.text for b in beside) for s in about):
            yield sentence, "says supported and not what the control showed"


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
