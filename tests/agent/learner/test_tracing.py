"""Knowledge tracing against pyBKT, and what must hold for any numbers."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyBKT.fit import predict_onestep

from agent.learner.tracing import Seen, Sort, after, passed, trace
from evidence.errors import ArgumentError

probabilities = st.floats(0, 1)
sorts = st.tuples(st.floats(0, 0.49), st.floats(0, 0.49)).map(lambda one: Sort(*one))


@pytest.mark.parametrize("seed", range(20))
def test_it_gives_what_pybkt_gives(seed: int) -> None:
    draw = random.Random(seed)
    sorts = [Sort(draw.uniform(0.05, 0.45), draw.uniform(0.05, 0.45)) for _ in range(3)]
    passages = [(draw.uniform(0, 0.5), draw.uniform(0, 0.3)) for _ in range(3)]
    prior, steps = draw.uniform(0.05, 0.9), 15
    right = [draw.random() < 0.5 for _ in range(steps)]
    kind, passage = ([draw.randrange(3) for _ in range(steps)] for _ in range(2))
    data = np.zeros((3, steps), dtype=int)
    for at in range(steps):
        data[kind[at], at] = right[at] + 1
    model = {
        "learns": np.array([learn for learn, _ in passages]),
        "forgets": np.array([forget for _, forget in passages]),
        "guesses": np.array([one.guess for one in sorts]),
        "slips": np.array([one.slip for one in sorts]),
        "prior": prior,
    }
    given_to_it = {
        "data": data,
        "resources": np.array(passage) + 1,
        "starts": np.array([1]),
        "lengths": np.array([steps]),
    }
    _, expected = predict_onestep.run(model, given_to_it, parallel=False)
    between = [(0.0, 0.0), *(passages[one] for one in passage)]
    found = trace(prior, [Seen(right[at], sorts[kind[at]], *between[at]) for at in range(steps)])
    mine = [passed(found[at], *between[at]) for at in range(steps)]
    assert np.abs(expected[1] - mine).max() < 1e-9


@given(probabilities, sorts, probabilities, probabilities, st.booleans())
def test_it_stays_a_probability(known: float, sort: Sort, learn: float, forget: float, right: bool) -> None:
    assert 0 <= after(known, Seen(right, sort, learn, forget)) <= 1


@given(probabilities, sorts)
def test_a_right_answer_never_lowers_it_and_a_wrong_one_never_raises_it(known: float, sort: Sort) -> None:
    assert after(known, Seen(False, sort)) <= known + 1e-12 and after(known, Seen(True, sort)) >= known - 1e-12


@given(probabilities, probabilities, sorts, st.booleans())
def test_who_was_likelier_to_know_still_is(one: float, other: float, sort: Sort, right: bool) -> None:
    low, high = sorted((one, other))
    assert after(low, Seen(right, sort)) <= after(high, Seen(right, sort)) + 1e-12


def test_a_sort_of_answer_that_says_the_opposite_is_refused() -> None:
    with pytest.raises(ArgumentError, match="let their sum be below 1"):
        Sort(0.6, 0.5)
    with pytest.raises(ArgumentError, match=r"known = 1.2 is no probability"):
        after(1.2, Seen(True, Sort(0.2, 0.1)))
