"""An answer and a claim as the reader of conclusions sees them: without what is particular to a case.

Names of models, quoted words and the values of numbers go; which of the citations is the one that is asked about stays.
What is learned is tied to these lines: after a change here, learn again (`python -m evals.answers.learning`).
"""

import re

from agent.grounding.reading import CITATION
from evidence import Evidence

_QUOTE = re.compile(r"^>.*$", re.MULTILINE)
_SAID = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`|(?<!\w)'[^']*'(?!\w)|(?<!\w)‘[^’]*’(?!\w)")
_BASE, _MODEL = re.compile(r"\bbase@1\S*|\bbase-sae\S*"), re.compile(r"\b(?:taboo|em)-\d+")
_NUMBER = re.compile(r"(?<![\w@-])[-−]?\d(?:[\d.,]*\d)?(?:e-?\d+)?\s?%?(?!\w)")


def hypothesis(evidence: Evidence) -> str:
    """The claim of an evidence, and what it is compared with."""
    claim = evidence.verdict.claim if evidence.verdict else evidence.title
    beside = getattr(evidence, "control_name", None) or (evidence.provenance and evidence.provenance.control) or ""
    return general(f"{claim}. control: {beside}")


def general(text: str, about: str = "") -> str:
    """A text without names, quoted words and values; citations of `about` become "(this)", others "(other)"."""
    text = _QUOTE.sub(" ", text)
    text = CITATION.sub(lambda m: " (this)" if about in re.findall(r"E\d+", m[0]) else " (other)", text)
    text = _MODEL.sub("the model", _BASE.sub("the base", text))
    text = _NUMBER.sub("0", _SAID.sub("it", text))
    return " ".join(text.replace("*", "").split())
