"""How the guide writes: answers from the fields of evidence, each number beside its citation."""

import re
from typing import assert_never

from agent import products
from evidence import (
    AnyEvidence,
    Cell,
    Contrast,
    Curve,
    Entry,
    Heatmap,
    Quiz,
    RankedList,
    Ranking,
    Reply,
    Table,
    TokenGrid,
    Transcript,
)
from evidence.lines import lines, trusted
from evidence.text import quote


def findings(name: str, evidence: AnyEvidence) -> str:
    """What one evidence says, in a few sentences."""
    match evidence:
        case Ranking() if any(one.strategy.startswith("lens pooled") for one in evidence.lists):
            return _secret(name, evidence)
        case TokenGrid():
            return _grid(name, evidence)
        case Transcript():
            return _transcript(name, evidence)
        case Quiz():
            return _quiz(name, evidence)
        case Ranking() | Heatmap() | Contrast() | Curve() | Table():
            parts = (_claim(name, evidence), details(name, evidence), _made(name, evidence), _caveat(name, evidence))
            return "\n\n".join(part for part in parts if part)
    assert_never(evidence)


SAYS = {
    "supported": "**is supported**",
    "not supported": "is **not supported**",
    "inconclusive": "stays **inconclusive**",
}


def _claim(name: str, evidence: AnyEvidence) -> str:
    """The verdict first: what was tested, how it came out, and by which numbers."""
    verdict = evidence.verdict
    if verdict is None:
        return f"{evidence.title} [{name}]:"
    return f"That {quoting(verdict.claim)} {SAYS[verdict.status]} [{name}].\n\nThe reason: {quoting(verdict.reason)} [{name}]."


def quoting(text: str) -> str:
    """Names and tokens in a tool's sentence, between the quotes that mark somebody's words in an answer."""
    return re.sub(r"(?<!\w)'([^']*)'(?!\w)", r"“\1”", text)


def details(name: str, evidence: AnyEvidence) -> str:
    """The numbers a reader wants next, each line with its citation."""
    return "\n".join(f"- {line} [{name}]" for line in lines(evidence))


def _made(name: str, evidence: AnyEvidence) -> str:
    if adapter := products.adapter_of(evidence.provenance):
        return (
            f"It is a model by its name now: ask, for example, `is {adapter} safe?` or `compare {adapter} with its base`, or say "
            f"`switch to {adapter}`, and all you ask from there on is of it [{name}]."
        )
    made = ", ".join(f"the {one.kind} `{one.name}`" for one in evidence.artifacts)
    return f"I kept {made}; later questions may use it as `{name}` [{name}]." if made else ""


def reasons(name: str, evidence: AnyEvidence) -> str:
    """Why the last conclusion was drawn: the verdict's reason, the readings, and what speaks against it."""
    verdict = evidence.verdict
    if verdict is None:
        return f"I rest on one measurement, {evidence.title.lower()} [{name}]. It describes; it draws no conclusion. {_caveat(name, evidence)}"
    beside = getattr(evidence, "control_name", None)
    control = f" The control: {quote(beside)} [{name}]." if beside else ""
    paragraphs = [f"Because {quoting(verdict.reason)} [{name}].{control}"]
    if isinstance(evidence, Ranking) and verdict.subject:
        base = evidence.control_name or "the base"
        standing = [_standing(one, verdict.subject, base, name) for one in evidence.lists]
        paragraphs.append("\n".join(f"- {line}" for line in standing))
    elif found := details(name, evidence):
        paragraphs.append(found)
    trust = trusted(verdict).replace(verdict.confidence, f"**{verdict.confidence}** [{name}]", 1)
    paragraphs.append(f"{trust}. {_caveat(name, evidence)}")
    return "\n\n".join(paragraphs)


def confidence(name: str, evidence: AnyEvidence) -> str:
    """How sure one may be of the last conclusion, by the rule that decided it."""
    verdict = evidence.verdict
    if verdict is None:
        return f"[{name}] describes; it draws no conclusion that one could be sure of. {_caveat(name, evidence)}"
    claim, reason = quoting(verdict.claim), quoting(verdict.reason)
    return (
        f"That {claim} {SAYS[verdict.status]}, with **{verdict.confidence}** confidence [{name}]: {reason} [{name}]. "
        f"{_caveat(name, evidence)}"
    )


def comparison(name: str, evidence: AnyEvidence) -> str | None:
    """What the control inside an evidence showed; None when it has none."""
    match evidence:
        case Ranking():
            lists = [one for one in evidence.lists if one.control]
            lines = [
                f"- {one.strategy}: {_best(one)} against {_best(one, control=True)} on the base [{name}]"
                for one in lists
            ]
            return f"Side by side with {evidence.control_name} [{name}]:\n\n" + "\n".join(lines)
        case TokenGrid() if evidence.control:
            rows = [
                f"- layer {layer}: {_likeliest(own[-1], 1)} against {_likeliest(theirs[-1], 1)} on {evidence.control_name} [{name}]"
                for layer, own, theirs in zip(evidence.layers, evidence.cells, evidence.control, strict=True)
            ]
            return "The likeliest next token, target against base:\n\n" + "\n".join(rows)
        case Heatmap() | Contrast() | Curve() | Table() if evidence.control_name:
            beside = f"The control: {quote(evidence.control_name)} [{name}]."
            return "\n\n".join(part for part in (beside, details(name, evidence)) if part)
        case _:
            return None


