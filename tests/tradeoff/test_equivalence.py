"""No harm has to be shown, and so has no change."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stats.draws import monte_carlo_error

from tradeoff.simulated import report
from zoo.contrasts import Change, EdgeTradeoff, Tradeoff, Transfer
from zoo.equivalence import gate, tost, unharmed
from zoo.errors import UnknownNameError


@pytest.fixture(scope="module")
def whole():
    return report(protocols=("uniform",))


def test_two_one_sided_tests_are_those_of_statsmodels():
    from statsmodels.stats.weightstats import ttost_paired

    rng = np.random.default_rng(1)
    one, two = rng.normal(size=60), rng.normal(0.05, 1, size=60)
    expected, _, _ = ttost_paired(two, one, -0.3, 0.3)
    difference = two - one
    error = difference.std(ddof=1) / np.sqrt(60)
    assert tost(float(difference.mean()), float(error), 0.3, df=59) == pytest.approx(expected)


def test_a_change_as_large_as_the_margin_is_called_none_in_5_of_100_draws():
    rng = np.random.default_rng(2)
    called = [tost(0.02 + 0.004 * rng.normal(), 0.004, 0.02) < 0.05 for _ in range(4000)]
    assert abs(np.mean(called) - 0.05) < monte_carlo_error(0.05, 4000)
    assert tost(0.0, 0.1, 0.02) > 0.05, "nothing seen is nothing shown"
    assert (tost(0.01, 0.0, 0.02), tost(0.03, 0.0, 0.02)) == (0.0, 1.0)


@given(st.floats(-1, 1), st.floats(0, 0.5), st.floats(0.001, 0.2))
def test_no_change_is_both_harmed_and_unharmed(value, half, margin):
    ruling = unharmed(value - half, value + half, margin)
    assert (ruling == "no harm") == (value - half > -margin)
    assert (ruling == "harm") == (value + half < -margin)


def test_the_gate_rules_on_g_and_every_capability(whole):
    found = gate(whole, "base", "full")
    rulings = {row.what: row.ruling for row in found.rows}
    assert set(rulings) == {"G", "knowledge", "answering", "math", "law"}
    assert rulings["law"] == "no harm"
    assert rulings["math"] == "harm"
    assert not found.passed
    assert {"G", "knowledge", "math"} <= set(found.harmed)


def test_a_wide_interval_does_not_pass():
    change = Change(0.0, -0.05, 0.05)
    edge = EdgeTradeoff("a", "b", "uniform", (), change, change, change)
    found = gate(Tradeoff("f", "s", (), (), tradeoffs=(edge,)), "a", "b")
    assert (found.passed, found.harmed) == (False, ())
    assert [row.ruling for row in found.rows] == ["not shown"]
    narrow = Change(0.0, -0.005, 0.005)
    fine = EdgeTradeoff("a", "b", "uniform", (), narrow, narrow, narrow)
    row = Transfer("a", "b", "uniform", "law", "special", "parent", 0.0, -0.01, 0.01, 1.0, 1.0)
    passed = gate(Tradeoff("f", "s", (), (), tradeoffs=(fine,), transfer=(row,)), "a", "b")
    assert passed.passed
    assert all(each.unchanged for each in passed.rows)


def test_stages_that_were_not_compared_are_named(whole):
    with pytest.raises(UnknownNameError, match="did you mean 'base against full, uniform'"):
        gate(whole, "base", "ful")


@pytest.mark.parametrize(
    "module",
    ["equivalence", "ratios", "claims", "findings", "measures.front", "measures.training"],
)
def test_examples_in_docstrings_hold(module):
    tested = doctest.testmod(importlib.import_module(f"zoo.{module}"))
    assert tested.attempted > 0
    assert tested.failed == 0
