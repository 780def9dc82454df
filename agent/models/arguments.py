"""What a person gave, as the arguments that a tool's schema knows: one reading for every tool, plug-ins too."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.models import dictionary_arguments as dictionaries
from agent.models import training_arguments as training
from agent.models.written import written
from agent.situation import Situation
from agent.understanding import counts, words
from agent.understanding.slots import Slots

Schema = Mapping[str, Any]
_CHOICES = {
    ("method", "tuned"): r"\btuned\b",
    ("method", "centred"): r"\bcent(?:re|er)e?d\b",
    ("method", "zero"): r"\bzero",
    ("method", "resample"): r"\bresampl",
    (
        "method",
        "gradient",
    ): r"\b(?:plain|simple|single|raw|vanilla|one|first[- ]order)[- ]gradient|\bgradient (?:times|x|alone|only)\b",
    ("method", "principal component"): r"\bpca\b|\bprincipal comp",
    ("method", "logistic"): r"\blogistic\b",
    ("site", "attention"): r"\battention\b",
    ("site", "mlp"): r"\bmlps?\b",
    ("components", "mlps"): r"\bmlps?\b|\bfeed-?forward",
    ("components", "attention"): r"\battention(?: blocks?| layers?| sublayers?)?\b(?! heads?)",
    (
        "components",
        "layers",
    ): r"\b(?:whole|entire|complete|full) (?:layers|blocks)\b|\blayer by layer\b|\b(?:layers|blocks) one (?:by|at) |\bcomponents:? layers\b",
    ("tokens", "last"): r"\b(?:last|final) tok",
}
"""How a choice is told that is not a tool's usual one."""
_CENTRED = re.compile(r"\bcent(?:re|er)e?d\b|\baffine\b|\bbase mean\b", re.IGNORECASE)
_RAW = re.compile(
    r"\bno(?:t as)?(?: an?)? chat\b|\b(?:as|in|is) (?:raw|plain|bare) (?:text|prose)|\braw text\b|\bwithout (?:the )?chat|\bplain text\b",
    re.IGNORECASE,
)
_MESSAGE = re.compile(
    r"\bas (?:an? |the )?(?:chat |person's |user(?:'s)? )?(?:message|chat)\b|\bas if (?:a person|somebody|someone) (?:said|wrote|typed)",
    re.IGNORECASE,
)
_NO_UNTRAINED = re.compile(r"\b(?:skip|without|no|leave out|omit)\b[^,;.]{0,16}\buntrained", re.IGNORECASE)


@dataclass(frozen=True)
class Given:
    """What a message gives one tool."""

    slots: Slots
    properties: Schema
    known: tuple[str, ...] = ()
    """Names of directions or probes that there are."""
    loose: bool = True
    """Whether any unusual word may be meant, where a tool needs one."""

    @property
    def _takes_words(self) -> bool:
        return bool({"word", "words"} & set(self.properties))

    @property
    def texts(self) -> list[str]:
        """Quoted texts that are no single words, where a tool takes words beside texts."""
        all_ = list(self.slots.texts)
        long = [text for text in all_ if not _single(text)]
        if not self._takes_words or not (long or "other_word" in self.properties or not self.loose):
            return all_
        return long or ([] if not self.loose else all_[: max(1, len(all_) - 2)])

    @property
    def words(self) -> list[str]:
        """Words to look for: quoted single ones, else those given without quotes."""
        if not self._takes_words:
            return []
        texts = self.texts
        quoted = [*self.slots.quoted_words, *(text for text in self.slots.texts if text not in texts)]
        loose = self.loose and "word" in self.properties
        return list(dict.fromkeys(quoted)) or self._unquoted(loose)

    def _unquoted(self, loose: bool) -> list[str]:
        taken = {*self.names, self.slots.new_name} | ({words.instead(self.slots.rest)} if not self.loose else set())
        return [word for word in self.slots.words(loose=loose) if word not in taken]

    @property
    def other_word(self) -> str | None:
        """The word that another is held against."""
        if self.slots.other_word:
            return self.slots.other_word
        found = self.words[1] if len(self.words) > 1 else words.instead(self.slots.rest)
        return None if found in self.words[:1] else found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of directions or probes, where a tool takes them."""
        if {"direction", "directions"} & set(self.properties) or (
            "prompt" in self.properties and "probe" in self.properties
        ):
            return (*self.slots.evidence, *self.slots.names(self.known))
        return (*self.slots.evidence, *words.probes(self.slots.rest, self.known)) if "probe" in self.properties else ()

    def choice(self, name: str) -> str | None:
        """The one of an argument's allowed values that the message tells."""
        field = self.properties[name]
        allowed = [value for one in (field, *field.get("anyOf", [])) for value in one.get("enum", [])]
        for value in allowed:
            if name == "components" and re.search(r"\bheads?\b", self.slots.rest, re.IGNORECASE):
                return None
            pattern = _CHOICES.get((name, value), rf"\b{re.escape(value)}\b")
            if value != field.get("default") and re.search(pattern, self.slots.rest, re.IGNORECASE):
                return str(value)
        return None


