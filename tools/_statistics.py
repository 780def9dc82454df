"""When is an effect one? Every verdict is decided here, from the effect against its control's spread.

One rule, fixed before any measurement: supported at p < .01, inconclusive below .05, else not supported.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evidence import Verdict
from evidence.shapes import Confidence

ALPHA, UNSURE = 0.01, 0.05
_LEAST = 1e-7


@dataclass(frozen=True)
class Test:
    """A p-value, and in words what it was computed from."""

    p: float
    how: str


def beyond_draws(
    effect: float, draws: Sequence[float], *, tests: int = 1, both_sides: bool = False, smaller: bool = False
) -> Test:
    """Is one effect beyond the spread of its controls? Student-t prediction interval for one new draw.

    `tests` is how many effects were looked at before this one was chosen (Bonferroni); `smaller`: an effect is a small value.
    """
    from scipy.stats import t as student

    n = len(draws)
    mean = sum(draws) / n
    spread = math.sqrt(sum((d - mean) ** 2 for d in draws) / (n - 1)) * math.sqrt(1 + 1 / n)
    gap = abs(effect - mean) if both_sides else mean - effect if smaller else effect - mean
    by = "by Student t" if spread else "by rank"
    if spread == 0:  # without any spread the rank is all that is known
        p = 1 / (n + 1) if gap > 0 else 1.0
    else:
        sides = 2 if both_sides else 1
        p = float(student.sf(gap / spread, n - 1)) * sides
    p = min(1.0, p * tests)
    return Test(p, f"{n} controls gave {_spread(draws)}; {_p(p, by, tests)}")


def beyond_sizes(effect: float, draws: Sequence[float]) -> Test:
    """The same for sizes that cannot be negative, such as a divergence: compared by their logarithms."""
    found = beyond_draws(math.log(max(effect, _LEAST)), [math.log(max(d, _LEAST)) for d in draws])
    by = "by Student t of logarithms" if len(set(draws)) > 1 else "by rank"
    return Test(found.p, f"{len(draws)} controls gave {_spread(draws)}; {_p(found.p, by)}")


def beyond_best(best: float, draws: Sequence[float]) -> Test:
    """Is the best of many beyond the best of as many under each control draw? Exact by rank (max statistic)."""
    p = (1 + sum(d >= best for d in draws)) / (1 + len(draws))
    return Test(p, f"the best of {len(draws)} controls reached {max(draws):.3g}; {_p(p, 'by rank')}")


def two_samples(own: Sequence[float], control: Sequence[float], *, tests: int = 1, smaller: bool = False) -> Test:
    """Are the values of one sample larger than those of another, or `smaller`? Mann-Whitney U, one-sided."""
    from scipy.stats import mannwhitneyu

    if len(set(own) | set(control)) == 1:
        return Test(1.0, "all values are equal; p = 1")
    p = min(1.0, float(mannwhitneyu(own, control, alternative="less" if smaller else "greater").pvalue) * tests)
    middle = sorted(control)[len(control) // 2]
    how = _p(p, "by Mann-Whitney U", tests)
    return Test(p, f"{len(control)} controls have a median of {middle:.3g}; {how}")


def _spread(draws: Sequence[float]) -> str:
    return f"{sum(draws) / len(draws):.3g} on average, {min(draws):.3g} to {max(draws):.3g}"


def _p(p: float, by: str, tests: int = 1) -> str:
    """A p-value with the test it comes from, and what it was corrected for."""
    corrected = f", Bonferroni for {tests} looked at" if tests > 1 else ""
    return f"p = {p:.2g} ({by}{corrected})"


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    z, p = 1.96, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, middle - reach), min(1.0, middle + reach)


def undecided(claim: str, why: str) -> Verdict:
    """A claim that this measurement cannot decide, and what it would take."""
    return Verdict(status="inconclusive", claim=claim, reason=why)


def judge(
    claim: str, effect: str, test: Test, *, subject: str | None = None, causal: bool = False, too_small: bool = False
) -> Verdict:
    """The verdict on a claim; causal tests are trusted more than correlational ones (arXiv 2504.01849, Table 2).

    `too_small`: the effect may be real, but is smaller than the least that counts.
    """
    confidence: Confidence = "medium" if causal else "low"
    status = "supported" if test.p < ALPHA else "inconclusive" if test.p < UNSURE else "not supported"
    if too_small and status != "not supported":
        status, effect = "not supported", f"{effect}, which is less than what counts as an effect"
    return Verdict(
        status=status,  # type: ignore[arg-type]
        claim=claim,
        reason=f"{effect}; {test.how}",
        subject=subject if status == "supported" else None,
        confidence=confidence,
    )
