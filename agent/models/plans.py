"""From what a person said to a tool call: what they gave, what the conversation gives, and a question where it is not enough."""

import re
from dataclasses import dataclass, field
from typing import Any

from agent.models.defaults import EVERYDAY, HINTS, SECRET_QUESTIONS
from agent.models.dictionary_arguments import usual
from agent.models.stated import stated
from agent.products import MAKERS, made
from agent.situation import Situation
from agent.understanding.slots import Slots
from evidence import artifacts
from evidence.text import quote
from target.spec import DEFAULT_TARGET
from tools import TOOLS

_CARRIED = {"feature", "dictionary", "word", "other_prompt", "other_word"}
"""Arguments that keep their value from one experiment to the next, where the next needs them."""


@dataclass(frozen=True)
class Call:
    """A tool and its arguments."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What the person has to say first, with an example."""

    text: str
    pending: "Call | None" = None
    """The call that waits for the answer, with the arguments there are."""
    missing: tuple[str, ...] = ()
    """The arguments it cannot do without."""


@dataclass(frozen=True)
class Made:
    """Something that a call made for others."""

    reference: str
    """The name the person gave it, else the id of its evidence."""
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Past:
    """What happened before this utterance, with what its first part asks for where this is a later one."""

    measured: dict[str, str]
    """Ids of evidence in order, each with the tool that made it."""
    calls: list[dict[str, Any]]
    """Tool calls in order, also those that are yet to run, each {"name", "args"}."""
    pending: Call | None = None
    """What the guide asked a question about, with the arguments it has."""
    unfinished: list[dict[str, Any]] = field(default_factory=list)
    """The calls of the last request that a stop or another message left."""
    made_by: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The call behind each evidence."""
    waiting: list[dict[str, Any]] = field(default_factory=list)
    """The calls of an earlier request that was put off and not gone on with."""
    request: list[dict[str, Any]] = field(default_factory=list)
    """The calls of the last request, without those that the person took out."""
    latest: tuple[str, ...] = ()
    """Ids of what the last request that measured anything gave."""
    ahead: list[dict[str, Any]] = field(default_factory=list)
    """The calls that the same message asks for before."""

    @property
    def last_call(self) -> dict[str, Any] | None:
        return self.calls[-1] if self.calls else None

    def argument(self, *names: str) -> Any:
        """The newest value of one of these arguments."""
        return next((c["args"][n] for c in reversed(self.calls) for n in names if n in c["args"]), None)

    def value(self, name: str) -> Any:
        """What an argument would be by what came before: the last of its kind that was used or made."""
        if name in {"direction", "probe"}:
            return next(iter(self.makers(name)), None) or self.argument(name)
        if name == "directions":
            made = list(reversed(self.makers("direction")))
            return made[-6:] or None
        if name in {"prompt", "prompts"}:
            last = self.argument("prompt", "prompts")
            texts = last if isinstance(last, list) else [last] if last else []
            return (texts or None) if name == "prompts" else next(iter(texts), None)
        if name == "dictionary":
            return self._dictionary()
        return self.argument(name) if name in _CARRIED else None

    def _dictionary(self) -> str | None:
        """The dictionary that was made or used last."""
        for call in reversed(self.calls):
            if product := made(call):
                if product[0] == "dictionary":
                    return product[1]
            elif named := call["args"].get("dictionary") or usual(_READS.get(call["name"], ""), _target(call)):
                return str(named)
        return None

    def names(self, kind: str) -> list[str]:
        """Names given to artefacts of a kind, newest first."""
        return [c["args"]["name"] for c in reversed(self.calls) if c["name"] in MAKERS[kind] and "name" in c["args"]]

    def makers(self, kind: str) -> list[str]:
        """What was made of a kind, newest first: by the name the person gave it, else by the id of its evidence."""
        return list(dict.fromkeys(one.reference for one in self.made(kind)))

    def made(self, kind: str) -> list[Made]:
        """What was made of a kind, newest first, with what made it; what is yet to run has a name, but no evidence."""
        calls = [*self.made_by.items(), *(("", call) for call in self.ahead)]
        found = [(call, _called(call["args"], name)) for name, call in calls if call["name"] in MAKERS[kind]]
        return [Made(reference, call["name"], call["args"]) for call, reference in reversed(found) if reference]


def _target(call: dict[str, Any]) -> str:
    return str(call["args"].get("target") or DEFAULT_TARGET)


def _called(arguments: dict[str, Any], evidence: str) -> str:
    name = str(arguments.get("name") or "")
    return name if name and (name != arguments.get("texts") or not evidence) else evidence


def plan(tool: str, slots: Slots, past: Past, situation: Situation, *, supposing: bool = False) -> Call | Question:
    """What to call for a request that means this tool; `supposing`, with prompts of ours where the person names none."""
    schema = TOOLS[tool].schema()
    loose = past.value("word") is None  # what was looked for before is meant, where no word is clearly given
    said = stated(tool, slots, schema, situation, known_names(tool, past), loose=loose)
    found = {"target": situation.target} | _carried(tool, schema, said, past) | said | _meant(tool, slots, said, past)
    return completed(tool, found, supposing=supposing)


def _meant(tool: str, slots: Slots, stated: dict[str, Any], past: Past) -> dict[str, Any]:
    """What words like "its" and "the same texts" stand for."""
    if tool in _NEED_ONE_OF and not set(_NEED_ONE_OF[tool]) & set(stated) and _SAME.search(slots.rest):
        return {"texts": past.argument("texts")} if past.argument("texts") else {}
    if tool == "compare_directions" and "directions" not in stated:
        names, last = slots.names(known_names(tool, past)), past.value("direction")
        if len(names) == 1 and last and last not in names:
            return {"directions": [last, names[0]]}
    return {}


def completed(tool: str, found: dict[str, Any], *, supposing: bool = False) -> Call | Question:
    """The call, or a question about what it cannot do without."""
    if supposing:
        found = _DEFAULTS.get(tool, {}) | found
    schema = TOOLS[tool].schema()
    missing = [name for name in schema.get("required", []) if name not in found]
    if tool in _NEED_ONE_OF and not set(_NEED_ONE_OF[tool]) & set(found):
        missing.append(_NEED_ONE_OF[tool][0])
    if missing:
        return Question(_question(tool, missing), Call(tool, found), tuple(missing))
    return Call(tool, _named(found, schema))


def known_names(tool: str, past: Past) -> tuple[str, ...]:
    """Names of what a tool can take: made in this conversation, or kept from earlier ones."""
    kinds = set(TOOLS[tool].references.values()) & {"direction", "probe"}
    kept = [name for kind in kinds for name in artifacts.names(kind)]
    return (*(name for kind in kinds for name in past.names(kind)), *kept)


def _carried(tool: str, schema: dict[str, Any], stated: dict[str, Any], past: Past) -> dict[str, Any]:
    """What was used last, for what the tool needs and the message leaves out."""
    optional = [name for name in ("prompt", "dictionary") if name in schema["properties"]]
    wanted = [name for name in [*schema.get("required", []), *optional] if name not in stated]
    values = {name: past.value(name) for name in dict.fromkeys(wanted)}
    if len(values.get("directions") or []) < schema["properties"].get("directions", {}).get("minItems", 1):
        values.pop("directions", None)
    if tool not in _OF_ONE_DICTIONARY:
        values.pop("dictionary", None)
    return {name: value for name, value in values.items() if value is not None}


def _named(found: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What is made is called after its texts where nobody gives it a name."""
    unnamed = "texts" in found and "name" in schema["properties"] and "name" not in found
    return found | {"name": found["texts"]} if unnamed else found


