"""Ways of training over their seeds: who is on the front, and what claims may make of it."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reporting.ways import BASE, change, model, points
from stats.draws import monte_carlo_error

from zoo.advice import advise
from zoo.claims import Condition, above, decide_all
from zoo.contrasts import Change, Estimate, FrontierPoint, Stage, Tradeoff
from zoo.lineages import seed_groups, training_groups
from zoo.measures.frontier import chance_of_front, frontier
from zoo.models import Model
from zoo.plugins import find_plugins
from zoo.registry import Registry
from zoo.seeds import after_peak, over_seeds, welch
from zoo.stats import Z

NOTHING = {"uniform": Estimate(None), "native": Estimate(None)}
few = st.integers(-20, 20).map(lambda n: n / 20)
seeds = st.lists(st.tuples(few, few), min_size=1, max_size=4).map(np.array)


@pytest.fixture(scope="module")
def claims():
    return Registry.of(find_plugins()).claims


def stage(name: str, regime: str, base: str | None) -> Stage:
    return Stage(name, None, regime, base, (), NOTHING, NOTHING, NOTHING, ())


def reported(found: tuple[FrontierPoint, ...], regime: str = "fine-tuned") -> Tradeoff:
    """A report with these ways of training: of base and instruct, and of nothing else."""
    starts = (stage(BASE, "pretrained", None), stage("nano/instruct", "instruction-tuned", BASE))
    trained = (stage(name, regime, point.base) for point in found for name in point.models)
    return Tradeoff("f", "s", (), (*starts, *trained), frontier=found)


def verdict(claims, id: str, found: tuple[FrontierPoint, ...], regime: str = "fine-tuned"):
    (row,) = decide_all(reported(found, regime), [claims[id]])
    return row


def way(recipe, rate, truth, *, k=3, noise=0.001, half=0.003, rng=0, **of) -> FrontierPoint:
    """One way of training, its seeds around a truth (S, G)."""
    draw = np.random.default_rng(rng)
    group = [model(recipe, rate, seed, **of) for seed in range(k)]
    changes = {
        each.id: change(each.id, *(np.array(truth) + noise * draw.normal(size=2)), half=half)
        for each in group
    }
    (point,) = frontier([group], (), changes, "uniform")
    return point


# ------------------------------------------------------------------------------------- the front


@settings(max_examples=25, deadline=None)
@given(st.lists(seeds, min_size=1, max_size=4), seeds)
def test_another_way_never_makes_one_likelier_on_the_front(ways, another):
    before, after = chance_of_front(ways), chance_of_front([*ways, another])
    assert ((before >= 0) & (before <= 1)).all()
    assert (after[:-1] <= before).all()


@settings(max_examples=25, deadline=None)
@given(few, few, st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_without_spread_the_front_is_what_nothing_beats(special, general, more, better):
    here = np.array([[special, general]] * 3)
    beaten, beats = chance_of_front([here, here + np.array([more, better])])
    assert beaten == 0
    assert beats == float(not (special + more <= 0 and general + better <= 0))


def test_a_way_as_good_as_another_is_seldom_called_beaten():
    rng = np.random.default_rng(3)
    worlds = 300
    called = 0
    for _ in range(worlds):
        same = [0.5 + 0.05 * rng.normal(size=(3, 2)) for _ in range(2)]
        called += bool(chance_of_front(same)[0] < 0.05)
    assert called / worlds < 0.05 + monte_carlo_error(0.05, worlds)


def test_a_way_that_changes_nothing_is_not_on_the_front():
    nothing = np.zeros((3, 2))
    assert chance_of_front([nothing]) == 0
    assert chance_of_front([nothing, nothing]).tolist() == [0, 0]
    assert chance_of_front([np.array([[0.1, 0.0]] * 3)]) == 1


def test_of_one_or_two_seeds_nothing_is_said():
    assert all(point.front is None for point in points(seeds=2))
    assert all(point.front is not None for point in points(seeds=3))


def test_a_stage_that_is_not_trained_stands_among_the_ways_with_its_items_limits():
    rag = Model("nano/retrieval", regime="retrieval-augmented", base_model=BASE)
    (found,) = [point for point in points(still=(rag,)) if not point.seeds]
    assert (found.recipe, found.models) == ("retrieval-augmented", ("nano/retrieval",))
    assert found.special.low == pytest.approx(found.changes[0][0] - 0.03)
    assert found.front == 0, "it gains nothing and loses something"


def test_the_latest_checkpoint_of_each_way_is_known():
    found = points()
    assert {point.step for point in found if point.last} == {300}
    assert {point.step for point in found if not point.last} == {100, 200}


def test_a_seed_counts_once_and_a_change_that_is_not_known_not_at_all():
    group = [model("full", 1e-3, seed) for seed in (1, 2, 3)]
    twice = replace(group[0], id="again")
    changes = {each.id: change(each.id, 0.5, -0.1) for each in (*group, twice)}
    changes[group[2].id] = replace(changes[group[2].id], special=Change(None))
    (found,) = frontier([[*group, twice]], (), changes, "uniform")
    assert found.models == (group[0].id, group[1].id)
    assert (found.seeds, found.seconds) == (2, pytest.approx(41.5))


def test_other_data_settings_or_recipes_are_no_repetitions():
    ways = [("full", 1e-3, 384), ("full", 1e-4, 384), ("full", 1e-3, 38), ("lora", 1e-3, 384)]
    models = [
        model(recipe, rate, seed, examples=rows) for recipe, rate, rows in ways for seed in (1, 2)
    ]
    assert sorted(len(group) for group in seed_groups(models)) == [2, 2, 2, 2]
    unknown = replace(models[0], made=None)
    assert len(training_groups([*models[1:], unknown])) == 4, "who made it is needed"


def test_two_ways_are_told_apart_as_scipy_does():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(2)
    one, two = rng.normal(size=3), rng.normal(1, 3, size=5)
    found, freedom = welch(one, two)
    expected = ttest_ind(two, one, equal_var=False)
    limits = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high))
    assert freedom == pytest.approx(expected.df)


def shared_items(rng, seeds, items, agree, own):
    """Changes of a method without effect, and their errors over items, which the seeds share: one
    in ten is lost and one gained, by each seed with the chance `agree`; a seed adds its own."""
    kind = rng.choice([0, -1, 1], p=[0.8, 0.1, 0.1], size=items)
    scores = kind * (rng.random((seeds, items)) < agree)
    errors = scores.std(axis=1, ddof=1) / math.sqrt(items)
    return scores.mean(axis=1) + own * rng.normal(size=seeds), errors


@pytest.mark.parametrize(("agree", "own"), [(0.9, 0.0), (1.0, 0.0), (1.0, 0.05)])
@pytest.mark.parametrize("seeds", [3, 5])
def test_limits_of_a_method_hold_over_seeds_and_over_the_items_they_share(seeds, agree, own):
    rng = np.random.default_rng(7)
    worlds, held, told = 1500, 0, 0
    for _ in range(worlds):
        one, two = (shared_items(rng, seeds, 100, agree, own) for _ in range(2))
        found = over_seeds(*map(list, one))
        held += found.low <= 0 <= found.high
        items = sum(float(np.mean(errors**2)) for _, errors in (one, two))
        apart, _ = welch(one[0], two[0], items)
        told += not apart.low <= 0 <= apart.high
    assert held / worlds > 0.93
    assert told / worlds < 0.07


def test_seeds_that_agree_leave_the_limits_of_the_items():
    found = over_seeds([0.2] * 3, [0.1] * 3)
    assert (found.low, found.high) == pytest.approx((0.2 - Z * 0.1, 0.2 + Z * 0.1))
    assert over_seeds([0.2] * 3, [0.1, None, 0.1]).low is None
    widened = Condition("", 0.2, found.low, found.high, above(0.0), 3, 0.1).widened(22)
    assert widened[0] == pytest.approx(0.2 - NormalDist().inv_cdf(1 - 0.05 / 44) * 0.1)


# ------------------------------------------------------------------------------------ over-training


def test_a_flat_course_is_seldom_said_to_fall():
    rng = np.random.default_rng(5)
    worlds = 1500
    none = np.zeros((3, 6))
    found = [after_peak(0.5 + 0.03 * rng.normal(size=(3, 6)), none) for _ in range(worlds)]
    fell = np.mean([each.high is not None and each.high < 0 for each in found])
    assert fell < 0.025 + monte_carlo_error(0.025, worlds)


def test_the_peak_is_picked_by_other_seeds_than_it_is_read_on():
    lucky = np.zeros((3, 4))
    lucky[0, 1], lucky[1, 2], lucky[2, 0] = 1.0, 1.0, 1.0
    assert after_peak(lucky, np.zeros((3, 4))).value == 0


def test_a_course_that_no_seed_disagrees_on_is_as_sure_as_its_items():
    found = after_peak(np.array([[0.5, 0.2]] * 3), np.full((3, 2), 0.1))
    assert found.value == pytest.approx(-0.3)
    assert found.high - found.value == pytest.approx(Z * 0.1 * math.sqrt(2))
    assert after_peak(np.array([[0.2, 0.5]] * 3), np.full((3, 2), 0.1)).low < 0
    assert after_peak(np.array([[0.5, 0.2]] * 3), np.full((3, 2), np.nan)).low is None


# ------------------------------------------------------------------------------------------ claims


@pytest.mark.parametrize(
    ("adapter", "seconds", "verdict_"),
    [((0.7, -0.02), 0.1, "supported"), ((0.7, -0.02), 1.5, "refuted"),
     ((0.7, -0.02), 0.49, "inconclusive"),
     ((0.7, -0.2), 0.1, "refuted"), ((0.4, 0.0), 0.1, "not testable")],
)  # fmt: skip
def test_adapters_are_held_against_full_tuning_of_the_same_skill(
    claims, adapter, seconds, verdict_
):
    full, lora = way("full", 1e-3, (0.7, -0.1)), way("lora", 1e-2, adapter, rng=1)
    lora = replace(lora, times=tuple(seconds * each for each in full.times))
    row = verdict(claims, "H19", (full, lora))
    assert row["verdict"] == verdict_, row["reason"]
    if verdict_ == "not testable":
        assert "30." in row["reason"] or "29." in row["reason"]


@pytest.mark.parametrize(
    ("other", "missing"),
    [
        ({"rows": ("others",) * 3}, "on the same data"),
        ({"rows": ("",) * 3}, "on the same data"),
        ({"step": 10}, "as many steps"),
        ({"settings": {"learning_rate": 1e-2, "batch": 4}}, "of one batch"),
        ({"times": ()}, "training time"),
        ({"machines": ("cuda:0",)}, "on one device with as many threads"),
        ({"machines": ("cpu, threads 1", "cpu, threads 4")}, "cpu, threads 4"),
        ({"machines": ("",)}, "not known"),
    ],
)
def test_an_adapter_is_not_held_against_another_work_or_another_machine(claims, other, missing):
    full, lora = way("full", 1e-3, (0.7, -0.1)), way("lora", 1e-2, (0.7, -0.02), rng=1)
    lora = replace(lora, times=tuple(0.1 * each for each in full.times))
    row = verdict(claims, "H19", (full, replace(lora, **other)))
    assert row["verdict"] == "not testable"
    assert missing in row["reason"]


def test_two_seeds_decide_nothing_about_a_method(claims):
    full, lora = way("full", 1e-3, (0.7, -0.1), k=2), way("lora", 1e-2, (0.7, 0.0), k=2)
    for id in ("H14", "H19", "H21", "H22"):
        assert verdict(claims, id, (full, lora))["verdict"] == "not testable"


@pytest.mark.parametrize(
    ("chat", "verdict_"),
    [((0.8, -0.1), "supported"), ((0.7, 0.0), "supported"), ((0.5, -0.1), "refuted")],
)
def test_the_better_start_is_ahead_in_one_and_not_behind_in_the_other(claims, chat, verdict_):
    base = way("full", 1e-3, (0.7, -0.1))
    instruct = way("full", 1e-3, chat, rng=1, base_model="nano/instruct")
    other_rate = way("full", 1e-4, (0.0, 0.0), rng=2, base_model="nano/instruct")
    row = verdict(claims, "H21", (base, instruct, other_rate))
    assert row["verdict"] == verdict_, row["reason"]
    assert len(row["edges"]) == 1, "only what is alike is compared"


@pytest.mark.parametrize(
    ("tenth", "verdict_"), [(0.69, "supported"), (0.5, "refuted"), (0.63, "inconclusive")]
)
def test_little_data_is_nine_tenths_of_the_gain_with_a_tenth_of_the_rows(claims, tenth, verdict_):
    ways = (
        way("full", 1e-3, (0.7, -0.1)),
        way("full", 1e-3, (tenth, -0.1), examples=38, rng=1),
        way("full", 1e-3, (0.0, 0.0), examples=4, rng=2),
    )
    row = verdict(claims, "H22", ways)
    assert row["verdict"] == verdict_, row["reason"]
    assert "with 38 examples" in row["reason"]


@pytest.mark.parametrize("whole", [-0.1, 0.0, 0.021])
def test_little_data_is_enough_of_a_gain_only_where_there_is_one(claims, whole):
    ways = (
        way("full", 1e-3, (whole, -0.1)),
        way("full", 1e-3, (whole + 0.1, -0.1), examples=38, rng=1),
    )
    row = verdict(claims, "H22", ways)
    assert row["verdict"] == "not testable"
    assert "a gain with all of the data" in row["reason"]


def test_amounts_of_other_data_are_no_amounts_of_one(claims):
    many, few = way("full", 1e-3, (0.7, -0.1)), way("full", 1e-3, (0.69, -0.1), examples=38)
    other = replace(few, source="something else")
    assert verdict(claims, "H22", (many, few))["verdict"] == "supported"
    assert verdict(claims, "H22", (many, other))["verdict"] == "not testable"


@pytest.mark.parametrize(
    ("course", "verdict_"),
    [((0.1, 0.3, 0.4, 0.2, 0.0), "supported"), ((0.1, 0.2, 0.3, 0.4, 0.5), "inconclusive")],
)
def test_too_much_reinforcement_is_seen_over_seeds_or_not_at_all(claims, course, verdict_):
    ways = [
        way("grpo", 1e-5, (special, 0.0), step=10 * at, rng=at, regime="RL-tuned")
        for at, special in enumerate(course, start=1)
    ]
    found = tuple(replace(each, last=each is ways[-1]) for each in ways)
    row = verdict(claims, "H14", found, "RL-tuned")
    assert row["verdict"] == verdict_, row["reason"]
    assert row["n"] == 3
    assert not math.isnan(row["estimate"])


def test_advice_names_the_ways_on_the_front_by_their_kind():
    ways = points(seeds=3, noise=0.001)
    rows = {row["question"]: row for row in advise(reported(ways))}
    answer = rows["An adapter or full fine-tuning?"]["answer"]
    assert "full at 0.0003 (ΔS +7" in answer
    assert "an adapter: none (0 of 2 ways)" in answer
    assert "by their training seeds" in answer
    assert not rows["Should I fine-tune from the base or from the instruct model?"]["measured"]
