"""Every true rank lies within its bounds, all of them together, as often as is promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.ranking.ranks import critical_value, rank_bounds

DRAWS = 2000
SLACK = 3 * (0.05 * 0.95 / DRAWS) ** 0.5
"""Three standard errors of a share of .05 over so many draws."""


def true_ranks(truth: np.ndarray) -> np.ndarray:
    """(k, 2) the ranks that each mean truly has: of equal ones each has all of theirs."""
    above = (truth > truth[:, None]).sum(axis=1)
    below = (truth < truth[:, None]).sum(axis=1)
    return np.stack([1 + above, truth.size - below], axis=1)


def covered(truth: np.ndarray, errors: np.ndarray, draws: np.ndarray) -> float:
    """The share of draws in which the bounds of every mean hold all ranks that it truly has."""
    ranks = true_ranks(truth)
    hits = 0
    for values in draws:
        bounds = rank_bounds(values, errors)
        hits += bool(((bounds[:, 0] <= ranks[:, 0]) & (bounds[:, 1] >= ranks[:, 1])).all())
    return hits / len(draws)


TRUTHS = {
    "all equal": np.zeros(12),
    "two groups": np.repeat([0.0, 0.1], 6),
    "evenly apart": np.linspace(0, 0.2, 12),
}


@pytest.mark.parametrize("unequal", [False, True], ids=["equal errors", "unequal errors"])
@pytest.mark.parametrize("name", TRUTHS)
def test_all_true_ranks_are_covered_at_least_as_often_as_promised(name: str, unequal: bool) -> None:
    truth = TRUTHS[name]
    rng = np.random.default_rng(1)
    errors = np.geomspace(0.01, 0.05, truth.size) if unequal else np.full(truth.size, 0.02)
    draws = truth + errors * rng.standard_normal((DRAWS, truth.size))
    assert covered(truth, errors, draws) >= 0.95 - SLACK


def test_means_over_the_same_items_are_covered_too_and_more_often() -> None:
    rng = np.random.default_rng(2)
    truth, own = np.zeros(12), 0.01
    shared = 0.03 * rng.standard_normal((DRAWS, 1))
    draws = truth + shared + own * rng.standard_normal((DRAWS, truth.size))
    errors = np.full(truth.size, np.hypot(own, 0.03))
    assert covered(truth, errors, draws) > 0.999


def test_equal_independent_means_are_told_apart_as_seldom_as_promised_and_not_much_less() -> None:
    rng = np.random.default_rng(3)
    errors = np.full(12, 0.02)
    told = 1 - covered(np.zeros(12), errors, errors * rng.standard_normal((DRAWS, 12)))
    assert abs(told - 0.05) < SLACK


def test_an_order_that_is_plain_to_see_is_found_whole() -> None:
    truth = np.random.default_rng(4).permutation(np.linspace(0, 1, 200))
    bounds = rank_bounds(truth, np.full(200, 1e-4))
    assert (bounds == true_ranks(truth)).all()


def test_more_entries_make_every_comparison_more_careful() -> None:
    values = [critical_value(k) for k in (2, 3, 10, 100, 1000)]
    assert values == sorted(values)
    # tables of the studentized range, infinite degrees of freedom, 5 %
    assert critical_value(3) == pytest.approx(3.314 / 2**0.5, abs=5e-4)
    assert critical_value(10) == pytest.approx(4.474 / 2**0.5, abs=5e-4)
    assert critical_value(1) == 0


def test_what_has_no_error_can_have_any_rank_and_harms_no_other() -> None:
    bounds = rank_bounds([0.9, 0.5, 0.1], [0.001, np.nan, 0.001]).tolist()
    assert bounds == [[1, 2], [1, 3], [2, 3]]
    assert rank_bounds([], []).shape == (0, 2)
    with pytest.raises(ValueError, match="as many errors"):
        rank_bounds([0.1], [])


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(1e-3, 0.3)), min_size=1, max_size=30))
def test_bounds_are_ranks_and_agree_with_the_order_of_the_estimates(
    drawn: list[tuple[float, float]],
) -> None:
    values, errors = map(np.array, zip(*drawn, strict=True))
    bounds = rank_bounds(values, errors)
    ranks = true_ranks(values)
    assert (bounds[:, 0] >= 1).all()
    assert (bounds[:, 1] <= len(drawn)).all()
    assert (bounds[:, 0] <= ranks[:, 0]).all()
    assert (bounds[:, 1] >= ranks[:, 1]).all()
