"""Formulas against worked numbers and against other people's programs."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from stats.draws import mean_interval
from zoo.clustered import Part
from zoo.stats import (
    composite_difference,
    composite_mean,
    mcnemar_p,
    mean_stderr,
    minimum_detectable_effect,
    paired_difference,
)


def test_the_clustered_standard_error_is_that_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    clusters = rng.integers(0, 30, 200)
    scores = rng.random(200) + 0.3 * np.isin(clusters, [1, 5, 9])
    fit = sm.OLS(scores, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    mean, stderr = mean_stderr(scores, clusters)
    assert mean == pytest.approx(fit.params[0])
    assert stderr == pytest.approx(fit.bse[0])


def test_the_standard_error_of_separate_items_is_the_textbooks():
    scores = np.array([0.0, 1.0, 1.0, 0.5, 0.25])
    assert mean_stderr(scores)[1] == pytest.approx(scores.std(ddof=1) / math.sqrt(5))


def test_the_agresti_min_interval_adds_half_an_observation_to_each_cell():
    base = np.array([1] * 9 + [0] * 10 + [1] * 1)
    other = np.array([1] * 9 + [0] * 6 + [1] * 4 + [0])
    change = paired_difference(base, other)
    centre = (4.5 - 1.5) / 22
    stderr = math.sqrt(((4.5 + 1.5) / 22 - centre**2) / 22)
    assert change.value == pytest.approx(3 / 20)
    assert change.low == pytest.approx(centre - 1.959964 * stderr, abs=1e-6)
    assert change.high == pytest.approx(centre + 1.959964 * stderr, abs=1e-6)


def test_mcnemars_p_is_the_binomial_test_of_the_flips():
    from scipy.stats import binomtest

    assert mcnemar_p(9, 2) == pytest.approx(binomtest(2, 11).pvalue)
    assert paired_difference([0] * 9 + [1] * 2, [1] * 9 + [0] * 2).p == pytest.approx(
        mcnemar_p(9, 2)
    )


def test_differences_that_are_not_binary_get_a_t_interval():
    from scipy.stats import ttest_1samp

    rng = np.random.default_rng(2)
    base, other = rng.random(400), rng.random(400)
    limits = ttest_1samp(other - base, 0).confidence_interval()
    change = paired_difference(base, other)
    assert (change.low, change.high) == pytest.approx((limits.low, limits.high), rel=0.02, abs=5e-4)
    assert change.low <= limits.low
    assert change.high >= limits.high


def test_p_is_under_5_percent_just_where_the_clustered_interval_leaves_out_0():
    rng = np.random.default_rng(3)
    seen = set()
    for shift in np.linspace(0, 0.3, 60):
        base = rng.random(40) * 0.7
        change = paired_difference(base, base + shift * rng.random(40), np.arange(40) // 2)
        leaves_out = not change.low <= 0 <= change.high
        assert (change.p < 0.05) == leaves_out
        seen.add(leaves_out)
    assert paired_difference(rng.random(40), rng.random(40), np.arange(40) // 2).p > 0
    assert True in seen


def test_a_single_cluster_has_no_interval():
    change = paired_difference([0, 1, 0], [1, 1, 0], ["passage"] * 3)
    assert change.value == pytest.approx(1 / 3)
    assert all(math.isnan(each) for each in (change.low, change.high, change.stderr, change.p))


def test_independent_parts_add_their_variances():
    rng = np.random.default_rng(4)
    one, two = rng.random(3000) - 0.5, rng.random(2000) - 0.5
    both = composite_difference(
        [Part(one, range(3000), 0.3, -1, 1), Part(two, range(3000, 5000), 0.7, -1, 1)]
    )
    errors = 0.3 * mean_stderr(one)[1], 0.7 * mean_stderr(two)[1]
    assert both.value == pytest.approx(0.3 * one.mean() + 0.7 * two.mean())
    assert both.stderr == pytest.approx(math.hypot(*errors), rel=0.01)


def test_parts_that_are_the_same_cluster_by_cluster_count_as_one():
    rng = np.random.default_rng(5)
    one = (rng.random(500) < 0.2).astype(float)
    both = composite_difference([Part(one, range(500), 0.5, -1, 1)] * 2)
    alone = composite_difference([Part(one, range(500), 1, -1, 1)])
    assert both.stderr == pytest.approx(alone.stderr)
    assert both.p == pytest.approx(alone.p, rel=0.01)


def test_an_interval_of_scores_never_leaves_what_is_possible():
    assert mean_interval(np.ones(50)).high == 1
    assert mean_interval(np.ones(50), np.arange(50) // 5).high == 1
    assert mean_interval(np.zeros(50), np.arange(50) // 5).low == 0
    low = composite_mean([Part(np.full(40, -0.2), range(40), 1, -0.25, 1)]).low
    assert low == -0.25


def test_the_minimum_detectable_effects_of_known_benchmarks():
    sizes = {"AIME": 30, "HumanEval": 164, "IFEval": 541, "GSM8K": 1319}
    points = {k: round(100 * minimum_detectable_effect(0.2, n), 1) for k, n in sizes.items()}
    assert points == {"AIME": 22.9, "HumanEval": 9.8, "IFEval": 5.4, "GSM8K": 3.4}


@pytest.mark.parametrize("bad", [[], [[1, 0], [0, 1]]])
def test_scores_of_another_shape_are_refused(bad):
    with pytest.raises(ValueError, match="one number an item"):
        mean_stderr(bad)


def test_unequal_ends_are_refused():
    with pytest.raises(ValueError, match="not 2, 3"):
        paired_difference([0, 1], [0, 1, 1])
    with pytest.raises(ValueError, match="2 scores but 1 cluster"):
        mean_stderr([0, 1], ["a"])


def test_importing_the_statistics_loads_no_heavy_library():
    code = "import sys, zoo.tradeoff; print([m for m in sys.modules if m in ('scipy', 'pandas')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_interval_of_a_change_is_cut_at_what_is_possible():
    base, other = np.zeros(12), np.r_[np.ones(11), 0.0]
    change = paired_difference(base, other, np.arange(12) // 4)
    assert change.low < 11 / 12 < change.high <= 1
