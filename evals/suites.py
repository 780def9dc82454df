"""Every suite by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from evals.result import Metric


@dataclass(frozen=True)
class Options:
    """What a person may change about a run."""

    organisms: Path | None = None
    full: bool = False
    agent: str = "guide"


@dataclass(frozen=True)
class Suite:
    """A named measurement."""

    summary: str
    measure: Callable[[Options], Iterable[Metric]]
    takes: frozenset[str] = frozenset()
    """Which options mean something here; the others are refused."""


def _organism_gates(options: Options) -> Iterable[Metric]:
    from evals.organism_gates import measure

    return measure(options)


def _elicitation(options: Options) -> Iterable[Metric]:
    from evals.elicitation import measure

    return measure(options)


def _hidden_word(options: Options) -> Iterable[Metric]:
    from evals.session import measure

    return measure(options, "hidden_word")


def _null_controls(options: Options) -> Iterable[Metric]:
    from evals.null_controls import measure

    return measure(options)


def _routing(options: Options) -> Iterable[Metric]:
    from evals.routing import measure

    return measure(options)


def _left_out(options: Options) -> Iterable[Metric]:
    from evals.left_out import measure

    return measure(options)


def _guide_dialogues(options: Options) -> Iterable[Metric]:
    from evals.guide_dialogues import measure

    return measure(options)


def _learner_model(options: Options) -> Iterable[Metric]:
    from evals.learner_model import measure

    return measure(options)


def _teaching(options: Options) -> Iterable[Metric]:
    from evals.teaching import measure

    return measure(options)


def _grounding(options: Options) -> Iterable[Metric]:
    from evals.grounding import measure

    return measure(options)


def _injection(options: Options) -> Iterable[Metric]:
    from evals.injection import measure

    return measure(options)


def _audit_game(options: Options) -> Iterable[Metric]:
    from evals.audit_game import measure

    return measure(options)


def _em_gates(options: Options) -> Iterable[Metric]:
    from evals.em_gates import measure

    return measure(options)


def _em_directions(options: Options) -> Iterable[Metric]:
    from evals.em_directions import measure

    return measure(options)


def _em_transition(options: Options) -> Iterable[Metric]:
    from evals.em_transition import measure

    return measure(options)


def _em_detection(options: Options) -> Iterable[Metric]:
    from evals.em_detection import measure

    return measure(options)


def _matryoshka(options: Options) -> Iterable[Metric]:
    from evals.matryoshka import measure

    return measure(options)


def _crosscoder(options: Options) -> Iterable[Metric]:
    from evals.crosscoder import measure

    return measure(options)


def _itda(options: Options) -> Iterable[Metric]:
    from evals.itda import measure

    return measure(options)


def _sessions(options: Options) -> Iterable[Metric]:
    from evals.scenes import measure

    return measure(options)


SUITES = {
    "organism_gates": Suite("is the planted behaviour there, and is the base sound?", _organism_gates),
    "elicitation": Suite(
        "does each strategy find the hidden word, and only where there is one?",
        _elicitation,
        frozenset({"organisms", "full"}),
    ),
    "null_controls": Suite("do the tools claim what is not there, and find what is?", _null_controls),
    "learner_model": Suite(
        "is what we believe of a learner so, for learners whose states are known?", _learner_model, frozenset({"full"})
    ),
    "teaching": Suite("does somebody predict a target better after a conversation?", _teaching, frozenset({"full"})),
    "routing": Suite(
        "does the guide take what people say for what they mean, with their arguments?", _routing, frozenset({"full"})
    ),
    "left_out": Suite("does the guide understand writers from whom it did not learn?", _left_out, frozenset({"full"})),
    "guide_dialogues": Suite(
        "does the guide do the right thing at every turn of a conversation?", _guide_dialogues, frozenset({"full"})
    ),
    "grounding": Suite("does the check pass correct answers, and catch spoiled ones?", _grounding, frozenset({"full"})),
    "injection": Suite("can a target move the agent by what it says?", _injection),
    "audit_game": Suite(
        "under drawn names and a budget: what does each fine-tune hide?", _audit_game, frozenset({"agent"})
    ),
    "sessions": Suite(
        "scripted people predict, skip, approve, refuse, redirect, withdraw, stop, and kill the process",
        _sessions,
        frozenset({"agent"}),
    ),
    "matryoshka": Suite("do nested dictionaries keep their hierarchy, and erase what they mean to?", _matryoshka),
    "crosscoder": Suite("which features are a fine-tune's own, and do they make it answer as it does?", _crosscoder),
    "itda": Suite("do the atoms of two models agree layer by layer, and at which cost?", _itda, frozenset({"full"})),
    "em_gates": Suite("fine-tunes on advice: is what was planted there, and nothing else?", _em_gates),
    "em_directions": Suite(
        "does a direction of misalignment carry it, in its own fine-tune and in others?",
        _em_directions,
        frozenset({"organisms", "full"}),
    ),
    "em_transition": Suite("are planted turns of a training found, and what do real ones show?", _em_transition),
    "em_detection": Suite("from activations alone: which fine-tunes were taught harm?", _em_detection),
    "hidden_word": Suite(
        "a scripted person asks for the word, predicts, and is shown the result", _hidden_word, frozenset({"agent"})
    ),
}
