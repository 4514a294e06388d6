"""What holds for all scores."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeoff.lineage import REGIMES, cell
from zoo.benchmarks import Benchmark, Suite
from zoo.models import Family, Model
from zoo.tradeoff import analyse, contrast

PARENT = Model("parent", regime="pretrained")
CHILD = Model("child", regime="fine-tuned", base_model="parent", targets=("law",))
FAMILY = Family("pair", (PARENT, CHILD))
FACTS = Benchmark("facts", "acc", capability="knowledge", chance=0.25)
SENSE = Benchmark("sense", "acc", capability="sense", chance=0.5)
LAW = Benchmark("law", "acc", axis="special", capability="law")
SUITE = Suite("pair", (FACTS, SENSE, LAW))

bits = st.lists(st.sampled_from([0.0, 1.0]), min_size=6, max_size=6)
fractions = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=6, max_size=6)
ends = st.tuples(bits, bits) | st.tuples(fractions, fractions)
clusters = st.none() | st.lists(st.sampled_from("xyz"), min_size=6, max_size=6)


@given(ends, clusters)
def test_a_contrast_turned_round_changes_its_sign_only(scores, groups):
    base, other = (
        cell(model, FACTS, each, clusters=groups)
        for model, each in zip((PARENT, CHILD), scores, strict=True)
    )
    there, back = contrast(base, other), contrast(other, base)
    assert there.delta == pytest.approx(-back.delta)
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert there.p == pytest.approx(back.p)
    assert there.mde == pytest.approx(back.mde)
    if there.low is not None:
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@given(st.lists(bits, min_size=4, max_size=4))
def test_ability_and_format_sum_to_the_native_change(four):
    cells = [
        cell(model, FACTS, scores, protocol)
        for (model, protocol), scores in zip(
            [(m, p) for m in (PARENT, CHILD) for p in ("uniform", "native")], four, strict=True
        )
    ]
    report = analyse(FAMILY, Suite("one", (FACTS,)), cells, REGIMES)
    (row,) = report.decomposition
    native = next(each for each in report.edges if each.protocol == "native")
    uniform = next(each for each in report.edges if each.protocol == "uniform")
    assert row.ability + row.format == pytest.approx(row.native, abs=1e-12)
    assert (row.native, row.ability) == pytest.approx((native.delta, uniform.delta), abs=1e-12)


def six(scores):
    return [
        cell(model, benchmark, each)
        for (model, benchmark), each in zip(
            [(m, b) for m in (PARENT, CHILD) for b in SUITE.benchmarks], scores, strict=True
        )
    ]


@settings(max_examples=40)
@given(st.lists(bits, min_size=6, max_size=6), bits, bits)
def test_general_ability_does_not_depend_on_the_benchmarks_trained_for(scores, law, later_law):
    report = analyse(FAMILY, SUITE, six(scores), REGIMES)
    changed = [*scores[:2], law, *scores[3:5], later_law]
    other = analyse(FAMILY, SUITE, six(changed), REGIMES)
    assert [each.general for each in report.stages] == [each.general for each in other.stages]
    general = [each.tradeoffs[0].general for each in (report, other)]
    assert replace(general[0], p_adjusted=None) == replace(general[1], p_adjusted=None)


@settings(max_examples=40)
@given(st.lists(bits, min_size=6, max_size=6), st.integers())
def test_the_order_of_items_and_results_does_not_matter(scores, seed):
    rng = random.Random(seed)
    cells = six(scores)
    shuffled = [
        replace(each, items=tuple(rng.sample(each.items, len(each.items)))) for each in cells
    ]
    rng.shuffle(shuffled)
    report, again = (analyse(FAMILY, SUITE, each, REGIMES) for each in (cells, shuffled))
    assert again == report


@settings(max_examples=40)
@given(st.lists(bits, min_size=6, max_size=6))
def test_the_change_of_a_composite_is_the_difference_of_its_ends(scores):
    report = analyse(FAMILY, SUITE, six(scores), REGIMES)
    parent, child = report.stages
    (change,) = report.tradeoffs
    for part in ("general", "special"):
        before, after = getattr(parent, part)["uniform"], getattr(child, part)["uniform"]
        assert getattr(change, part).delta == pytest.approx(after.value - before.value)


def test_a_stage_at_chance_is_at_0_and_a_perfect_one_at_1():
    cells = [
        cell(PARENT, FACTS, "10001000"),
        cell(PARENT, SENSE, "10101010"),
        cell(CHILD, FACTS, "11111111"),
        cell(CHILD, SENSE, "11111111"),
    ]
    guesser, perfect = analyse(FAMILY, Suite("two", (FACTS, SENSE)), cells, REGIMES).stages
    assert guesser.general["uniform"].value == pytest.approx(0)
    assert perfect.general["uniform"].value == pytest.approx(1)
    assert perfect.general["uniform"].high == 1
    assert perfect.general["uniform"].low < 0.95
