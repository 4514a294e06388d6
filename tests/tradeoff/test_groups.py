"""A group's part in a composite is the number that lm-eval gives the group."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeoff.lineage import REGIMES, cell, failed
from zoo.benchmarks import Benchmark, Suite
from zoo.composites import capability_mean
from zoo.contrasts import Stage
from zoo.models import Family, Model
from zoo.tradeoff import analyse

BASE = Model("org/base", regime="pretrained")
ANSWERS = st.dictionaries(
    st.sampled_from(["anatomy", "art", "law", "virology"]),
    st.text("01", min_size=2, max_size=9),
    min_size=1,
)


def quiz(task: str, *, by_size: bool) -> Benchmark:
    return Benchmark(
        task, "acc", capability="knowledge", chance=0.0, group="quiz", weight_by_size=by_size
    )


def stage(suite: Suite, answers: Mapping[str, str]) -> Stage:
    results = [
        cell(BASE, benchmark, answers[benchmark.task])
        if benchmark.task in answers
        else failed(BASE, benchmark, "it is not there")
        for benchmark in suite.benchmarks
    ]
    family = Family("one", (BASE,))
    (found,) = analyse(family, suite, results, REGIMES).stages
    return found


def as_lm_eval_has_it(answers: Mapping[str, str], *, by_size: bool) -> float:
    from lm_eval.api.metrics import aggregate_subtask_metrics

    means = [text.count("1") / len(text) for text in answers.values()]
    return aggregate_subtask_metrics(means, [len(text) for text in answers.values()], by_size)


@settings(max_examples=25, deadline=None)
@given(answers=ANSWERS, by_size=st.booleans())
def test_a_group_has_the_number_that_lm_eval_gives_it(
    answers: dict[str, str], by_size: bool
) -> None:
    suite = Suite("quiz", tuple(quiz(task, by_size=by_size) for task in answers))
    found = stage(suite, answers)
    wanted = as_lm_eval_has_it(answers, by_size=by_size)
    assert found.general["uniform"].value == pytest.approx(wanted)
    assert capability_mean(found.scores) == pytest.approx(wanted)


def test_a_group_counts_as_one_benchmark_of_its_capability() -> None:
    parts = [quiz(task, by_size=True) for task in ("anatomy", "art", "law")]
    alone = Benchmark("arc", "acc", capability="knowledge", chance=0.0)
    answers = {"anatomy": "11", "art": "1111", "law": "000000", "arc": "10"}
    found = stage(Suite("both", (*parts, alone)), answers)
    assert found.general["uniform"].value == pytest.approx((6 / 12 + 1 / 2) / 2)
    assert {each.benchmark: each.share for each in found.scores} == pytest.approx(
        {"anatomy": 2 / 24, "art": 4 / 24, "law": 6 / 24, "arc": 1 / 2}
    )


def test_weights_that_a_suite_gives_are_those_within_the_group() -> None:
    parts = [
        Benchmark(task, "acc", capability="knowledge", chance=0.0, group="quiz", weight=weight)
        for task, weight in (("art", 3.0), ("law", 1.0))
    ]
    found = stage(Suite("mine", tuple(parts)), {"art": "1111", "law": "00"})
    assert found.general["uniform"].value == pytest.approx(3 / 4)


def test_a_composite_that_lacks_one_task_of_a_group_is_unknown() -> None:
    parts = tuple(quiz(task, by_size=True) for task in ("art", "law"))
    assert stage(Suite("quiz", parts), {"art": "1111"}).general["uniform"].value is None
    assert stage(Suite("quiz", parts), {}).general["uniform"].value is None
