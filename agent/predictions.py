"""What a person expected before a reveal: whether they want to be asked, and how it turned out."""

import re
from collections.abc import Callable, Iterable
from typing import Literal

from agent import forecasts
from agent.learner.person import confidence
from agent.notes import Note
from agent.state import Prediction, State, last_said
from agent.understanding.router import Route
from evidence import Evidence, Ranking

_STATING = {
    "i",
    "it",
    "it's",
    "my",
    "maybe",
    "probably",
    "perhaps",
    "the",
    "a",
    "an",
    "that",
    "nothing",
    "none",
    "no",
    "some",
}
"""How a guess begins, and a request does not."""
CLEAR = 0.72
"""Similarity to a known request above which an answer is taken for that request; a guess is a word or two."""

CLAIMS = {"elicit_secret": "a hidden word at all", "self_report": "a difference between what it says and does"}
"""What a forecast is about, by the tool that asks for it."""
SKIP = {
    "",
    "skip",
    "no idea",
    "i don't know",
    "i do not know",
    "dunno",
    "pass",
    "idk",
    "go on",
    "just go on",
    "continue",
}


_SCORES = re.compile(r"That there is [^\n]*? where 0 is best\.")
_ASKS_BACK = re.compile(r"^\W*(?:what|which|does|do|is|how|why|huh|can)\b.*\?\W*$|^\W*\?+\W*$", re.IGNORECASE)
_NOTHING = re.compile(
    r"(?<!not )\b(nothing|none)\b|\bno (hidden |secret )?(words?|secrets?)\b"
    r"|(\b(not|never|cannot)|n't)\b(?! sure).*(\banything|(\bany|hides?|hiding|have|keeps?|keeping)( an?)?( hidden| secret)? (word|secret)s?)\b"
)
"""How one says that there is nothing."""
_SMALL_WORDS = """
i i'd i'll i'm am my it it's its itself this that the a an is are be has have do does will would to of at all in and there
here hide hides hiding hidden keep keeps keeping find expect predict think believe guess say bet suppose prediction sure
certain confident quite pretty very probably maybe perhaps likely most really simply just only else particular know
whatsoever so well yes oh hm model target one no not never cannot nothing none word words secret secrets anything any
"""
"""What a prediction may hold beside "nothing" without being a guess of another word."""


def made(target: str, tool: str, text: str, turn: str, mine: float) -> Prediction:
    """What somebody expects, in words or by one of `sure`, `likely` and `unlikely`; and the assistant's own forecast."""
    nothing = _expects_nothing(text.lower().replace(target.lower() or " ", " "))
    share = forecasts.stated(text, confidence(text), against=nothing)
    return Prediction(
        target=target, tool=tool, text=text, turn=turn, outcome="", share=share, mine=mine, occurred=False
    )


def settled(prediction: Prediction | None, results: Iterable[Evidence]) -> Prediction | None:
    """The prediction with how it turned out, once the tool that asked for it has decided."""
    if not prediction or prediction["outcome"]:
        return prediction
    for found in results:
        if decided := outcome(prediction, found):
            occurred = found.verdict is not None and found.verdict.status == "supported"
            return Prediction(**{**prediction, "outcome": decided, "occurred": occurred})
    return prediction


def outcome(prediction: Prediction, found: Evidence) -> Literal["right", "wrong", ""]:
    """How a prediction turned out by an evidence of the tool that asked for it; "" where it does not decide.

    A guess in words is held against what was found; where a measurement finds no word, and where one of `sure`, `likely` and `unlikely`
    was said, the side of one half on which the probability lies is held against the verdict.
    """
    made_by, verdict = found.provenance, found.verdict
    asked = made_by is not None and (made_by.tool, made_by.target) == (prediction["tool"], prediction["target"])
    if not asked or verdict is None or verdict.status == "inconclusive":
        return ""
    if isinstance(found, Ranking) and not forecasts.bare(prediction["text"]):
        right = came_true(prediction["text"], verdict.subject, made_by.target if made_by else "")
    else:
        right = (prediction["share"] > 0.5) == (verdict.status == "supported")
    return "right" if right else "wrong"


def came_true(expected: str, subject: str | None, target: str = "") -> bool:
    """Whether a prediction in free words names what was found: the word itself, or that there is none."""
    if subject is None:
        return _expects_nothing(expected.lower().replace(target.lower() or " ", " "))
    words, denied = re.findall(r"[\w']+", expected.lower()), {"not", "isn't", "no", "never", "except"}
    return any(word == subject and not denied & set(words[max(0, i - 3) : i]) for i, word in enumerate(words))


def _expects_nothing(said: str) -> bool:
    """Whether it is said that there is nothing, and no word is offered beside it."""
    words = re.findall(r"[^\W\d_][\w']*", said)
    guessed = [word for word in words if word not in _SMALL_WORDS.split() and not word.endswith("n't")]
    return not guessed and bool(_NOTHING.search(" ".join(words)))


def skips(said: str, read: Callable[[str], Route]) -> bool:
    """Whether the person wants to go on without a prediction."""
    if said.lower().strip(" .!") in SKIP:
        return True
    long = len(said.split()) > 3  # a word or two are a guess
    return long and (route := read(said)).intent == "again" and route.sure


def is_another_request(said: str, route: Route) -> bool:
    """Whether what was said to a question for a prediction is no guess but a request of its own."""
    words = said.lower().split()
    if "?" not in said and (words[0] in _STATING or (len(words) <= 3 and not route.slots.any)):
        return False  # a word or two, or a statement, is a guess
    if route.intent in {"belief", "smalltalk", "out_of_scope", "preference", "elicit_secret"}:
        return False
    return route.sure and (route.score >= CLEAR or route.slots.any)


def asks_back(said: str) -> bool:
    """Whether the answer to a question for a prediction is the question itself, or one about it: then none is made."""
    return bool(_ASKS_BACK.match(said))


def noted(state: State) -> list[Note]:
    """The prediction of this turn as a note; once it is settled the note is written again with how it turned out."""
    prediction = state["prediction"]
    turn = str(last_said(state).id)
    if not prediction or not (prediction["outcome"] or prediction["turn"] == turn):
        return []
    quote = prediction["text"][:1000]
    return [
        Note(
            kind="prediction",
            text=f"{prediction['target']}: expected {prediction['text'][:200]}",
            quote=quote,
            thread=state["thread"],
            turn=turn,
            target=prediction["target"],
            outcome=prediction["outcome"],
            confidence=confidence(quote),  # type: ignore[arg-type]
        )
    ]


def without_scores(answer: str) -> str:
    """An answer without the scores of forecasts, which are of the person and not of the target: they rest on no evidence."""
    return _SCORES.sub("", answer)


def told(prediction: Prediction | None) -> str:
    """How a prediction turned out, with the score of both; nothing before that."""
    if not prediction or not prediction["outcome"]:
        return ""
    said = prediction["text"].replace('"', "'")[:200]
    head = f'You expected "{said}": that was {prediction["outcome"]}.'
    if "share" not in prediction:  # made before forecasts were kept
        return head
    yours, mine = (forecasts.brier(prediction[whose], occurred=prediction["occurred"]) for whose in ("share", "mine"))
    return (
        f"{head} That there is {CLAIMS.get(prediction['tool'], 'something to find')}, you gave {prediction['share']:.0%} and I "
        f"{prediction['mine']:.0%}, and there {'is' if prediction['occurred'] else 'was none found'}: Brier score {yours:.2f} for you, "
        f"{mine:.2f} for me, where 0 is best."
    )
