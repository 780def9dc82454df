"""What the guide says where no experiment is needed: one short function an intent."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from agent import hypotheses
from agent.learner.inventory import concepts
from agent.models import writing
from agent.models.glossary import explained, narrower
from agent.models.overview import dictionaries_here, overview
from agent.models.plans import Past
from agent.models.summing_up import because, in_short
from agent.situation import Situation
from evidence import Evidence
from tools import FAMILIES

PAUSED = "I note nothing now, as you set it under **What I believe you know**; there you can let me note again."
_DICTIONARIES = re.compile(r"\b(?:dictionar\w+|sparse auto-?encoders?|saes?|crosscoders?)\b", re.IGNORECASE)
NOTHING_MEASURED = "Nothing has been measured yet in this conversation."


@dataclass(frozen=True)
class Asked:
    """What a person said, and what there is to answer from."""

    utterance: str
    past: Past
    situation: Situation
    read: Callable[[str], Evidence]

    @property
    def last(self) -> tuple[str, Evidence] | None:
        """The evidence that is named, else the newest that is in sight, else the newest there is."""
        named = [one for one in re.findall(r"\bE\d+\b", self.utterance) if one in self.situation.evidence]
        names = named or list(self.past.measured) or self.situation.evidence
        return (names[-1], self.read(names[-1])) if names else None

    @property
    def together(self) -> list[tuple[str, Evidence]]:
        """What the last request measured, which may come to one conclusion; nothing where one evidence is named."""
        named = re.search(r"\bE\d+\b", self.utterance)
        return [] if named else [(name, self.read(name)) for name in self.past.latest]


def _compare(asked: Asked) -> str:
    if not asked.last:
        return NOTHING_MEASURED
    name, found = asked.last
    return writing.comparison(name, found) or f"[{name}] has no base beside it: ask again with another target."


def _again(asked: Asked) -> str:
    return "There is nothing to go on with yet: ask, for example, `what can you do?`."


def _check(asked: Asked) -> str:
    if not asked.last:
        return "There is nothing to check yet: nothing has been measured."
    return 'That measurement has no chance in it that another seed would change. Try it on another text: `the same for "hello."`.'


def _measured(asked: Asked) -> str:
    if not asked.situation.evidence:
        return NOTHING_MEASURED
    lines = [f"- [{name}] {asked.read(name).title}" for name in asked.situation.evidence]
    return "So far I have measured:\n\n" + "\n".join(lines)


def _note(asked: Asked) -> str:
    return "Say `meeting note`, and I write down what came of this conversation on one page."


def _board(asked: Asked) -> str:
    found = hypotheses.board({name: asked.read(name) for name in asked.situation.evidence})
    return hypotheses.written(found) or "There is no hypothesis yet: nothing that was measured so far claims anything."


def _forget(asked: Asked) -> str:
    return (
        "I delete nothing by word of mouth. Press **undo** beside what I noted, or open **What I believe you know**: each note can be "
        "deleted there, and `Forget everything` removes all of it for good, this conversation too."
    )


def _withdraw(asked: Asked) -> str:
    return (
        "From now on I ask again before anything that needs your permission. What was done stays in the audit log: "
        "`python -m agent audit show`."
    )


def _why(asked: Asked) -> str:
    if not asked.last:
        return "I have measured nothing yet, so I believe nothing yet. Ask me, for example, what word the target hides."
    return because(asked.together) or writing.reasons(*asked.last)


def _confidence(asked: Asked) -> str:
    if not asked.last:
        return "I have measured nothing yet, so I am sure of nothing yet."
    return in_short(asked.together) or writing.confidence(*asked.last)


def _explain(asked: Asked) -> str:
    known = [_of(one) for one in asked.situation.explain if one["concept"] in concepts()]
    return "\n\n".join([*narrower(asked.utterance), *known]) or explained(asked.utterance)


def _of(one: dict[str, str]) -> str:
    """A concept as this person should hear it, with their own comparison where they made one."""
    text = concepts()[one["concept"]].explained[one["depth"]]  # type: ignore[index]
    return f"{text} You once compared it: “{one['analogy']}”" if one["analogy"] else text


def _help(asked: Asked) -> str:
    if _DICTIONARIES.search(asked.utterance):
        return dictionaries_here(asked.situation.target)
    return overview(FAMILIES, asked.situation.targets, asked.situation.target)


def _belief(asked: Asked) -> str:
    if asked.situation.paused:
        return PAUSED
    return "I noted that as your belief; **What I believe you know** shows it and lets you delete it. Shall I test it? Ask me what the target hides."


def _preference(asked: Asked) -> str:
    if asked.situation.paused:
        return PAUSED
    return "I noted that as your preference; **What I believe you know** shows it and lets you delete it."


def _memory(asked: Asked) -> str:
    if not asked.situation.notes:
        return "I remember nothing about you yet. I keep what you state or predict, and only that."
    lines = "\n".join(f"> {line}" for line in asked.situation.notes.splitlines())
    return f"This is what I remember, in your words:\n\n{lines}"


def _export(asked: Asked) -> str:
    return (
        "A conversation can be taken along as a report, as a notebook that runs, or as a cassette that replays: "
        f"`python -m agent export {asked.situation.thread} --as report` (or `notebook`, `cassette`). On the page the "
        "same three stand under **Take it along**."
    )


def _stop(asked: Asked) -> str:
    return "Nothing is running now. What was measured is kept; while an experiment runs, **Stop** ends it."


def _smalltalk(asked: Asked) -> str:
    greeting = "You are welcome." if "thank" in asked.utterance.lower() else "Hello."
    target = asked.situation.target
    if asked.past.measured:
        return f"{greeting} Say `meeting note` for what came of this on one page, or go on with `{target}`."
    return f"{greeting} I can look inside `{target}` for you: ask what word it hides, or `what can you do?`."


def answered(asked: Asked) -> str:
    """What is said to a message that shows how far somebody follows, and asks for no experiment."""
    kind = asked.situation.shows["kind"]
    if kind == "wishes":
        return _preference(asked)
    concept = concepts()[asked.situation.shows["concept"]]
    match kind:
        case "knows":
            return f"Good, then I take {concept.name} as known."
        case "analogy":
            return f"I will remember that comparison for {concept.name}: {concept.about}."
        case "states":
            return f"Here is how I would put it: {concept.name} is about {concept.about}."
        case _:
            return _explain(asked)


words_for: dict[str, Callable[[Asked], str]] = {
    "compare": _compare,
    "again": _again,
    "followup": _again,
    "check": _check,
    "measured": _measured,
    "board": _board,
    "note": _note,
    "forget": _forget,
    "withdraw": _withdraw,
    "why": _why,
    "confidence": _confidence,
    "explain": _explain,
    "help": _help,
    "belief": _belief,
    "preference": _preference,
    "memory": _memory,
    "export": _export,
    "stop": _stop,
    "smalltalk": _smalltalk,
}
