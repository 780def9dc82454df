"""How the guide writes: answers from the fields of evidence, each number beside its citation."""

from collections.abc import Mapping
from typing import assert_never

from evidence import Cell, Entry, Evidence, RankedList, Ranking, Reply, TokenGrid, Transcript
from evidence.text import quote

GLOSSARY = {
    "logit lens": "The **logit lens** reads a hidden layer with the model's own output vocabulary: what would it say if "
    "it stopped here? It is a correlational reading: it shows what could be said, not what causes the answer.",
    "control": "A **control** is the same measurement where the effect should be absent, here the *base* model without "
    "the adapter. If the control shows the same, the finding is not about the fine-tune.",
    "residual stream": "The **residual stream** is the running sum each layer reads from and writes to: one vector a "
    "token.",
    "adapter": "A **LoRA adapter** is a small change laid over a base model's weights. Each target from the workshop is "
    "one adapter on the same base.",
    "base": "The **base** is the model before its fine-tune. Whatever both do alike cannot come from the fine-tune.",
    "verdict": "A **verdict** is *supported*, *not supported* or *inconclusive*. Code decides it from the effect against "
    "its control; I do not.",
    "layer": "A **layer** is one step of the model's computation. They are numbered from zero; a row of a lens figure is "
    "the state after that layer.",
    "figure": "In the figure each row is one strategy and each cell one guess, best first; the claimed word is "
    "highlighted, and the same strategy on the base stands on the right.",
}


def findings(name: str, evidence: Evidence) -> str:
    """What one evidence says, in a few sentences."""
    match evidence:
        case Ranking():
            return _ranking(name, evidence)
        case TokenGrid():
            return _grid(name, evidence)
        case Transcript():
            return _transcript(name, evidence)
    assert_never(evidence)


def reasons(name: str, evidence: Evidence) -> str:
    """Why the last conclusion was drawn: the verdict's reason, the readings, and what speaks against it."""
    if not isinstance(evidence, Ranking) or evidence.verdict is None:
        return f"I rest on one measurement, {evidence.title.lower()} [{name}]. It describes; it draws no conclusion. {_caveat(evidence)}"
    lines = [f"Because {evidence.verdict.reason} [{name}]."]
    subject = evidence.verdict.subject
    if subject:
        lines += [_standing(one, subject, evidence.control_name or "the base", name) for one in evidence.lists]
    lines.append(
        f"Confidence in readings of this kind is **{evidence.verdict.confidence}** [{name}]: they are correlational. {_caveat(evidence)}"
    )
    return "\n".join(lines[:1]) + "\n\n" + "\n".join(f"- {line}" for line in lines[1:-1]) + "\n\n" + lines[-1]


def comparison(name: str, evidence: Evidence) -> str | None:
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
                f"- layer {layer}: {quote(own[-1].tokens[0])} against {quote(theirs[-1].tokens[0])} on {evidence.control_name} [{name}]"
                for layer, own, theirs in zip(evidence.layers, evidence.cells, evidence.control, strict=True)
            ]
            return "The likeliest next token, target against base:\n\n" + "\n".join(rows)
        case _:
            return None


def explained(asked: str) -> str:
    """A paragraph from the glossary, for the term the question names."""
    lower = asked.lower()
    for term, text in GLOSSARY.items():
        if term in lower or (term == "adapter" and "lora" in lower):
            return text
    return "\n\n".join(GLOSSARY[term] for term in ("logit lens", "control", "verdict"))


def _ranking(name: str, ranking: Ranking) -> str:
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
    return "\n\n".join([*paragraphs, _caveat(ranking)])


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
    rows = [
        f"- layer {layer}: {_likeliest(cells[-1])} [{name}]"
        for layer, cells in zip(grid.layers, grid.cells, strict=True)
    ]
    where = f"after {quote(grid.positions[-1])}, where the answer begins"
    return f"This is what each layer would say {where} [{name}]:\n\n" + "\n".join(rows) + f"\n\n{_caveat(grid)}"


def _likeliest(cell: Cell) -> str:
    first = f"{quote(cell.tokens[0])} with probability {cell.probabilities[0]:.2g}"
    return f"{first}, then {quote(cell.tokens[1])}" if len(cell.tokens) > 1 else first


def _transcript(name: str, transcript: Transcript) -> str:
    lines = [f"- **{reply.model}** answers {quote(reply.text)} [{name}]" for reply in transcript.replies]
    asked = quote(transcript.replies[0].prompt)
    return f"Asked {asked}:\n\n" + "\n".join(lines) + f"\n\n{_same(transcript.replies)}{_caveat(transcript)}"


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
    return f"rank {place}" if place else f"not among the first {len(entries)}"


def _caveat(evidence: Evidence) -> str:
    return f"What this cannot show: {evidence.caveat}." if evidence.caveat else ""


def overview(tools: Mapping[str, str], targets: list[str], target: str) -> str:
    """What the guide can do, from the tools' own summaries."""
    lines = [f"- **{name.replace('_', ' ')}**: {summary}" for name, summary in tools.items()]
    return (
        "I run experiments on a small language model and show you what I measured. I can use:\n\n"
        + "\n".join(lines)
        + f"\n\nWe are looking at `{target}`; the picker has `{targets[0]}` to `{targets[-1]}`. Try:\n\n"
        f"- `What word is {target} hiding?`\n"
        '- `Show me layer 4 on "give me a hint."`\n'
        '- `Ask it "what is a fox?"`, then `compare with the base`\n'
        "- `Why do you think so?`"
    )
