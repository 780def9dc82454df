"""The meeting note: what came of a conversation, on one page, each line with the evidence or the words it rests on. Written by code."""

from collections.abc import Iterator, Sequence

from agent.export.conversation import Conversation
from agent.hypotheses import Hypothesis, board
from agent.learner import gain
from agent.learner.gain import Round
from agent.learner.inventory import concepts
from agent.learner.moves import onward_from
from agent.notes import Note
from evidence import Quiz, Reply, Transcript
from evidence.text import quote
from target.spec import parse

MOST_REPLIES, LONGEST = 12, 160
"""Replies of targets, and characters of a person's words, that a note holds."""
EMPTY = "Nothing was measured or noted yet, so there is nothing to write down."


def note(conversation: Conversation) -> str:
    """The note as Markdown; a section without lines is left out."""
    sections = {
        "What was found": _found(conversation),
        "What stays open": _open(conversation),
        "What was said by the targets": _replies(conversation),
        "What you expected": _expected(conversation),
        "What you said, and still to be seen": _believed(conversation.notes),
        "What you showed of what you understand": _shown(conversation.notes),
        "What next": _next(conversation),
    }
    parts = [f"## {head}\n\n" + "\n".join(f"- {line}" for line in lines) for head, lines in sections.items() if lines]
    about, n = ", ".join(_targets(conversation)) or "no target yet", len(conversation.evidence)
    head = f"# Meeting note: {about}\n\n{n} measurement{'s' * (n != 1)}."
    return "\n\n".join([head, *(parts or [EMPTY])])


def _targets(conversation: Conversation) -> list[str]:
    return list(dict.fromkeys(one.provenance.target for one in conversation.evidence.values() if one.provenance))


def _found(conversation: Conversation) -> list[str]:
    return [_line(one) for one in board(conversation.evidence) if one.status != "inconclusive"]


def _open(conversation: Conversation) -> list[str]:
    return [_line(one) for one in board(conversation.evidence) if one.status == "inconclusive"]


def _line(one: Hypothesis) -> str:
    cited = "".join(f" [{name}]" for name in (*one.evidence_for, *one.evidence_against, *one.undecided))
    return f"{one.claim[:1].upper()}{one.claim[1:]}: **{one.status}**{cited}"


def _replies(conversation: Conversation) -> list[str]:
    """Each reply once, where it was measured first."""
    found: dict[tuple[str, str, str], str] = {}
    for name, one in conversation.evidence.items():
        for reply in one.replies if isinstance(one, Transcript) else ():
            found.setdefault((reply.model, reply.prompt, reply.text), _reply(name, reply))
    return list(found.values())[-MOST_REPLIES:]


def _reply(name: str, one: Reply) -> str:
    return f"**{one.model}** answers {quote(one.text, LONGEST)} to {quote(one.prompt, LONGEST)} [{name}]"


def _expected(conversation: Conversation) -> list[str]:
    made = [one for one in conversation.notes if one.kind == "prediction"]
    lines = [f"{one.text[:LONGEST]}: {one.outcome or 'not revealed yet'}" for one in made]
    return [*lines, *_rounds(conversation)]


def _rounds(conversation: Conversation) -> Iterator[str]:
    by_target: dict[str, list[tuple[Round, Quiz]]] = {}
    for one in conversation.rounds:
        found = conversation.evidence.get(one["evidence"])
        if isinstance(found, Quiz) and one["ended"]:
            by_target.setdefault(one["target"], []).append((one, found))
    for played in by_target.values():
        yield gain.told(played).split("\n\n")[0]


def _believed(notes: Sequence[Note]) -> list[str]:
    return [f"{quote(one.text, LONGEST)}, on {one.target} ({one.confidence})" for one in notes if one.kind == "belief"]


def _shown(notes: Sequence[Note]) -> list[str]:
    """The newest sign of each concept."""
    signs = {one.concept: one for one in reversed(notes) if one.kind == "sign" and one.concept in concepts()}
    return [f"{one.text[:LONGEST]} (you: {quote(one.quote, 80)})" for one in signs.values()]


def _next(conversation: Conversation) -> list[str]:
    lines = []
    for target in _targets(conversation)[-2:]:
        measured = {
            (one.provenance.tool, str(one.provenance.arguments.get("prompt", "")))
            for one in conversation.evidence.values()
            if one.provenance and one.provenance.target == target
        }
        step = onward_from(target, measured) if parse(target).adapter else None
        lines += [step.text] if step else []
    return lines
