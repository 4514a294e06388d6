"""Two means without their items: the interval holds the truth, and is wider than a paired one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind_from_stats

from zoo.stats import Summary, paired_difference, unpaired_difference

DRAWS = 4000


@pytest.mark.parametrize(("one", "two"), [(0.5, 0.5), (0.2, 0.35), (0.98, 1.0), (1.0, 1.0)])
def test_the_interval_holds_the_truth_also_where_an_error_of_zero_was_seen(
    one: float, two: float
) -> None:
    rng = np.random.default_rng(7)
    n, held = 100, 0
    for a, b in zip(rng.binomial(n, one, DRAWS) / n, rng.binomial(n, two, DRAWS) / n, strict=True):
        errors = [math.sqrt(p * (1 - p) / (n - 1)) for p in (a, b)]
        found = unpaired_difference(Summary(a, errors[0], n), Summary(b, errors[1], n))
        held += found.low <= two - one <= found.high
    assert held / DRAWS > 0.935


def test_it_is_the_test_of_two_independent_means_that_scipy_has() -> None:
    ours = unpaired_difference(Summary(0.50, 0.01, 10**6), Summary(0.53, 0.02, 10**6))
    theirs = ttest_ind_from_stats(
        0.53, 0.02 * 1000, 10**6, 0.50, 0.01 * 1000, 10**6, equal_var=False
    )
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-3)


def test_items_that_go_together_make_the_paired_interval_the_narrower_one() -> None:
    rng = np.random.default_rng(3)
    base = (rng.random(300) < 0.6).astype(float)
    other = np.where(rng.random(300) < 0.1, 1 - base, base)
    paired = paired_difference(base, other)
    ends = [Summary(x.mean(), x.std(ddof=1) / math.sqrt(300), 300) for x in (base, other)]
    unpaired = unpaired_difference(*ends)
    assert unpaired.value == pytest.approx(paired.value)
    assert unpaired.high - unpaired.low > paired.high - paired.low


def test_an_error_that_is_not_known_is_the_largest_that_such_a_mean_can_have() -> None:
    assert Summary(0.5, None, 98).variance == pytest.approx(0.25 / 100)
    assert math.isnan(Summary(12.3, None, 98).variance)
    assert math.isnan(Summary(0.5, None, 0).variance)