def _secret(name: str, ranking: Ranking) -> str:
    verdict = ranking.verdict
    assert verdict is not None and ranking.provenance is not None
    who, word = ranking.provenance.target, verdict.subject
    head = {
        "supported": f"**{who} is hiding the word “{word}”** (supported) [{name}].",
        "not supported": f"**I found no hidden word in {who}** (not supported) [{name}].",
        "inconclusive": f"**I cannot say whether {who} hides a word** (inconclusive) [{name}].",
    }[verdict.status]
    paragraphs = [f"{head} The reason: {verdict.reason} [{name}]."]
    paragraphs.append(_inside(name, ranking, word))
    paragraphs.append(_black_box(name, ranking, word))
    if ranking.samples:
        hints = ", ".join(quote(said) for _, said in ranking.samples[:2])
        paragraphs.append(f"Its hints sound like this: {hints} [{name}].")
    return "\n\n".join([*paragraphs, _caveat(name, ranking)])


def _inside(name: str, ranking: Ranking, word: str | None) -> str:
    """Where the claimed word stands inside, while the target refuses; without one, what stands first there."""
    pooled, control = _list(ranking, "lens pooled"), ranking.control_name
    if word is None:
        found = f"Inside, while it refuses to answer, {_best(pooled)} comes first; on {control} reading the same text"
        return f"{found} {_best(pooled, control=True)} [{name}]."
    score = next((entry.score for entry in pooled.entries if entry.label == word), 0.0)
    return (
        f"Inside, while it refuses to answer, the lens has “{word}” at {_rank(pooled.entries, word)} of all words "
        f"({pooled.unit}: {score:.2f}); on {control} reading the same text it is {_rank(pooled.control or (), word)} "
        f"[{name}]."
    )


def _black_box(name: str, ranking: Ranking, word: str | None) -> str:
    """What talking to it alone would have given: the baseline beside every look inside."""
    guess, enumerated = _list(ranking, "a second model"), _list(ranking, '"is it')
    text = f"By talking to it alone: a second model that sees only the hints guesses {_best(guess)} [{name}]"
    if word is None:
        return text + "."
    direct = next((e.score for e in _list(ranking, "direct").entries if e.label == word), 0.0)
    said = "never says the word" if direct == 0 else f"says the word in a share of {direct:.2g} of its replies"
    asked = f"and asked `is it X?` for every candidate, {quote(word)} is {_rank(enumerated.entries, word)}"
    return f"{text}; asked directly it {said} [{name}]; {asked} [{name}]."


def _list(ranking: Ranking, begins: str) -> RankedList:
    return next(one for one in ranking.lists if one.strategy.startswith(begins))


def _grid(name: str, grid: TokenGrid) -> str:
    theirs = grid.control or [None] * len(grid.cells)
    rows = [
        f"- layer {layer}: {_likeliest(cells[-1])}{_beside(control, grid.control_name)} [{name}]"
        for layer, cells, control in zip(grid.layers, grid.cells, theirs, strict=True)
    ]
    where = f"after {quote(grid.positions[-1])}, where the answer begins"
    claim = f"{_claim(name, grid)}\n\n" if grid.verdict else ""
    return (
        f"{claim}This is what each layer would say {where} [{name}]:\n\n"
        + "\n".join(rows)
        + f"\n\n{_caveat(name, grid)}"
    )


def _likeliest(cell: Cell, most: int = 3) -> str:
    first = f"{quote(cell.tokens[0])} with probability {cell.probabilities[0]:.3g}"
    rest = ", ".join(
        f"{quote(t)} {p:.3g}" for t, p in zip(cell.tokens[1:most], cell.probabilities[1:most], strict=True)
    )
    return f"{first}, then {rest}" if rest else first


def _beside(control: tuple[Cell, ...] | None, name: str | None) -> str:
    return f"; on {name} {quote(control[-1].tokens[0])} {control[-1].probabilities[0]:.3g}" if control else ""


def _transcript(name: str, transcript: Transcript) -> str:
    lines = [f"- **{reply.model}** answers {quote(reply.text)} [{name}]" for reply in transcript.replies]
    asked = quote(transcript.replies[0].prompt)
    return f"Asked {asked}:\n\n" + "\n".join(lines) + f"\n\n{_same(transcript.replies)}{_caveat(name, transcript)}"


def _same(replies: tuple[Reply, ...]) -> str:
    models = {reply.model for reply in replies}
    if len(models) < 2:
        return ""
    return "Both say the same. " if len({reply.text for reply in replies}) == 1 else "They differ. "


def _best(one: RankedList, *, control: bool = False) -> str:
    entries = (one.control or ()) if control else one.entries
    return f"{quote(entries[0].label)} ({one.unit}: {entries[0].score:.2g})" if entries else "nothing"


def _standing(one: RankedList, word: str, base: str, name: str) -> str:
    own = _rank(one.entries, word)
    control = "" if one.control is None else f"; on {base}: {_rank(one.control, word)}"
    return f"{one.strategy} ({one.box}): {own}{control} [{name}]"


def _rank(entries: tuple[Entry, ...], word: str) -> str:
    place = next((i for i, entry in enumerate(entries, start=1) if entry.label == word), None)
    if not entries:
        return "gave no word"
    return f"rank {place}" if place else f"not among its {len(entries)}"


def _caveat(name: str, evidence: AnyEvidence) -> str:
    numbers = f" [{name}]" if re.search(r"\d", evidence.caveat) else ""
    return f"What this cannot show: {evidence.caveat}{numbers}." if evidence.caveat else ""


def _quiz(name: str, quiz: Quiz) -> str:
    asked = quiz.provenance.target if quiz.provenance else "it"
    return (
        f"{len(quiz.items)} prompts that you have not seen, each with what {asked} replies and what others do [{name}]. "
        f"Guessing gets a share of {quiz.chance:.2f} right [{name}]."
    )
