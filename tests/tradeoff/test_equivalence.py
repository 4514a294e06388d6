"""No harm has to be shown, and so has no change."""

from __future__ import annotations

import doctest
import importlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stats.draws import monte_carlo_error

from tradeoff.lineage import REGIMES
from tradeoff.simulated import BASE, CHAT, QA, report, simulated_cell
from zoo.benchmarks import Suite
from zoo.contrasts import Change, EdgeTradeoff, Tradeoff, Transfer
from zoo.equivalence import gate, power, tost, unharmed
from zoo.errors import UnknownNameError
from zoo.models import Family
from zoo.results import Item
from zoo.tradeoff import analyse


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


@pytest.mark.parametrize("change", [0.0, -0.05])
def test_the_power_of_the_gate_is_what_it_says(change):
    """A benchmark of 1,000 items, a tenth of which change, drawn and analysed 200 times."""
    items, churn, draws = 1000, 0.1, 200
    rng = np.random.default_rng(3)
    suite = Suite("one", (QA,))
    family = Family("two", (BASE, replace(CHAT, targets=())))
    shown = {"no harm": 0, "harm": 0, "not shown": 0}
    for _ in range(draws):
        base = rng.random(items) < 0.5
        moved = rng.random(items)
        lost, gained = (churn - change) / 2, (churn + change) / 2
        # of those that were right a share is lost, of those that were wrong one is gained
        child = np.where(base, moved >= 2 * lost, moved < 2 * gained)
        cells = [
            replace(
                simulated_cell(model, QA, 0.0, np.ones(items), "uniform", rng),
                items=tuple(
                    Item(f"{at}", f"{at}", 0, float(right), None, None, None, 0.0, None, "", "")
                    for at, right in enumerate(answers)
                ),
            )
            for model, answers in zip(family.models, (base, child), strict=True)
        ]
        found = gate(analyse(family, suite, cells, REGIMES), "base", "chat")
        (general,) = [row for row in found.rows if row.what == "G"]
        shown[general.ruling] += 1
    for stated, ruling in zip(power(items, churn, change), ("no harm", "harm"), strict=True):
        seen = shown[ruling] / draws
        assert abs(seen - stated) < monte_carlo_error(max(stated, 0.02), draws) + 0.02


def test_what_is_not_shown_says_how_many_more_items_could_show_it():
    change = Change(-0.005, -0.035, 0.025)
    edge = EdgeTradeoff("a", "b", "uniform", (), change, change, change)
    (row,) = gate(Tradeoff("f", "s", (), (), tradeoffs=(edge,)), "a", "b").rows
    assert row.more == pytest.approx(4.0), "half the width takes four times the items"


def test_stages_that_were_not_compared_are_named(whole):
    with pytest.raises(UnknownNameError, match="did you mean 'base against full, uniform'"):
        gate(whole, "base", "ful")


@pytest.mark.parametrize(
    "module",
    ["equivalence", "ratios", "claims", "findings", "measures.front", "seeds"],
)
def test_examples_in_docstrings_hold(module):
    tested = doctest.testmod(importlib.import_module(f"zoo.{module}"))
    assert tested.attempted > 0
    assert tested.failed == 0