def given(
    tool: str, slots: Slots, schema: Schema, situation: Situation, known: tuple[str, ...] = (), *, loose: bool = True
) -> dict[str, Any]:
    """The arguments of a tool that a message states, the target among them; what it does not state is not there."""
    one = Given(slots, schema["properties"], known, loose)
    found = {name: _SOURCES[name](one, situation) for name in schema["properties"] if name in _SOURCES}
    found |= {name: read(one) for name, read in training.SOURCES.items() if name in schema["properties"]}
    found |= written(slots.rest, schema["properties"])
    special = _SPECIAL.get(tool, lambda given, situation: {})(one, situation)
    return {
        name: v for name, v in (found | special).items() if name in schema["properties"] and v not in (None, [], (), "")
    }


def _prompts(one: Given, situation: Situation) -> list[str]:
    if "other_prompts" in one.properties and len(one.slots.groups) > 1:
        return list(one.slots.groups[0])
    return one.texts


def _other_prompts(one: Given, situation: Situation) -> list[str]:
    return [text for group in one.slots.groups[1:] for text in group]


def _feature(one: Given, situation: Situation) -> int | None:
    return one.slots.feature if one.slots.feature is not None else one.slots.bare


def text_set(said: str) -> str | None:
    """The set of labelled texts that a message names."""
    from tools._texts import text_sets

    named = [one.name for one in text_sets().values() if one.labels is not None]
    lower = said.lower()
    for name in named:
        if re.search(rf"\b{name}\b", lower) or re.search(rf"\b{name.rstrip('s')}\b", lower):
            return name
    return next((name for name, words_ in _MEANT.items() if name in named and re.search(words_, lower)), None)


_MEANT = {
    "voices": r"\bcareless|\bkind(?:ness)? (?:and|vs|versus|or|from|against)|\bkind(?:ly)? (?:advice|voice|texts?)|\bvoice\b"
    r"|\btone of\b|\bharmful advice",
    "living": r"\balive\b|\banimate|\bliving\b|\bnon-?living|\blife\b|\bbeings?\b",
    "secrets": r"\bsecre\w+\b",
}


_SOURCES: dict[str, Callable[[Given, Situation], Any]] = {
    "prompt": lambda g, s: g.texts[0] if g.texts else None,
    "other_prompt": lambda g, s: g.texts[1] if len(g.texts) > 1 else None,
    "prompts": _prompts,
    "other_prompts": _other_prompts,
    "word": lambda g, s: g.words[0] if g.words else None,
    "other_word": lambda g, s: g.other_word,
    "words": lambda g, s: g.words,
    "layers": lambda g, s: list(g.slots.layers),
    "layer": lambda g, s: g.slots.layers[0] if g.slots.layers else None,
    "head": lambda g, s: g.slots.head,
    "feature": _feature,
    "strength": lambda g, s: g.slots.strength,
    "temperature": lambda g, s: g.slots.temperature,
    "samples": lambda g, s: g.slots.samples,
    "k": lambda g, s: g.slots.k,
    "max_new_tokens": lambda g, s: g.slots.tokens,
    "system": lambda g, s: g.slots.system,
    "prefill": lambda g, s: g.slots.prefill,
    "dictionary": dictionaries.any_kind,
    "method": lambda g, s: g.choice("method"),
    "site": lambda g, s: g.choice("site"),
    "components": lambda g, s: g.choice("components"),
    "tokens": lambda g, s: g.choice("tokens"),
    "centred": lambda g, s: True if _CENTRED.search(g.slots.rest) else None,
    "texts": lambda g, s: None if g.slots.groups else text_set(g.slots.rest),
    "name": lambda g, s: g.slots.new_name,
    "direction": lambda g, s: g.names[0] if g.names else None,
    "directions": lambda g, s: list(g.names)[:6] if len(g.names) > 1 else None,
    "probe": lambda g, s: g.names[0] if g.names else None,
    "candidates": lambda g, s: list(
        dict.fromkeys([*words.candidates(g.slots.rest), *g.slots.quoted_words, *g.slots.texts])
    ),
    "target": lambda g, s: None if _is_beside(g) else dictionaries.model(g),
    "other": lambda g, s: g.slots.target if _is_beside(g) else _second(g),
    "chat": lambda g, s: _chat(g),
    "draws": lambda g, s: counts.draws(g.slots.rest),
    "seed": lambda g, s: counts.seed(g.slots.rest),
    "position": lambda g, s: counts.position(g.slots.rest),
    "inspection": lambda g, s: g.slots.inspection,
    "untrained_control": lambda g, s: False if _NO_UNTRAINED.search(g.slots.rest) else None,
}
"""Where the value of an argument is found, by the argument's name: the same name means the same in every tool."""


