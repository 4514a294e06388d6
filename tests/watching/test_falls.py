"""The mark where G falls: seldom where nothing changed, and there where something did."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zoo.clustered import Part
from zoo.courses import Course, Point, Reading
from zoo.effects import Estimate, Shift
from zoo.falls import first_below, judged_in_turn, one_sided
from zoo.results import PROTOCOLS
from zoo.stats import composite_difference

CHECKPOINTS, ITEMS = 20, 200


def course(truth: np.ndarray, rng: np.random.Generator, protocols: int = 1) -> Course:
    """A watch over checkpoints with these chances of answering an item, against a parent's .6."""
    asked = PROTOCOLS[:protocols]
    hard = rng.beta(3, 2, ITEMS)  # what is hard for one checkpoint is hard for all
    parents = rng.random((protocols, ITEMS)) < hard
    found = Course("c", "c", "s", ("t",), asked, reference="parent")
    for number, change in enumerate(truth):
        readings = {}
        for place, protocol in enumerate(asked):
            scores = rng.random(ITEMS) < np.clip(hard + change, 0, 1)
            differences = scores.astype(float) - parents[place]
            d = composite_difference([Part(differences, range(ITEMS), 1.0, -1.0, 1.0)])
            shift = Shift(d.value, d.stderr, d.low, d.high, d.p)
            readings[protocol] = Reading(Estimate(0.5), Estimate(None), {}, shift)
        step = 10 * (number + 1)
        found = found.with_point(Point(step, str(step), str(step), None, readings, "", str(step)))
    return found


def test_a_training_that_changes_nothing_is_marked_in_at_most_5_percent_of_watches() -> None:
    """At any time: what is marked and then not marked any more is a false alarm too."""
    rng = np.random.default_rng(5)
    watches, alarms = 150, 0
    for _ in range(watches):
        whole = course(np.zeros(CHECKPOINTS), rng, protocols=2)
        alarms += any(test.below for test in whole.tests.values())
    assert alarms / watches <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / watches)


def test_holm_over_what_there_is_so_far_would_not_hold_that() -> None:
    """Why each look has a level of its own: p of independent looks, Holm anew at each of them."""
    ps = np.random.default_rng(1).random((1000, CHECKPOINTS))
    looks = np.arange(1, CHECKPOINTS + 1)
    holm = (np.minimum.accumulate(ps, axis=1) <= 0.05 / looks).any(axis=1)
    ours = np.mean([any(each.below for each in judged_in_turn(row, 0.05)) for row in ps])
    assert holm.mean() > 0.1
    assert ours <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 1000)


def test_a_planted_fall_is_found_and_not_before_it_begins() -> None:
    rng = np.random.default_rng(2)
    truth = np.where(np.arange(CHECKPOINTS) < 8, 0.0, -0.25)
    marks = [course(truth, rng).fall("uniform") for _ in range(60)]
    steps = [mark.step for mark in marks if mark is not None]
    assert len(steps) >= 57
    assert sum(step < 90 for step in steps) <= 0.05 * 60 + 3
    assert np.median(steps) <= 100


@given(st.lists(st.none() | st.floats(0, 1), max_size=40))
def test_no_more_level_is_spent_than_there_is(ps: list[float | None]) -> None:
    judged = judged_in_turn(ps, 0.05)
    spent = 0.0
    carried = 0.0
    for p, each in zip(ps, judged, strict=True):
        if p is not None:
            spent += each.level - carried
            carried = each.level if each.below else 0.0
    assert spent <= 0.05 + 1e-12


@given(st.lists(st.none() | st.floats(0, 1), max_size=20), st.floats(0, 1))
def test_what_was_judged_stays_judged(ps: list[float | None], more: float) -> None:
    assert judged_in_turn([*ps, more], 0.05)[: len(ps)] == judged_in_turn(ps, 0.05)


@given(
    st.lists(
        st.tuples(st.none() | st.floats(-1, 1), st.booleans()),
        max_size=15,
    )
)
def test_the_mark_stands_at_a_shown_fall_that_lasts(
    changes: list[tuple[float | None, bool]],
) -> None:
    place = first_below(changes)
    if place is not None:
        assert changes[place][1]
        assert all(delta is None or delta < 0 for delta, _ in changes[place:])


def test_a_rise_is_no_fall_however_sure() -> None:
    assert one_sided(0.3, 1e-9) > 0.99
    assert one_sided(-0.3, 1e-9) < 1e-9


def test_an_earlier_life_of_the_training_leaves_the_drawing_and_stays_counted() -> None:
    reading = Reading(Estimate(0.5), Estimate(None), {}, Shift(-0.1, 0.1, -0.3, 0.1, 0.4))
    found = Course("c", "c", "s", ("t",), ("uniform",))
    for run, (step, at) in enumerate([(10, "1"), (20, "2"), (30, "3")]):
        point = Point(step, str(step), str(step), None, {"uniform": reading}, at, str(run))
        found = found.with_point(point)
    again = found.since(10, "5")
    assert [point.step for point in again.points] == [10]
    assert len(again.tests) == 3
    assert [point.step for point in found.since(30, "3").points] == [10, 20, 30]
