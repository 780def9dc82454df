"""Does the guide understand a writer whose messages it did not learn from? Learned anew without them, two files at a time."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.embedding import embedding, minilm_folder
from agent.understanding import classifier, examples
from agent.understanding.__main__ import by_rules
from agent.understanding.router import mean
from agent.understanding.slots import parse
from agent.understanding.tagging import learning, shipped
from agent.understanding.tagging.merging import merged
from agent.understanding.tagging.reading import Reader
from agent.understanding.tagging.spans import located
from evals.result import Metric, share
from evals.suites import Options
from evals.understanding import START, rows, same
from evidence.errors import ModelError
from target.spec import public_names
from tools import TOOLS

PAIRS = (("newcomers", "seen"), ("experts", "seen_more"), ("hard", "dev_more"))
"""Files that are left out together; each has writers of its own."""
UNSEEN = ("newcomers", "experts", "hard")
"""Files that nothing in the rules was written after."""


@dataclass(frozen=True)
class Read:
    """One message of a left-out file: what each reading of it gets right."""

    file: str
    meant: bool
    """Its request, by sentence vectors alone."""
    spelt: bool
    """By words and letters beside them."""
    ruled: bool | None = None
    """Its arguments given its tool, by the rules; None where that is not measured."""
    tagged: bool | None = None
    """By the tagger beside them."""


def measure(options: Options) -> Iterator[Metric]:
    """Requests of single messages without a history; with `--full` their arguments too, for which three taggers are trained."""
    if minilm_folder() is None:
        raise ModelError("the minilm embedding is not installed: run `make setup`")
    found = [one for pair in PAIRS for one in _read(pair, tags=options.full)]
    for files, shown in ((None, "all six files"), (UNSEEN, "the three hard ones")):
        mine = [one for one in found if files is None or one.file in files]
        yield share(f"request right, sentence vectors alone, {shown}", sum(one.meant for one in mine), len(mine))
        yield share(f"request right, words and letters too, {shown}", sum(one.spelt for one in mine), len(mine))
        given = [one for one in mine if one.ruled is not None]
        if given:
            yield share(f"arguments right given the tool, rules, {shown}", sum(map(_ruled, given)), len(given))
            yield share(f"arguments right given the tool, tagger too, {shown}", sum(map(_tagged, given)), len(given))


def _ruled(one: Read) -> bool:
    return bool(one.ruled)


def _tagged(one: Read) -> bool:
    return bool(one.tagged)


def _read(pair: Sequence[str], *, tags: bool) -> Iterator[Read]:
    """The messages of two files, by what was learned without either."""
    held = [(name, row) for name in pair for row in rows(f"routing_{name}")]
    known = {_plain(row["say"]) for _, row in held}
    declared = {name: [one for one in many if _plain(one) not in known] for name, many in examples.declared().items()}
    embed = embedding("minilm")
    texts, names = classifier.filled(declared)
    by_meaning = classifier.fitted(classifier.seen(embed, texts)[0], names)
    by_letters = classifier.learn_spelling(declared)
    reader = _trained(declared, known) if tags else None
    for file, row in held:
        wanted = _wanted(row)
        if wanted is None:
            continue
        slots, plain = parse(row["say"], public_names())
        meant = by_meaning(classifier.seen_of(embed, [row["say"]], [(slots, plain)])[0])
        both = mean(meant, by_letters(plain, row["say"], slots))
        right = [_first(one) in wanted for one in (meant, both)]
        yield Read(file, *right, *(_arguments(row, reader) if reader and row["calls"] else (None, None)))


def _wanted(row: Mapping[str, Any]) -> set[str] | None:
    """What a message may be taken for; None where it asks for several things, lacks what it needs, or rests on what came before."""
    if len(row["calls"]) > 1 or row["history"] or row["intent"] == "followup":
        return None
    if row["intent"] == "tools" and not row["calls"]:
        return None
    if row["calls"]:
        return {row["calls"][0]["tool"]} | ({"compare"} if row["calls"][0]["tool"] == "compare_targets" else set())
    return SPOKEN.get(row["intent"], {row["intent"]})


SPOKEN = {
    "memory": {"memory", "measured", "board", "belief", "preference", "forget"},
    "stop": {"stop", "withdraw"},
    "export": {"export", "note"},
}
"""Intents that others name by one word."""


def _arguments(row: Mapping[str, Any], reader: Reader) -> tuple[bool, bool]:
    call = row["calls"][0]
    tool, properties = call["tool"], TOOLS[call["tool"]].schema()["properties"]
    rules = by_rules(tool, row["say"])
    spans = reader(tool, row["say"], tuple(properties), located(row["say"], rules)[0]) or ()
    both = merged(row["say"], spans, rules, properties, public_names())
    return same(tool, call["arguments"], rules, START), same(tool, call["arguments"], both, START)


def _trained(declared: Mapping[str, Sequence[str]], known: set[str]) -> Reader:
    import torch
    from transformers import AutoTokenizer

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        properties = {name: tuple(tool.schema()["properties"]) for name, tool in TOOLS.items()}
        people = [one for one in learning.labelled(shipped.LABELLED, properties) if _plain(one.said) not in known]
        tagger = learning.learn(people, properties, by_rules, declared=declared)
    finally:
        torch.set_num_threads(threads)
    return Reader(tagger.folded(), AutoTokenizer.from_pretrained(str(minilm_folder())))


def _first(shares: Mapping[str, float]) -> str:
    return max(shares, key=lambda name: shares[name])


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()
