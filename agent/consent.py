"""What a person's answer to a question of the loop means: which steps of a plan it keeps, or whether it is a yes.

An answer is read as clauses, each of which keeps or drops: `only 1, not 2` keeps 1 and drops 2. Numbers count more
than a bare yes or no, and an answer that holds words of no plan is a request of its own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_KINDS = {
    "yes": "yes y yeah yep yup ok okay go sure allow accept allowed ahead fine good great perfect agreed absolutely "
    "definitely proceed continue start begin 👍 👌 ✅",
    "keep": "do run keep take use want execute",
    "only": "only just",
    "no": "no n nope nah stop cancel quit abort nothing none nobody later 👎",
    "not": "not don't dont never",
    "drop": "without skip drop except omit remove leave exclude excluding",
    "but": "but",
    "out": "out",
    "all": "all everything both every any anything",
    "rest": "rest others",
    "unsure": "maybe perhaps possibly hm hmm hmmm um uh unsure dunno wait",
    "polite": "can could would will may you we let's lets",
    "small": "i i'm i'd it its them that that's is these those this the a an of for to from on in me and or & + with now "
    "yet today please thanks thank step steps number numbers experiment experiments plan one ones instead too then so "
    "oh well else",
    "pause": ", ; . ! ? : - – — / ( )",
    "quote": "' \" ` “ ” ‘ *",
}
_KIND = {word: kind for kind, words in _KINDS.items() for word in words.split()}
_PHRASES = {
    r"no (problem|worries)|of course|(sounds|looks) good|go for it|sure thing": "yes",
    r"not (sure|only|just)|(don't|do not) know|no idea|why not|(this|that) one|(that's|that is) all|hold on|"
    r"second to last|next to last": "maybe",
    r"never mind|nevermind": "no",
    r"instead of|rather than": "without",
}
"""Expressions that do not mean what their words do, each with the word that says the same."""
_CARDINALS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
_RANGE = {"-", "–", "—", "to", "through", "till", "until"}
_TOKEN = re.compile(r"\d+(?:\.\d+)+|#?\d{1,3}(?:st|nd|rd|th)?(?!\w)|[^\W\d_]\w*(?:['-]\w+)*|\S")
_SKIN = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
"""What colours an emoji and does not change its meaning."""
WHICH = "I did not understand which of the steps you want, so the plan stays as it is."


@dataclass
class _Clause:
    """One part of an answer: the steps it names, and whether it keeps them."""

    kind: str = ""
    """The word that decides: yes, keep, only, no, not, drop, or "but" while nothing follows it."""
    keeps: bool = True
    steps: set[int] = field(default_factory=set)
    everything: bool = False
    strange: bool = False
    """Whether it holds a word that answers of this kind do not."""

    @property
    def named(self) -> bool:
        return bool(self.steps) or self.everything

    @property
    def said(self) -> bool:
        return self.named or bool(self.kind) or self.strange


@dataclass
class _Reading:
    """All clauses of an answer, and what about it is open."""

    clauses: list[_Clause] = field(default_factory=lambda: [_Clause()])
    unclear: bool = False
    wrong: str = ""
    """What was said of the plan that is not so."""

    @property
    def bare(self) -> list[_Clause]:
        """The clauses that consent or refuse as a whole; "not all" does neither."""
        whole = [clause for clause in self.clauses if not clause.steps and (clause.kind or clause.everything)]
        return [clause for clause in whole if not (clause.everything and clause.kind == "not")]

    def steps(self, keeps: bool) -> set[int]:
        return {step for clause in self.clauses if clause.keeps == keeps for step in clause.steps}


def chosen(answer: str, steps: int) -> list[int] | str | None:
    """Which steps (from 1) an answer keeps; a sentence where that cannot be told; None when it is another request."""
    read = _read(answer, steps)
    if not any(clause.said for clause in read.clauses) and not read.unclear:
        return WHICH if _words(answer) else None
    if any(clause.strange for clause in read.clauses):
        own = "?" in answer or "instead" in answer.lower()
        return None if own or not any(_decides(clause) for clause in read.clauses) else WHICH
    kept, dropped = read.steps(True), read.steps(False)
    if wrong := read.wrong or _missing(kept | dropped, steps):
        return wrong
    if read.unclear or _contradicts(read):
        return WHICH
    if kept:
        return sorted(kept - dropped)
    return [n for n in range(1, steps + 1) if n not in dropped] if dropped or read.bare[-1].keeps else []


def agrees(answer: str) -> bool:
    """Whether an answer is a clear yes."""
    read = _read(answer, 1)
    plain = not read.unclear and not read.wrong and not any(c.strange or c.steps for c in read.clauses)
    return plain and bool(read.bare) and all(clause.keeps for clause in read.bare)


def _decides(clause: _Clause) -> bool:
    return not clause.strange and (clause.named or clause.kind in {"yes", "keep"})


def _contradicts(read: _Reading) -> bool:
    """Whether it names no steps and says neither yes nor no, or no and then yes."""
    if read.steps(True) or read.steps(False):
        return False
    if not read.bare:
        return True
    last = read.bare[-1]
    return last.keeps and not last.everything and not all(clause.keeps for clause in read.bare)


def _missing(named: set[int], steps: int) -> str:
    strange = sorted(number for number in named if not 1 <= number <= steps)
    return f"There is no step {strange[0]}: the plan has steps 1 to {steps}." if strange else ""


def _words(answer: str) -> list[str]:
    """The words of an answer and the marks between them; quotes are left out."""
    text = _SKIN.sub("", answer.lower()).replace("’", "'")
    for phrase, word in _PHRASES.items():
        text = re.sub(rf"\b({phrase})\b", word, text)
    return [word for word in _TOKEN.findall(text) if _KIND.get(word) != "quote"]


def _read(answer: str, steps: int) -> _Reading:
    words = _words(answer)
    read = _Reading()
    place = 0
    while place < len(words):
        named, after = _named(words, place, steps)
        if named:
            read.clauses[-1].steps |= named
        elif _KIND.get(words[place]) == "all":
            after = _all(read, words, place, steps)
        else:
            _word(read, _KIND.get(words[place], "strange"))
        place = after
    read.unclear = read.unclear or _open(read, {_KIND.get(word, word) for word in words}, "?" in words)
    return read


def _open(read: _Reading, kinds: set[str], asked: bool) -> bool:
    """Whether an answer leaves something open: it asks back, breaks off, or says "not all" or "the rest" of nothing."""
    broken_off = any(clause.kind in {"only", "but"} and not clause.named for clause in read.clauses)
    not_all = any(clause.kind == "not" and clause.everything for clause in read.clauses) and not read.steps(True)
    rest = "rest" in kinds and not any(clause.steps for clause in read.clauses)
    return broken_off or not_all or rest or (asked and "polite" not in kinds)


def _word(read: _Reading, kind: str) -> None:
    """Take in a word that names no step."""
    now = read.clauses[-1]
    if kind == "strange":
        now.strange = True
    elif kind == "unsure":
        read.unclear = True
    elif kind == "out":
        now.kind, now.keeps = "drop", False
    elif kind == "pause" and now.said:
        read.clauses.append(_Clause(keeps=now.keeps or not now.named))  # "without 1, 2" drops both
    elif kind == "but":
        _turn(read)
    elif kind in {"yes", "keep", "only", "no", "not", "drop"}:
        _decide(read, kind)


def _turn(read: _Reading) -> None:
    """After "but" comes the opposite: all but 2; not 1 but 2."""
    before = next((clause for clause in reversed(read.clauses) if clause.said), None)
    turned = _Clause("but", keeps=before is not None and not before.keeps)
    if read.clauses[-1].said:
        read.clauses.append(turned)
    else:
        read.clauses[-1] = turned


def _decide(read: _Reading, kind: str) -> None:
    """A word that keeps or drops begins a clause, except where it only goes on with the one before it."""
    now = read.clauses[-1]
    if now.kind == "not" and not now.named and kind in {"yes", "keep", "drop"}:
        read.unclear = read.unclear or kind == "drop"  # "don't skip 2" may mean 2 alone, or all
    elif {now.kind, kind} <= {"yes", "keep"} and not now.named:
        now.kind = kind
    elif now.named or now.kind not in {"", "but"} or now.strange:
        read.clauses.append(_Clause(kind, kind in {"yes", "keep", "only"}))
    else:
        now.kind, now.keeps = kind, kind in {"yes", "keep", "only"}


def _all(read: _Reading, words: Sequence[str], place: int, steps: int) -> int:
    """Take in "all", "both", "all three"; returns the place after it."""
    now, word = read.clauses[-1], words[place]
    after = place + 1
    while after < len(words) and words[after] in {"of", "the", "these", "those"}:
        after += 1
    count = 2 if word == "both" else _cardinal(words[after]) if word == "all" and after < len(words) else None
    after = after + 1 if count and word == "all" else place + 1
    if count not in {None, steps}:
        read.wrong = f"The plan has {steps} step{'s' * (steps > 1)}, not {count}: which of them shall I run?"
    if word in {"any", "anything"} and now.kind == "not":
        now.kind = "no"  # "don't run any" refuses, "don't run all" leaves some
    now.everything = True
    return after


def _named(words: Sequence[str], place: int, steps: int) -> tuple[set[int], int]:
    """The steps that are named at a place, and the place after them: `2`, `the first three`, `1 to 2`."""
    word, after = words[place], place + 1
    number = steps if word == "last" else _number(word)
    if number is None:
        return set(), after
    following = words[after] if after < len(words) else ""
    if word in {"first", "last"} and (count := _cardinal(following)) and count > 1:
        return set(range(1, count + 1) if word == "first" else range(steps - count + 1, steps + 1)), after + 1
    if (word in _ORDINALS or word == "last") and following == "one":
        return {number}, after + 1
    if following in _RANGE and after + 1 < len(words):
        end = steps if words[after + 1] == "last" else _number(words[after + 1])
        if end is not None:
            return set(range(min(number, end), max(number, end) + 1)), after + 2
    return {number}, after


def _number(word: str) -> int | None:
    if re.fullmatch(r"#?\d{1,3}(st|nd|rd|th)?", word):
        return int(re.sub(r"\D", "", word))
    return next((known.index(word) + 1 for known in (_CARDINALS, _ORDINALS) if word in known), None)


def _cardinal(word: str) -> int | None:
    return _number(word) if word in _CARDINALS or word.isdigit() else None
