"""Labels are made from some contexts and scored on others, beside another feature's; a judge's numbers are read as they are meant."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tools._labels import EACH, REACH, Contexts, Rule, contexts, rule, score
from tools.label_features import Labelled, _another, _by_judge, _frequent, _labelled, _verdict


def counting(first: int, many: int) -> list[tuple[int, ...]]:
    """As many different contexts."""
    return [(1, first + n) for n in range(many)]


def test_a_label_is_scored_on_contexts_it_was_not_made_from() -> None:
    whole = Contexts(counting(0, 8), counting(100, 8))
    made, unseen = whole.halves()
    for kind in ("fires", "silent"):
        one, other = set(getattr(made, kind)), set(getattr(unseen, kind))
        assert len(one) == len(other) == 4 and not one & other


def test_a_context_ends_with_the_token_at_which_the_feature_fires() -> None:
    row = list(range(30))
    strengths = torch.zeros(29)
    strengths[1], strengths[24] = 1.0, 2.0
    found = contexts([row], [strengths], 0)
    assert sorted(found.fires) == [(0, 1, 2), tuple(range(25 - REACH, 26))]


def test_a_place_where_the_feature_fires_is_never_among_those_where_it_is_silent() -> None:
    rows = [[1, 2, 3]] * 200
    strengths = [torch.tensor([0.0, float(n == 0)]) for n in range(200)]
    found = contexts(rows, strengths, 0)
    assert found.fires == [(1, 2, 3)] and found.silent == [(1, 2)]


def test_contexts_are_drawn_from_weak_to_strong_by_the_seed() -> None:
    rows = [[0, n] for n in range(400)]
    strengths = [torch.tensor([1.0 + n]) for n in range(400)]
    found = contexts(rows, strengths, 0)
    drawn = sorted(context[1] for context in found.fires)
    assert len(drawn) == EACH and drawn[0] < 40 and drawn[-1] > 360
    assert found.fires == contexts(rows, strengths, 0).fires != contexts(rows, strengths, 1).fires


@pytest.mark.parametrize(
    ("place", "fires"),
    [
        (0, [(1, 1, 1, 9), (4, 4, 5, 9)]),
        (-1, [(1, 1, 9, 2), (4, 4, 9, 6)]),
        (-2, [(1, 9, 1, 2), (4, 9, 5, 6)]),
        (None, [(9, 1, 1, 1, 2), (4, 9, 4, 4, 5, 6)]),
    ],
)
def test_the_rule_looks_where_the_word_stands(place: int | None, fires: list[tuple[int, ...]]) -> None:
    seen = Contexts(fires, [(1, 1, 1, 2), (4, 4, 5, 6)])
    found = rule(seen)
    assert found == Rule(place, (9,)) and score(found.fires, seen) == 1
    assert score(lambda one: not found.fires(one), seen) == 0


def test_a_word_is_weighed_by_how_many_contexts_of_either_kind_there_are() -> None:
    silent = [(1, 7)] * 4 + [(1, 8)] * 36
    assert rule(Contexts([(1, 7)] * 4, silent)) == Rule(0, (7,))


def test_the_control_of_a_label_is_another_feature_that_fires_as_often() -> None:
    strengths = [(torch.rand(500, 40, generator=torch.manual_seed(0)) < torch.linspace(0.01, 0.9, 40)).float()]
    fired = strengths[0].sum(0)
    for seed in range(8):
        other = _another(strengths, 20, seed)
        assert other != 20 and 0.6 < float(fired[other] / fired[20]) < 1.6
    assert len({_another(strengths, 20, seed) for seed in range(8)}) == 8


def test_what_fires_nearly_everywhere_is_not_among_the_frequent() -> None:
    strengths = [(torch.arange(30)[:, None] < torch.tensor([30, 10, 9, 5, 0])).float()]
    assert _frequent(strengths)[:2] == [2, 3]


def test_a_label_is_told_beside_its_score_on_the_other_features_contexts() -> None:
    target: Any = SimpleNamespace(decode=str)
    own = Contexts([(1, 9)] * 10, [(1, n) for n in range(20, 30)])
    other = Contexts([(1, n) for n in range(40, 50)], [(1, n) for n in range(50, 60)])
    found = _labelled(3, own, other, target, None)
    assert found is not None and (found.label, found.accuracy, found.other) == ("on “9”", 1.0, 0.5)
    assert _labelled(3, Contexts(own.fires[:4], own.silent), other, target, None) is None


class Judge:
    """Says what it was told to, and keeps what it was asked."""

    def __init__(self, *said: str) -> None:
        self.said, self.asked = list(said), list[str]()

    def ask(self, texts: list[str]) -> list[str]:
        self.asked += texts
        return [self.said.pop(0) for _ in texts]


def test_the_numbers_a_judge_names_are_those_of_the_excerpts_from_one_on() -> None:
    target: Any = SimpleNamespace(tokenizer=SimpleNamespace(decode=lambda ids: f"text {ids[0]}"))
    judge: Any = Judge("a  word\nfor things", "2 and 20", "1")
    label, guess = _by_judge(Contexts([(5,), (6,)], [(7,)]), target, judge)
    assert label == "a word for things" and "text 7" not in judge.asked[0]
    found = guess([(n,) for n in range(22)])
    assert [place for place, fires in enumerate(found) if fires] == [1, 19, 20]


def test_labels_are_judged_against_those_on_another_features_contexts() -> None:
    good, chance = (
        [Labelled(n, "", one + n / 100, other + n / 100, 20) for n in range(9)]
        for one, other in ((0.9, 0.5), (0.5, 0.5))
    )
    assert _verdict("mine", good, 0.1).status == "supported"
    assert _verdict("mine", chance, 0.1).status == "not supported"
    assert _verdict("mine", good[:2], 0.1).status == "inconclusive"