def _followed(one: Given, situation: Situation) -> dict[str, Any]:
    """Words are followed only where the message calls them so: any text has words."""
    quoted = [*one.slots.quoted_words, *(text for text in one.slots.texts if text not in one.texts)]
    found = quoted or [word for word in one.slots.called_words if word not in one.names]
    return {"words": found, "word": found[0] if found else None}


def _patchscope(one: Given, situation: Situation) -> dict[str, Any]:
    into = re.search(
        r"\b(?:put|insert|inject|patch|write|place)\w*\b.{0,24}\b(?:into|in|to|after)\b", one.slots.rest, re.IGNORECASE
    )
    layer = counts.into_layer(one.slots.rest[into.start() :]) if into else None
    layers = [one_ for one_ in one.slots.layers if one_ != layer] if layer is not None else list(one.slots.layers)
    return _followed(one, situation) | {"into_layer": layer, "layers": layers}


def _self_report(one: Given, situation: Situation) -> dict[str, Any]:
    """Questions to the target about itself, and prompts on which it shows what it does."""
    asked = [
        text
        for text in one.texts
        if re.search(r"\b(?:you|your|yourself)\b", text, re.IGNORECASE) and text.rstrip().endswith("?")
    ]
    if len(one.slots.groups) > 1 and (not asked or len(asked) == len(one.texts)):
        asked = [text for text in one.slots.groups[0] if text in one.texts]
    return _followed(one, situation) | {
        "questions": asked,
        "prompts": [text for text in one.texts if text not in asked],
    }


def _second(one: Given) -> str | None:
    """The second model named; the same one twice is a slip, but where two are to be compared."""
    return one.slots.other if one.slots.other != one.slots.target or "k" in one.properties else None


def _is_beside(one: Given) -> bool:
    """Whether the only model named is the one to compare with."""
    slots, compares = one.slots, set(one.properties) >= {"prompts", "other", "k"}
    if slots.target is None or slots.other or "other" not in one.properties:
        return False
    return slots.against or (compares and (slots.beside or slots.target.startswith("base@")))


def _ask(one: Given, situation: Situation) -> dict[str, Any]:
    return {"other": situation.base} if one.slots.base and not one.slots.other else {}


def _only_said(one: Given, situation: Situation) -> dict[str, Any]:
    """Words for which a strength is looked for: only such as the message calls so."""
    cue = r"\b(?:words?|until|before|says?|saying|mentions?|gets?|answers?|towards?|likel\w+|probab\w+|make it)\b"
    return (
        {}
        if one.slots.quoted_words or (re.search(cue, one.slots.rest, re.IGNORECASE) and one.slots.groups)
        else {"words": None}
    )


_SPECIAL: dict[str, Callable[[Given, Situation], dict[str, Any]]] = {
    "logit_lens": _followed,
    "patchscope": _patchscope,
    "ablate_direction": _followed,
    "self_report": _self_report,
    "ask": _ask,
    "steer": _only_said,
    "sae_steer": _only_said,
    **training.SPECIAL,
    **dictionaries.SPECIAL,
}


def _chat(one: Given) -> bool | None:
    """Whether a text is given as a person's message, where that is not the tool's usual way."""
    usual = one.properties["chat"].get("default")
    said = False if _RAW.search(one.slots.rest) else True if _MESSAGE.search(one.slots.rest) else None
    return None if said == usual else said


def _single(text: str) -> bool:
    return len(text.split()) == 1 and not re.search(r"[.?!]$", text.strip())
