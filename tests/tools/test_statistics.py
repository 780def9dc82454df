"""The rule behind every verdict, against simulation and against scipy."""

import random

import pytest
from scipy import stats

from tools import _statistics as rule


def test_draws_alone_are_rarely_called_an_effect() -> None:
    rng = random.Random(0)
    ps = [rule.beyond_draws(rng.gauss(0, 1), [rng.gauss(0, 1) for _ in range(16)]).p for _ in range(4000)]
    assert sum(p < 0.01 for p in ps) / len(ps) == pytest.approx(0.01, abs=0.006)
    assert sum(p < 0.05 for p in ps) / len(ps) == pytest.approx(0.05, abs=0.012)


def test_an_effect_of_five_spreads_is_one() -> None:
    rng = random.Random(1)
    assert all(rule.beyond_draws(6.0, [rng.gauss(0, 1) for _ in range(16)]).p < 0.01 for _ in range(50))


def test_the_prediction_interval_is_students() -> None:
    draws = [1.0, 2.0, 4.0, 3.0, 2.5, 1.5, 2.2, 3.1]
    mean, spread = sum(draws) / 8, stats.tstd(draws)
    own = stats.t.sf((6.0 - mean) / (spread * (1 + 1 / 8) ** 0.5), 7)
    assert rule.beyond_draws(6.0, draws).p == pytest.approx(own)
    assert rule.beyond_draws(6.0, draws, tests=3).p == pytest.approx(3 * own)


def test_draws_without_spread_prove_little() -> None:
    assert rule.beyond_draws(1.0, [0.0] * 16).p == pytest.approx(1 / 17)
    assert rule.beyond_draws(0.0, [0.0] * 16).p == 1.0


def test_the_best_of_many_is_ranked_among_the_bests() -> None:
    assert rule.beyond_best(5.0, list(range(199))).p == pytest.approx((1 + 194) / 200)
    assert rule.beyond_best(1e9, list(range(199))).p == pytest.approx(1 / 200)


def test_two_samples_is_mann_whitney() -> None:
    own, control = [3.0, 4.0, 5.0, 7.0, 9.0], [1.0, 2.0, 3.5, 2.5, 0.5, 4.5]
    expected = stats.mannwhitneyu(own, control, alternative="greater").pvalue
    assert rule.two_samples(own, control).p == pytest.approx(expected)


def test_a_small_effect_is_not_supported_however_certain() -> None:
    sure = rule.Test(1e-9, "certain")
    assert rule.judge("it", "moves", sure).status == "supported"
    assert rule.judge("it", "moves", sure, too_small=True).status == "not supported"
    assert rule.judge("it", "moves", rule.Test(0.03, "so so")).status == "inconclusive"
    assert rule.judge("it", "moves", rule.Test(0.2, "no"), subject="x").subject is None


def test_where_less_is_an_effect_the_values_are_told_as_they_are() -> None:
    low = rule.beyond_draws(0.2, [1.0, 1.1, 0.9, 1.05], smaller=True)
    assert low.p < 0.01 and "0.9 to 1.1" in low.how
    assert rule.beyond_draws(1.8, [1.0, 1.1, 0.9, 1.05], smaller=True).p > 0.9
    own, control = [0.1, 0.2, 0.15, 0.12, 0.11], [0.8, 0.9, 0.7, 0.85, 0.95]
    assert (
        rule.two_samples(own, control, smaller=True).p
        == rule.two_samples([-x for x in own], [-x for x in control]).p
        < 0.01
    )
    assert "median of 0.85" in rule.two_samples(own, control, smaller=True).how


def test_without_any_spread_the_rank_is_named_as_what_decides() -> None:
    assert rule.beyond_draws(0.1, [0.0] * 16).how.endswith("p = 0.059 (by rank)")
