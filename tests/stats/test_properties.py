"""What holds for all numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.draws import mean_interval
from zoo.stats import (
    benjamini_hochberg,
    flips,
    holm,
    is_binary,
    mean_stderr,
    normalise,
    paired_difference,
)

scores = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1).map(lambda x: round(x, 4)))
binary = st.sampled_from([0.0, 1.0])
ps = st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), min_size=1, max_size=12)


@st.composite
def paired(draw, values=scores):
    """(base, other, clusters): some binary, some not, some clustered."""
    n = draw(st.integers(2, 30))
    values = draw(st.sampled_from([values, binary]))
    base, other = (draw(st.lists(values, min_size=n, max_size=n)) for _ in range(2))
    clusters = draw(st.none() | st.lists(st.integers(0, 5), min_size=n, max_size=n))
    return np.array(base), np.array(other), clusters


def close(one, two):
    return one == pytest.approx(two, abs=1e-9, nan_ok=True)


@given(paired())
def test_swapping_the_ends_turns_the_difference_round(drawn):
    base, other, clusters = drawn
    there = paired_difference(base, other, clusters)
    back = paired_difference(other, base, clusters)
    assert close(there.value, -back.value)
    assert close([there.low, there.high], [-back.high, -back.low])
    assert close(there.p, back.p)
    assert flips(base, other) == flips(other, base)[::-1]


@given(paired(), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(drawn, random):
    base, other, clusters = drawn
    order = list(range(base.size))
    random.shuffle(order)
    shuffled = None if clusters is None else [clusters[i] for i in order]
    one = paired_difference(base, other, clusters)
    two = paired_difference(base[order], other[order], shuffled)
    assert close([one.value, one.low, one.high, one.p], [two.value, two.low, two.high, two.p])
    assert close(mean_stderr(base, clusters), mean_stderr(base[order], shuffled))


@given(paired())
def test_the_difference_is_the_difference_of_the_means_and_lies_in_its_interval(drawn):
    base, other, clusters = drawn
    change = paired_difference(base, other, clusters)
    assert close(change.value, other.mean() - base.mean())
    if not math.isnan(change.low):
        assert change.low < change.high
        if clusters is not None or not (is_binary(base) and is_binary(other)):
            assert change.low <= change.value <= change.high


@given(paired())
def test_the_interval_of_a_mean_holds_the_mean_and_stays_in_its_bounds(drawn):
    base, _, clusters = drawn
    interval = mean_interval(base, clusters)
    if not math.isnan(interval.low):
        assert -1e-9 <= interval.low <= interval.value + 1e-9
        assert interval.value - 1e-9 <= interval.high <= 1 + 1e-9


@given(st.floats(0, 0.99), st.floats(0, 1))
def test_normalisation_puts_a_guesser_at_0_and_perfection_at_1_and_never_clips(chance, score):
    guesser, perfect, between = normalise([chance, 1.0, score], chance)
    assert (guesser, perfect) == (0, 1)
    assert (between < 0) == (score < chance)


@given(st.floats(0.01, 1))
def test_normalisation_where_lower_is_better_turns_the_scale_round(chance):
    assert normalise([chance, 0.0], chance, perfect=0.0).tolist() == [0, 1]


def test_an_item_on_which_a_guesser_is_perfect_measures_nothing():
    assert np.isnan(normalise([1.0, 0.0], 1.0)).all()


@given(ps)
def test_adjusted_p_are_monotone_no_smaller_and_leave_unknown_ones_alone(p):
    values = np.array(p)
    known = ~np.isnan(values)
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(values)
        assert (np.isnan(adjusted) == ~known).all()
        assert (adjusted[known] >= values[known]).all()
        assert (adjusted[known] <= 1).all()
        in_order = adjusted[known][np.argsort(values[known], kind="stable")]
        assert (np.diff(in_order) >= 0).all()
        assert np.array_equal(adjusted[known], adjust(values[known]))


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_the_adjustments_are_those_of_statsmodels(p):
    from statsmodels.stats.multitest import multipletests

    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_the_adjustments_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert holm([0.2]).tolist() == [0.2]
