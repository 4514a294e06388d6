"""Ratios: Fieller's interval against worked numbers and by simulation; medians likewise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stats.draws import cluster_uniforms, monte_carlo_error, rates
from zoo.clustered import Part, covariance, no_pseudo, pseudo_change, variance
from zoo.ratios import fieller, ratio_of_medians
from zoo.resampling import joint_draws
from zoo.stats import Interval

SLACK = monte_carlo_error(0.95)
EVERYTHING = Interval(math.nan, -math.inf, math.inf)


def test_fiellers_limits_are_the_ratios_that_the_data_do_not_contradict():
    spread = np.array([[0.04, 0.01], [0.01, 0.09]])
    found = fieller(2.0, 4.0, spread)
    assert found.value == 0.5
    for limit in (found.low, found.high):
        error = math.sqrt(0.04 - 2 * limit * 0.01 + limit**2 * 0.09)
        assert abs(2.0 - limit * 4.0) / error == pytest.approx(1.959964, abs=1e-5)


def test_fieller_has_no_end_where_the_denominator_may_be_0():
    spread = np.diag([0.01, 1.0])
    assert fieller(1.0, 1.9, spread) is None
    assert fieller(1.0, 2.0, spread) is not None
    assert fieller(1.0, 2.0, spread, df=5) is None


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_the_interval_of_a_ratio_of_changes_holds_the_truth(share):
    labels = np.repeat(np.arange(150), 3)

    def infer(rng):
        common = cluster_uniforms(rng, 150, 3, share)
        gain = (common < 0.5).astype(float) - (common > 0.9)
        loss = -(rng.random(450) < 0.15).astype(float) * (common < 0.8)
        parts = [[Part(loss, labels, 1.0, -1.0, 1.0)], [Part(gain, labels, 1.0, -1.0, 1.0)]]
        spread = covariance(parts, pseudo_change)
        _, df = variance(parts[1], pseudo_change)
        return fieller(float(loss.mean()), float(gain.mean()), spread, df) or EVERYTHING

    held, _ = rates(infer, -0.15 * 0.8 / 0.4)
    assert abs(held - 0.95) < SLACK + 0.01


def test_the_interval_of_a_ratio_with_an_uncertain_denominator_holds_the_truth():
    def infer(rng):
        over, under = 1 + rng.normal(), 5 + rng.normal()
        return fieller(over, under, np.eye(2)) or EVERYTHING

    held, _ = rates(infer, 0.2)
    assert abs(held - 0.95) < SLACK


@pytest.mark.parametrize(("n", "correlated"), [(150, 0.0), (400, 0.8)])
def test_the_interval_of_a_ratio_of_medians_holds_the_truth(n, correlated):
    def infer(rng):
        common = rng.normal(size=n)
        one, two = (
            np.exp(
                3
                + shift
                + 0.6
                * (math.sqrt(correlated) * common + math.sqrt(1 - correlated) * rng.normal(size=n))
            )
            for shift in (0.0, 0.3)
        )
        return ratio_of_medians(one, two) or EVERYTHING

    held, _ = rates(infer, math.exp(0.3), draws=1000)
    assert 0.95 - monte_carlo_error(0.95, 1000) - 0.01 < held < 0.99


def test_equal_lengths_have_a_ratio_of_1_and_no_length_has_none():
    lengths = np.arange(1.0, 101)
    assert ratio_of_medians(lengths, lengths).value == 1
    assert ratio_of_medians(lengths, 2 * lengths).value == pytest.approx(2)
    assert ratio_of_medians(np.zeros(20), lengths[:20]) is None
    assert ratio_of_medians(lengths, lengths, np.zeros(100, dtype=int)) is None


def test_the_covariance_of_composites_knows_their_common_clusters():
    rng = np.random.default_rng(4)
    fact = rng.normal(size=200)
    one, other = (Part(fact + rng.normal(size=200), np.arange(200)) for _ in range(2))
    spread = covariance([[one], [other]], no_pseudo)
    textbook = np.cov(one.values, other.values) / 200
    assert spread == pytest.approx(textbook)
    apart = Part(other.values, np.arange(200, 400))
    assert covariance([[one], [apart]], no_pseudo)[0, 1] == 0


def test_joint_draws_are_those_of_a_bootstrap_over_items():
    rng = np.random.default_rng(5)
    items = rng.random((300, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    parts = [[Part(column, np.arange(300))] for column in items.T]
    draws = joint_draws(items.mean(axis=0), covariance(parts, no_pseudo))
    resampled = np.array([items[rng.integers(0, 300, 300)].mean(axis=0) for _ in range(4000)])
    assert np.cov(draws.T) == pytest.approx(np.cov(resampled.T), rel=0.12)
    for share in (0.025, 0.5, 0.975):
        ours, theirs = (np.quantile(each, share, axis=0) for each in (draws, resampled))
        assert ours == pytest.approx(theirs, abs=0.006)
    assert np.array_equal(draws, joint_draws(items.mean(axis=0), covariance(parts, no_pseudo)))
