"""A log stays short however long a training is, and knows the time that is left."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.training.steps import MOST, Steps


@settings(max_examples=30)
@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_log_has_few_points_in_order_and_ends_with_the_last_step(steps, reached):
    reached = min(steps, reached)
    heard = Steps()
    for step in range(1, reached + 1):
        heard("step", {"step": step, "steps": steps, "loss": 1.0})
    kept = [point["step"] for point in heard.log]
    assert kept == sorted(set(kept))
    assert kept[-1] == reached
    assert len(kept) <= MOST + 1
    assert len(kept) >= min(reached, reached * MOST // steps)


@given(st.integers(1, 50), st.integers(1, 50))
def test_what_is_done_again_takes_the_place_of_what_was_told_before(reached, again):
    again = min(reached, again)
    first = Steps()
    for step in range(1, reached + 1):
        first("step", {"step": step, "steps": 50, "loss": 1.0})
    second = Steps(first.log)
    second("step", {"step": again, "steps": 50, "loss": 2.0})
    assert [point["step"] for point in second.log] == list(range(1, again + 1))
    assert second.log[-1]["loss"] == 2.0


@given(st.dictionaries(st.text(), st.one_of(st.floats(), st.integers(), st.text(), st.none())))
def test_whatever_a_recipe_tells_is_heard_and_can_be_written_down(facts):
    heard = Steps()
    heard("step", facts)
    heard("step", {**facts, "step": 3})
    json.dumps(heard.log, allow_nan=False)
    assert heard.step == 3


def test_the_time_left_is_taken_from_this_life_alone():
    now = iter([100.0, 110.0])
    heard = Steps([{"step": 500}], clock=lambda: next(now))
    heard("step", {"step": 501, "steps": 1001})
    assert heard.seconds_left is None
    heard("step", {"step": 601, "steps": 1001})
    assert heard.seconds_left == 40.0