def _question(tool: str, missing: list[str]) -> str:
    ours = _DEFAULTS.get(tool, {})
    if set(missing) <= set(ours):
        texts = [text for name in missing for text in ([ours[name]] if isinstance(ours[name], str) else ours[name])]
        return f"On which text? Put it in quotes, or answer `yes` and I take {_SOME if len(texts) > 1 else 'one'} of mine, such as {quote(texts[0])}."
    return next((_ASKED[(tool, name)] for name in missing if (tool, name) in _ASKED), None) or next(
        (_ASKED[("", name)] for name in missing if ("", name) in _ASKED),
        f"I need {' and '.join(name.replace('_', ' ') for name in missing)} for that: "
        f"`python -m tools {tool} --help` says what {'it is' if len(missing) == 1 else 'they are'}.",
    )


_READS = {"crosscoder_diff": "crosscoder", "crosscoder_patch": "crosscoder", "prefix_view": "matryoshka"}
"""Tools whose usual dictionary is of another kind than the one that is looked up without a name."""
_SAME = re.compile(r"\b(?:same|these|those|them)\b", re.IGNORECASE)
_SOME = "some"
_OF_ONE_DICTIONARY = {"sae_lookup", "sae_steer", "sae_ablate", "label_features", "export_dictionary"}
"""Tools that go on with the dictionary that was made or used last."""
_NEED_ONE_OF = dict.fromkeys(("probe", "find_direction", "sparse_probe", "erase_concept"), ("texts", "prompts"))
_DEFAULTS: dict[str, dict[str, Any]] = {
    "attention_pattern": {"prompt": EVERYDAY[0]},
    "direct_logit_attribution": {"prompt": EVERYDAY[0]},
    "patchscope": {"prompt": EVERYDAY[0]},
    "ablate_component": {"prompts": [EVERYDAY[0]]},
    "sae_features": {"prompts": [EVERYDAY[0]]},
    "self_report": {"questions": SECRET_QUESTIONS, "prompts": HINTS, "words": ["secret", "word", "hidden"]},
    "sae_steer": {"prompts": EVERYDAY},
    "sae_ablate": {"prompts": EVERYDAY},
    "steer": {"prompts": EVERYDAY},
    "ablate_direction": {"prompts": EVERYDAY},
    "compare_targets": {"prompts": [*HINTS, *EVERYDAY]},
}
"""What the guide runs a tool with when the person names nothing and nothing was used before."""
_TWO_PROMPTS = (
    "I need two prompts of equal length and the answer to each: for example "
    '`activation patching "what is a fox?" "what is a saw?" animal rather than tool`.'
)
_TWO_CLASSES = (
    "Between which texts? I have the labelled sets `living`, `voices` and `secrets`: say, for example, `{}`. Or give two lists in quotes, "
    "one against the other."
)
_ASKED = {
    ("ask", "prompt"): 'What should I say to it? Put the message in quotes, for example: `ask it "what is a fox?"`.',
    (
        "attention_pattern",
        "layer",
    ): 'Which layer, and which head? For example: `attention pattern of layer 2 head 1 on "what is a fox?"`.',
    (
        "direct_logit_attribution",
        "word",
    ): 'Which word, and after which text? For example: `which components write the word animal after "what is a fox?"`.',
    (
        "ablate_component",
        "word",
    ): 'Which word, after which text? For example: `which heads matter for the word yes after "is a fox small?"`.',
    (
        "apply_probe",
        "probe",
    ): "There is no probe yet in this conversation: say, for example, `train a probe on living`.",
    ("apply_probe", "prompt"): 'Which text? Put it in quotes, for example: `apply the probe to "a lion is yellow."`.',
    (
        "compare_directions",
        "directions",
    ): "I need two directions: make them first, for example `find the direction of the text set living`, then of `voices`.",
    (
        "ablation_transfer",
        "directions",
    ): "Which direction? Make one first, for example `find the misalignment direction of em-04`.",
    (
        "train_adapter",
        "dataset",
    ): 'On which dialogues? Give a JSON-lines file in quotes, for example `train an adapter on "examples/dialogues.jsonl"`.',
    (
        "export_dictionary",
        "folder",
    ): 'To which folder? For example `export base@1-sae-layer3 to "my-sae"`.',
    (
        "export_dictionary",
        "dictionary",
    ): "Which dictionary? Those that ship are called like `base@1-sae-layer3`.",
    ("probe", "texts"): _TWO_CLASSES.format("train a probe on living"),
    ("sparse_probe", "texts"): _TWO_CLASSES.format("is there one feature for living"),
    ("erase_concept", "texts"): _TWO_CLASSES.format("erase the concept of living"),
    ("find_direction", "texts"): _TWO_CLASSES.format("find the direction of the text set living"),
    ("patch_activations", "prompt"): _TWO_PROMPTS,
    ("patch_activations", "other_prompt"): _TWO_PROMPTS,
    ("patch_activations", "word"): _TWO_PROMPTS,
    ("patch_activations", "other_word"): _TWO_PROMPTS,
    ("attribute", "prompt"): _TWO_PROMPTS,
    ("attribute", "other_prompt"): _TWO_PROMPTS,
    ("attribute", "word"): _TWO_PROMPTS,
    ("attribute", "other_word"): _TWO_PROMPTS,
    (
        "",
        "feature",
    ): 'Which feature? Give its number, for example `feature 42`; `which features fire on "a fox"?` shows some.',
    (
        "",
        "direction",
    ): "There is no direction yet in this conversation: say, for example, `find the direction of the text set voices`.",
}
"""What is asked where something is missing, with an example."""
