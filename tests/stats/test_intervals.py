"""The intervals hold the truth in 95 % of draws, and the tests err in 5 %."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stats.draws import (
    cluster_uniforms,
    ends,
    flipped,
    mean_interval,
    monte_carlo_error,
    part,
    rates,
    relative_width,
)
from zoo.clustered import Part
from zoo.stats import (
    Interval,
    composite_difference,
    composite_mean,
    mean_stderr,
    minimum_detectable_effect,
    paired_difference,
)

SLACK = monte_carlo_error(0.95)


def pairs_of(n, gain, loss):
    return lambda rng: paired_difference(*ends(flipped(rng.random(n), gain, loss)))


def naive_pairs_of(n, gain, loss):
    def infer(rng):
        differences = flipped(rng.random(n), gain, loss)
        mean, half = differences.mean(), 1.96 * differences.std(ddof=1) / math.sqrt(n)
        return Interval(mean, mean - half, mean + half)

    return infer


@pytest.mark.parametrize(("n", "gain", "loss"), [(100, 0.1, 0.1), (400, 0.15, 0.05), (60, 0.3, 0)])
def test_the_interval_of_ordinary_pairs_holds_the_truth_in_95_of_100_draws(n, gain, loss):
    held, _ = rates(pairs_of(n, gain, loss), gain - loss)
    assert abs(held - 0.95) < SLACK + 0.01


@pytest.mark.parametrize(("n", "gain", "loss"), [(100, 0.03, 0), (100, 0.005, 0.005)])
def test_the_interval_of_nearly_saturated_pairs_holds_the_truth_and_is_not_too_wide(n, gain, loss):
    held, _ = rates(pairs_of(n, gain, loss), gain - loss)
    assert held > 0.95 - SLACK
    assert 1 < relative_width(pairs_of(n, gain, loss)) < 1.5


def test_the_textbook_interval_fails_on_nearly_saturated_pairs():
    held, _ = rates(naive_pairs_of(100, 0.03, 0), 0.03)
    assert held < 0.85


@pytest.mark.parametrize("n", [100, 400])
def test_unchanged_pairs_are_called_changed_in_5_of_100_draws(n):
    _, excluded = rates(pairs_of(n, 0.1, 0.1), 0)
    assert abs(excluded - 0.05) < SLACK


@pytest.mark.parametrize("churn", [0.2, 0.1])
def test_the_minimum_detectable_effect_is_detected_in_80_of_100_draws(churn):
    effect = minimum_detectable_effect(churn, 500)
    _, excluded = rates(pairs_of(500, (churn + effect) / 2, (churn - effect) / 2), effect)
    assert abs(excluded - 0.8) < monte_carlo_error(0.8) + 0.02


@pytest.mark.parametrize(
    ("n", "p"), [(100, 0.99), (100, 0.97), (100, 0.8), (300, 0.995), (50, 0.5), (100, 0.01)]
)
def test_the_interval_of_a_proportion_holds_the_truth_near_its_ends_too(n, p):
    held, _ = rates(lambda rng: mean_interval(rng.random(n) < p), p)
    assert held > 0.95 - SLACK - 0.01


@pytest.mark.parametrize(
    ("groups", "size", "gain", "loss", "share"),
    [
        (50, 10, 0.1, 0.1, 0.5),
        (100, 4, 0.1, 0.1, 0.7),
        (20, 50, 0.1, 0.1, 0.1),
        (50, 10, 0.03, 0, 0.5),
        (20, 50, 0.02, 0, 0.7),
        (50, 10, 0.01, 0.01, 0.7),
        (60, 5, 0.03, 0, 1),
    ],
)
def test_the_interval_of_clustered_pairs_holds_the_truth(groups, size, gain, loss, share):
    labels = np.repeat(np.arange(groups), size)

    def infer(rng):
        differences = flipped(cluster_uniforms(rng, groups, size, share), gain, loss)
        return paired_difference(*ends(differences), labels)

    held, excluded = rates(infer, gain - loss)
    assert held > 0.95 - SLACK
    assert 0.95 < relative_width(infer) < 1.65
    if gain == loss:
        assert excluded < 0.05 + SLACK


def test_clustered_pairs_with_some_churn_get_an_interval_that_is_not_too_wide():
    labels = np.repeat(np.arange(200), 4)
    held, _ = rates(
        lambda rng: paired_difference(
            *ends(flipped(cluster_uniforms(rng, 200, 4, 0.6), 0.1, 0.1)), labels
        ),
        0,
    )
    assert abs(held - 0.95) < SLACK


@pytest.mark.parametrize(
    ("groups", "size", "p", "share"),
    [(50, 10, 0.97, 0.7), (50, 10, 0.7, 0.7), (20, 5, 0.95, 1), (20, 50, 0.5, 0.1)],
)
def test_the_interval_of_a_clustered_proportion_holds_the_truth(groups, size, p, share):
    labels = np.repeat(np.arange(groups), size)
    held, _ = rates(
        lambda rng: mean_interval(cluster_uniforms(rng, groups, size, share) < p, labels), p
    )
    assert held > 0.95 - SLACK


def same_facts(rng, facts, benchmarks, gain, loss, correlation):
    """Benchmarks that ask the same facts: their differences correlate by so much."""
    fact = rng.random(facts)
    parts = []
    for _ in range(benchmarks):
        own = np.where(rng.random(facts) < math.sqrt(correlation), fact, rng.random(facts))
        parts.append(part(flipped(own, gain, loss), range(facts), 1 / benchmarks))
    return parts


def independent(parts):
    """The composite with errors added as if no two benchmarks had an item in common."""
    value = sum(each.weight * each.values.mean() for each in parts)
    errors = [each.weight * mean_stderr(each.values)[1] for each in parts]
    half = 1.96 * math.sqrt(sum(error**2 for error in errors))
    return Interval(value, value - half, value + half)


def test_an_unchanged_composite_over_the_same_facts_is_called_changed_in_5_of_100_draws():
    def infer(rng):
        return composite_difference(same_facts(rng, 600, 2, 0.1, 0.1, 0.54))

    held, excluded = rates(infer, 0)
    assert abs(excluded - 0.05) < SLACK
    assert held == 1 - excluded


def test_independent_errors_call_an_unchanged_composite_changed_in_11_of_100_draws():
    _, excluded = rates(lambda rng: independent(same_facts(rng, 600, 2, 0.1, 0.1, 0.54)), 0)
    assert abs(excluded - 0.11) < monte_carlo_error(0.11)


@pytest.mark.parametrize(
    ("facts", "benchmarks", "gain", "loss", "correlation"),
    [(100, 4, 0.1, 0.1, 0.5), (100, 4, 0.03, 0, 0.5), (300, 3, 0.12, 0.06, 0.5)],
)
def test_the_interval_of_a_composite_over_the_same_facts_holds_the_truth_and_is_not_too_wide(
    facts, benchmarks, gain, loss, correlation
):
    def infer(rng):
        return composite_difference(same_facts(rng, facts, benchmarks, gain, loss, correlation))

    held, _ = rates(infer, gain - loss)
    assert held > 0.95 - SLACK
    assert 0.95 < relative_width(infer) < 1.25


def separate_items(rng, items, benchmarks, churn):
    return [
        part(
            flipped(rng.random(items), churn / 2, churn / 2),
            range(i * items, (i + 1) * items),
            1 / benchmarks,
        )
        for i in range(benchmarks)
    ]


@pytest.mark.parametrize(
    ("churn", "least", "widest"), [(0.2, 0.05, 1.1), (0.04, 0.05, 1.1), (0.01, 0.03, 1.15)]
)
def test_unchanged_benchmarks_with_few_flips_are_called_changed_about_as_often_as_meant(
    churn, least, widest
):
    def infer(rng):
        return composite_difference(separate_items(rng, 150, 5, churn))

    _, excluded = rates(infer, 0)
    assert least - monte_carlo_error(least) < excluded < 0.05 + SLACK
    assert relative_width(infer) < widest


@pytest.mark.parametrize(
    ("churn", "correlation", "least", "widest"),
    [
        (0.2, 0, 0.045, 1.15),
        (0.04, 0, 0.03, 1.2),
        (0.04, 0.54, 0.03, 1.2),
        (0.01, 0, 0.008, 1.4),
        (0.01, 0.54, 0, 1.4),
    ],
)
def test_unchanged_benchmarks_over_the_same_facts_get_cautious_but_not_idle_intervals(
    churn, correlation, least, widest
):
    def infer(rng):
        return composite_difference(same_facts(rng, 150, 5, churn / 2, churn / 2, correlation))

    _, excluded = rates(infer, 0)
    assert least - monte_carlo_error(least) <= excluded < 0.05 + SLACK
    assert relative_width(infer) < widest


@pytest.mark.parametrize("share", [0, 0.7, 1])
def test_clusters_that_hardly_changed_get_an_interval_within_two_thirds_of_the_oracles(share):
    labels = np.repeat(np.arange(50), 10)

    def infer(rng):
        differences = flipped(cluster_uniforms(rng, 50, 10, share), 0.01, 0.01)
        return paired_difference(*ends(differences), labels)

    held, _ = rates(infer, 0)
    assert held > 0.95
    assert relative_width(infer) < 5 / 3


def test_passages_lost_whole_beside_items_gained_singly_are_no_difference_where_they_balance():
    labels = np.repeat(np.arange(50), 10)

    def infer(rng):
        lost = np.repeat(rng.random(50) < 0.01, 10)
        gained = rng.random(500) < 0.01 / 0.99
        return composite_difference([part(np.where(lost, -1.0, gained * 1.0), labels)])

    _, excluded = rates(infer, 0)
    assert excluded < 0.05 + SLACK


@pytest.mark.parametrize("benchmarks", [1, 2, 5])
def test_a_composite_without_a_flip_has_the_interval_of_one_flip(benchmarks):
    apart = composite_difference(separate_items(np.random.default_rng(1), 60, benchmarks, 0))
    assert apart.p == 1
    assert 1.96 < apart.high * 60 * benchmarks < 2.01
    together = composite_difference(
        same_facts(np.random.default_rng(1), 60, benchmarks, 0, 0, 0),
    )
    assert 1.96 < together.high * 60 < 2.01


def test_a_small_benchmark_beside_a_large_one_keeps_its_uncertainty():
    def infer(rng):
        small = part(flipped(rng.random(30), 0.2, 0.2), range(30), 0.5)
        large = part(flipped(rng.random(3000), 0.2, 0.2), range(100, 3100), 0.5)
        return composite_difference([small, large])

    held, _ = rates(infer, 0)
    assert abs(held - 0.95) < SLACK + 0.01


def test_the_degrees_of_freedom_are_those_of_the_benchmark_that_brings_the_error():
    from scipy.stats import t

    rng = np.random.default_rng(7)
    small, large = rng.normal(0, 1, 12), rng.normal(0, 0.01, 5000)
    change = composite_difference(
        [part(small, range(12), 0.5), part(large, range(12, 5012), 0.5)],
    )
    assert (change.high - change.value) / change.stderr == pytest.approx(t.ppf(0.975, 11), rel=1e-3)


def test_the_composite_of_a_saturated_and_an_ordinary_benchmark_holds_the_truth():
    def infer(rng):
        easy = Part((rng.random(100) < 0.99).astype(float), range(100), 0.5)
        hard = Part((rng.random(2000) < 0.5).astype(float), range(200, 2200), 0.5)
        return composite_mean([easy, hard])

    held, _ = rates(infer, 0.745)
    assert held > 0.95 - SLACK


@pytest.mark.parametrize("clusters", [None, np.repeat(np.arange(20), 5)])
def test_where_no_item_changed_the_interval_still_has_a_width(clusters):
    change = paired_difference(np.ones(100), np.ones(100), clusters)
    effective = 100 if clusters is None else 20
    assert change.value == 0
    assert change.p == 1
    assert change.high == -change.low
    assert 1.9 / (effective + 2) < change.high < 3.1 / effective
