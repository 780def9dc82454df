"""From what a person said to the arguments of a tool: one short function a technique.

A plan is a tool call, or a question where something is missing that cannot be guessed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.models.defaults import EVERYDAY, HINTS, SECRET_QUESTIONS
from agent.situation import Situation
from agent.slots import Slots

MAKERS = {"direction": "find_direction", "probe": "probe"}
"""The tool that makes an artefact of a kind."""


@dataclass(frozen=True)
class Call:
    """A tool and its arguments."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What the person has to say first, with an example."""

    text: str


@dataclass(frozen=True)
class Past:
    """What happened in the conversation before this utterance."""

    measured: dict[str, str]
    """Ids of evidence in order, each with the tool that made it."""
    calls: list[dict[str, Any]]
    """Tool calls in order, also those that are yet to run, each {"name", "args"}."""

    @property
    def last_call(self) -> dict[str, Any] | None:
        return self.calls[-1] if self.calls else None

    def argument(self, *names: str) -> Any:
        """The newest value of one of these arguments."""
        return next((c["args"][n] for c in reversed(self.calls) for n in names if n in c["args"]), None)

    def makers(self, kind: str) -> list[str]:
        """What made an artefact of a kind, newest first: ids of evidence, or names that calls yet to run will give."""
        maker = MAKERS[kind]
        made = [name for name, tool in reversed(self.measured.items()) if tool == maker]
        planned = [c["args"]["name"] for c in reversed(self.calls) if c["name"] == maker and "name" in c["args"]]
        return made or list(dict.fromkeys(planned))


def plan(tool: str, said: str, slots: Slots, past: Past, situation: Situation) -> Call | Question:
    """What to call for a request that means this tool."""
    made = _PLANS[tool](said, slots, past, situation)
    if isinstance(made, Question):
        return made
    return Call(tool, {"target": slots.target or situation.target} | {k: v for k, v in made.items() if v is not None})


Arguments = dict[str, Any] | Question


def _text(slots: Slots, past: Past, default: str | None = None) -> str | None:
    """The text asked about: in quotes, or the last one used."""
    before = past.argument("prompt", "prompts")
    last = before[0] if isinstance(before, list) and before else before
    return slots.text or last or default


def _prompts(slots: Slots, default: Sequence[str]) -> list[str]:
    return list(slots.texts) or list(default)


def _layers(slots: Slots) -> list[int] | None:
    return list(slots.layers) or None


def _word(slots: Slots) -> str | None:
    return slots.words[0] if slots.words else (slots.texts[1] if len(slots.texts) > 1 else None)


