"""pass@k and diversity: estimates as their formulas say, intervals that hold the truth."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stats.draws import monte_carlo_error, rates

from probes.drawn import BASE, CHILD, draws, known
from zoo.clustered import Part
from zoo.measures.draws import seen_in
from zoo.stats import Interval, composite_mean
from zoo_probes import diversity, passk
from zoo_probes.draws import doubling, draws_of

NOTHING = None
"""A trade-off that these probes do not look at."""


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_pass_at_k_is_the_share_of_all_k_draws_that_hold_a_right_one(
    right: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(right)))
    every = [any(chosen) for chosen in combinations(right, k)]
    assert seen_in(len(right), sum(right), k) == pytest.approx(np.mean(every))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=8), st.data())
def test_distinct_is_the_mean_number_of_classes_over_all_k_draws(
    answers: list[str], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(answers)))
    every = [len(set(chosen)) for chosen in combinations(answers, k)]
    assert diversity.distinct(answers, k) == pytest.approx(np.mean(every))


@given(st.integers(1, 200))
def test_the_ks_of_a_curve_double_and_end_at_the_number_of_samples(most: int) -> None:
    ks = doubling(most)
    assert ks[0] == 1
    assert ks[-1] == most
    assert all(after <= 2 * before for before, after in pairwise(ks))


def curve(result, k):
    rows = passk.rows(known(result), NOTHING)
    return next(row for row in rows if row["kind"] == "curve" and row["k"] == k)


@pytest.mark.parametrize("k", [1, 4, 8])
def test_the_limits_of_pass_at_k_hold_the_truth_of_items_of_all_difficulties(k: int) -> None:
    ability = np.random.default_rng(1).beta(0.5, 0.5, 200_000)
    truth = float(np.mean(1 - (1 - ability) ** k))

    def infer(rng: np.random.Generator) -> Interval:
        right = rng.random((60, 8)) < rng.beta(0.5, 0.5, (60, 1))
        solved = [seen_in(8, int(count), k) for count in right.sum(axis=1)]
        return composite_mean([Part(np.array(solved), np.arange(60))])

    held, _ = rates(infer, truth, draws=600)
    assert abs(held - 0.95) < monte_carlo_error(0.95, 600)


def test_the_limits_of_distinct_hold_the_truth() -> None:
    chances = np.random.default_rng(4).dirichlet(np.full(5, 0.4), 200_000)
    truth = float(np.mean((1 - (1 - chances) ** 4).sum(axis=1)))

    def infer(rng: np.random.Generator) -> Interval:
        answers = [
            [str(answer) for answer in rng.choice(5, 8, p=chance)]
            for chance in rng.dirichlet(np.full(5, 0.4), 50)
        ]
        values = np.array([diversity.distinct(each, 4) for each in answers])
        return composite_mean([Part(values, np.arange(50), 1.0, 1.0, 4.0)])

    held, _ = rates(infer, truth, draws=400)
    assert held > 0.95 - monte_carlo_error(0.95, 400)


def test_a_curve_says_what_was_drawn_and_rises() -> None:
    right = np.random.default_rng(2).random((40, 16)) < 0.2
    rows = [row for row in passk.rows(known(draws(CHILD, right)), NOTHING) if "value" in row]
    assert [row["k"] for row in rows] == [1, 2, 4, 8, 16]
    assert rows[0]["value"] == pytest.approx(right.mean())
    assert rows[-1]["value"] == pytest.approx(right.any(axis=1).mean())
    values = [row["value"] for row in rows]
    assert values == sorted(values)
    assert {(row["n"], row["samples"]) for row in rows} == {(40, 16)}
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)


def test_a_parent_that_solves_more_in_many_tries_crosses_its_child_there() -> None:
    rng = np.random.default_rng(3)
    parent = rng.random((80, 16)) < 0.25  # solves each item now and then
    child = np.zeros((80, 16), dtype=bool)
    child[:40] = True  # always half of them
    rows = list(passk.rows(known(draws(BASE, parent), draws(CHILD, child)), NOTHING))
    (crossing,) = [row for row in rows if row["kind"] == "crossing"]
    assert (crossing["base"], crossing["model"]) == ("base", "child")
    assert crossing["k_star"] in (4, 8)
    swapped = list(passk.rows(known(draws(BASE, child), draws(CHILD, child)), NOTHING))
    assert not [row for row in swapped if row["kind"] == "crossing"]


def test_stages_are_not_compared_on_other_items() -> None:
    right = np.ones((20, 4), dtype=bool)
    rows = passk.rows(known(draws(BASE, right), draws(CHILD, ~right[:10])), NOTHING)
    assert not [row for row in rows if row["kind"] == "crossing"]


def test_answers_that_differ_in_spaces_and_case_are_the_same_answer() -> None:
    answers = [["Paris", " paris", "Rome", "Oslo"]] * 30
    right = np.zeros((30, 4))
    rows = list(diversity.rows(known(draws(BASE, right, answers)), NOTHING))
    (row,) = rows
    assert row["distinct"] == pytest.approx(3.0)
    assert (row["k"], row["samples"], row["n"]) == (4, 4, 30)


def test_a_child_that_always_says_the_same_has_lost_the_diversity_of_its_parent() -> None:
    many = [[str((i + k) % 7) for k in range(12)] for i in range(40)]
    one = [["7"] * 12] * 40
    right = np.zeros((40, 12))
    rows = list(diversity.rows(known(draws(BASE, right, many), draws(CHILD, right, one)), NOTHING))
    (change,) = [row for row in rows if row["kind"] == "change"]
    assert change["distinct"] < -5
    assert change["high"] < 0
    assert change["base"] == "base"


def test_a_cell_without_what_the_filter_left_has_no_diversity() -> None:
    old = draws(BASE, np.zeros((5, 4)), [[""] * 4] * 5)
    assert list(diversity.rows(known(old), NOTHING)) == []
    assert len(draws_of(known(old))) == 1, "its scores still count for pass@k"