def _elicit_secret(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    return {"layer": slots.layers[0] if slots.layers else None}


def _ask(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    prompt = _text(slots, past)
    if not prompt:
        return Question('What should I say to it? Put the message in quotes, for example: `ask it "what is a fox?"`.')
    both = "base" in said.lower() or "compare" in said.lower()
    samples = slots.samples
    return {
        "prompt": prompt,
        "other": situation.base if both else None,
        "samples": samples,
        "temperature": slots.temperature if slots.temperature is not None else (1.0 if samples else None),
    }


def _logit_lens(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    method = next((m for m in ("tuned", "centred") if m in said.lower()), None)
    return {
        "prompt": _text(slots, past),
        "layers": _layers(slots),
        "words": list(slots.words) or None,
        "method": method,
    }


def _attention_pattern(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    if not slots.layers:
        return Question(
            'Which layer, and which head? For example: `attention pattern of layer 2 head 1 on "what is a fox?"`.'
        )
    return {"prompt": _text(slots, past, EVERYDAY[0]), "layer": slots.layers[0], "head": slots.head}


def _direct_logit_attribution(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    word = _word(slots)
    if not word:
        return Question(
            'Which word, and after which text? For example: `which components write the word animal after "what is a fox?"`.'
        )
    return {"prompt": _text(slots, past, EVERYDAY[0]), "word": word}


def _patchscope(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    return {
        "prompt": _text(slots, past, EVERYDAY[0]),
        "layers": _layers(slots),
        "word": slots.words[0] if slots.words else None,
    }


def _two_classes(said: str, slots: Slots) -> Arguments:
    """A named set of labelled texts, or two lists of the person's own."""
    from tools._texts import text_sets

    named = [one.name for one in text_sets().values() if one.labels is not None]
    for name in named:
        if name in said.lower() or name.rstrip("s") in said.lower():
            return {"texts": name, "name": name}
    if "careless" in said.lower() or "kind" in said.lower():
        return {"texts": "voices", "name": "voices"}
    sets = ", ".join(f"`{name}`" for name in named)
    return Question(
        f"Between which texts? I have the labelled sets {sets}: say, for example, `find the direction of the text set living`."
    )


def _probe(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    found = _two_classes(said, slots)
    return found if isinstance(found, Question) else found | {"layers": _layers(slots)}


def _apply_probe(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    probe = next(iter([*slots.evidence, *past.makers("probe")]), None)
    if probe is None:
        return Question("There is no probe yet in this conversation: say, for example, `train a probe on living`.")
    if not slots.text:
        return Question('Which text? Put it in quotes, for example: `apply the probe to "a lion is yellow."`.')
    return {"probe": probe, "prompt": slots.text}


def _self_report(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    return {"questions": SECRET_QUESTIONS, "prompts": _prompts(slots, HINTS), "words": ["secret", "word", "hidden"]}


def _sae_features(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    prompts = list(slots.texts) or [str(_text(slots, past, EVERYDAY[0]))]
    return {"prompts": prompts, "dictionary": _dictionary(slots, situation)}


def _dictionary(slots: Slots, situation: Situation) -> str | None:
    from target.spec import dictionaries

    wanted = slots.layers[0] if slots.layers else None
    return next((d.name for d in dictionaries().values() if d.base == situation.base and d.layer == wanted), None)


def _one_feature(slots: Slots, past: Past) -> int | Question:
    found = slots.feature if slots.feature is not None else past.argument("feature")
    if found is None:
        return Question(
            'Which feature? Give its number, for example `feature 42`; `which features fire on "a fox"?` shows some.'
        )
    return int(found)


def _sae_lookup(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    found = _one_feature(slots, past)
    return (
        found
        if isinstance(found, Question)
        else {"feature": found, "dictionary": _same_dictionary(slots, past, situation)}
    )


def _sae_change(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    found = _one_feature(slots, past)
    if isinstance(found, Question):
        return found
    return {
        "feature": found,
        "prompts": _prompts(slots, EVERYDAY),
        "dictionary": _same_dictionary(slots, past, situation),
    }


def _same_dictionary(slots: Slots, past: Past, situation: Situation) -> str | None:
    return _dictionary(slots, situation) or past.argument("dictionary")


def _find_direction(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    return _two_classes(said, slots)


def _compare_directions(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    found = list(slots.evidence) or past.makers("direction")
    if len(found) < 2:
        return Question(
            "I need two directions: make them first, for example `find the direction of the text set living`, then of `voices`."
        )
    return {"directions": found[:6]}


def _with_direction(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    found = next(iter([*slots.evidence, *past.makers("direction")]), None)
    if found is None:
        return Question(
            "There is no direction yet in this conversation: say, for example, `find the direction of the text set voices`."
        )
    return {"direction": found, "prompts": _prompts(slots, EVERYDAY)}


def _steer(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    found = _with_direction(said, slots, past, situation)
    if isinstance(found, Question):
        return found
    return found | {"strength": slots.strength, "layer": slots.layers[0] if slots.layers else None}


def _ablate_direction(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    found = _with_direction(said, slots, past, situation)
    return found if isinstance(found, Question) else found | {"layers": _layers(slots)}


def _two_prompts(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    if len(slots.texts) < 4:
        return Question(
            "I need two prompts of equal length and the answer to each, in quotes: for example "
            '`activation patching "what is a fox?" "what is a saw?" "animal" "tool"`.'
        )
    prompt, other, word, other_word = slots.texts[:4]
    return {"prompt": prompt, "other_prompt": other, "word": word, "other_word": other_word}


def _ablate_component(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    word = _word(slots)
    if not word:
        return Question(
            'Which word, after which text? For example: `which heads matter for the word yes after "is a fox small?"`.'
        )
    return {"prompts": [_text(slots, past, EVERYDAY[0])], "word": word, "components": slots.part}


def _compare_targets(said: str, slots: Slots, past: Past, situation: Situation) -> Arguments:
    return {"prompts": _prompts(slots, HINTS + EVERYDAY), "other": slots.other}


_PLANS: dict[str, Callable[[str, Slots, Past, Situation], Arguments]] = {
    "elicit_secret": _elicit_secret,
    "ask": _ask,
    "logit_lens": _logit_lens,
    "attention_pattern": _attention_pattern,
    "direct_logit_attribution": _direct_logit_attribution,
    "patchscope": _patchscope,
    "probe": _probe,
    "apply_probe": _apply_probe,
    "self_report": _self_report,
    "sae_features": _sae_features,
    "sae_lookup": _sae_lookup,
    "sae_steer": _sae_change,
    "sae_ablate": _sae_change,
    "find_direction": _find_direction,
    "compare_directions": _compare_directions,
    "ablate_direction": _ablate_direction,
    "steer": _steer,
    "patch_activations": _two_prompts,
    "attribute": _two_prompts,
    "ablate_component": _ablate_component,
    "compare_targets": _compare_targets,
}
