"""Known answers for what stages keep, lose and pay."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stats.draws import monte_carlo_error, rates

from tradeoff.lineage import REGIMES, cell
from tradeoff.simulated import (
    BASE,
    CHAT,
    FACTS,
    FULL,
    LAW,
    QA,
    RL,
    SUMS,
    report,
)
from zoo.benchmarks import Benchmark, Suite
from zoo.columns import read_cells
from zoo.measures.calibration import BINS, calibration
from zoo.measures.chains import halves, peak_minus_last
from zoo.measures.front import non_dominated
from zoo.models import Family, Prompting
from zoo.reporting.data import schema
from zoo.results import Protocol
from zoo.seeds import over_seeds
from zoo.stats import Interval, minimum_detectable_effect
from zoo.tradeoff import analyse


@pytest.fixture(scope="module")
def whole():
    return report()


def of(models, benchmarks, *scores, protocol: Protocol = "uniform", **asked):
    """The analysis of a few cells: a row of scores for each model, "1101" for each benchmark."""
    cells = [
        cell(model, benchmark, answers, protocol, **asked)
        for model, row in zip(models, scores, strict=True)
        for benchmark, answers in zip(benchmarks, row, strict=True)
    ]
    family, suite = Family("f", tuple(models)), Suite("s", tuple(benchmarks))
    return analyse(family, suite, cells, REGIMES)


def test_everything_the_analysis_finds_satisfies_the_schema(whole):
    document = json.loads(json.dumps(whole.to_dict(), allow_nan=False))
    jsonschema.Draft202012Validator(schema()).validate(document)
    empty = [name for name, value in document.items() if value in ([], {})]
    assert empty == ["claims", "advice"], "every other field has a row to be checked"


def test_what_the_analysis_finds_keeps_to_the_declared_fields(whole):
    validator = jsonschema.Draft202012Validator(schema())
    document = {
        name: value[:1] if isinstance(value, list) else value
        for name, value in json.loads(json.dumps(whole.to_dict())).items()
    }
    for name, rows in document.items():
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            continue
        more = {**document, name: [{**rows[0], "surprise": 1}]}
        assert validator.is_valid(more) == (name in ("probes", "claims")), name
        for field in ("benchmark", "model", "other"):
            if field in rows[0]:
                less = [{key: value for key, value in rows[0].items() if key != field}]
                assert not validator.is_valid({**document, name: less}), (name, field)


def test_retention_is_the_childs_share_of_the_parents_normalised_score():
    found = of((BASE, FULL), (FACTS,), ("1" * 70 + "0" * 30,), ("1" * 55 + "0" * 45,))
    (row,) = found.retention
    assert row.base_normalised == pytest.approx((0.70 - 0.25) / 0.75)
    assert row.retention.value == pytest.approx((0.55 - 0.25) / (0.70 - 0.25))
    assert row.forgetting.value == pytest.approx(0.15 / 0.75)
    assert 0 < row.forgetting.low < row.forgetting.value < row.forgetting.high
    assert (row.gain.value, row.gain.low, row.gain.high) == (0, 0, 0)
    assert row.retention.low < row.retention.value < row.retention.high < 1


def test_there_is_no_share_of_a_score_at_chance():
    found = of((BASE, FULL), (FACTS,), ("1" * 30 + "0" * 70,), ("1" * 20 + "0" * 80,))
    assert found.retention[0].retention is None
    assert found.retention[0].forgetting.value == pytest.approx(0.1 / 0.75)


def test_items_are_counted_along_a_chain():
    #               never always lost lost recovered gained
    found = of((BASE, CHAT, RL), (QA,), ("011010",), ("010100",), ("010011",))
    (row,) = found.chains
    assert (row.models, row.n) == (("base", "chat", "rl"), 6)
    assert (row.never, row.always, row.lost, row.recovered) == (1, 1, 2, 1)


def test_backward_transfer_is_measured_from_the_stage_that_learned_the_skill():
    found = of((BASE, CHAT, RL), (QA, SUMS), ("1" * 20, "0" * 20), ("1" * 20,) * 2, ("0" * 20,) * 2)
    answering, math_ = found.chains
    assert answering.backward_transfer.value == -1, "learned by the chat stage, lost by the last"
    assert math_.backward_transfer.value == 0, "no earlier stage was trained for it: the root"
    assert math_.forgetting.value == 1, "the best earlier stage was right"


def test_a_chain_along_a_branch_and_the_edge_to_the_root_are_both_there(whole):
    lines = {chain.models for chain in whole.chains}
    assert {("base", "chat", "rl"), ("base", "full"), ("base", "lora")} <= lines
    assert {(e.base, e.other) for e in whole.root_edges} >= {("base", "rl")}
    assert {(e.base, e.other) for e in whole.siblings} >= {("full", "lora")}
    transfers = {(t.base, t.other, t.against) for t in whole.transfer}
    assert {("base", "rl", "root"), ("chat", "rl", "parent")} <= transfers


def test_the_peak_is_picked_on_other_items_than_it_is_read_on():
    rng = np.random.default_rng(0)
    clusters = np.arange(400)
    biased, honest = [], []
    for _ in range(300):
        scores = (rng.random((6, 400)) < 0.5).astype(float)
        biased.append(scores[:-1].mean(axis=1).max() - scores[-1].mean())
        honest.append(peak_minus_last(scores, clusters).mean())
    assert np.mean(biased) > 0.02
    assert abs(np.mean(honest)) < 3 * np.std(honest) / math.sqrt(300)


@given(st.integers(1, 500), st.integers(0, 1000))
def test_a_cluster_is_in_one_half_on_every_benchmark(n, start):
    clusters = np.arange(start, start + n)
    assert (halves(np.repeat(clusters, 2)) == np.repeat(halves(clusters), 2)).all()
    assert (halves(clusters[::-1])[::-1] == halves(clusters)).all()


def test_the_exchange_rate_is_what_a_point_of_s_cost():
    base = ("1" * 80 + "0" * 20, "1" * 25 + "0" * 75)
    other = ("1" * 65 + "0" * 35, "1" * 85 + "0" * 15)
    found = of((BASE, FULL), (FACTS, LAW), base, other).exchange[0]
    assert found.rate.value == pytest.approx(0.15 / 0.60)
    assert found.rate.low < 0.25 < found.rate.high
    assert found.angle_degrees == pytest.approx(math.degrees(math.atan2(-0.15, 0.60)))
    assert sum(found.quadrants.values()) == pytest.approx(1)
    assert found.quadrants["S+G-"] > 0.99
    assert found.reason == ""


def test_there_is_no_rate_where_s_hardly_moved():
    base = ("1" * 80 + "0" * 20, "1" * 25 + "0" * 75)
    other = ("1" * 65 + "0" * 35, "1" * 27 + "0" * 73)
    found = of((BASE, FULL), (FACTS, LAW), base, other).exchange[0]
    assert found.rate is None
    assert "3 standard errors" in found.reason
    assert found.angle_degrees < -70


def test_a_child_without_targets_has_no_rate_and_says_why():
    models = BASE, replace(FULL, targets=())
    found = of(models, (FACTS,), ("1100",), ("1000",)).exchange[0]
    assert (found.rate, found.angle_degrees, found.quadrants) == (None, None, {})
    assert found.reason == "the change of S is not known"


def test_a_point_is_on_the_front_unless_another_is_as_good_in_both_and_better_in_one():
    points = np.array([[[0.0, 1.0], [0.5, 0.5], [0.4, 0.5], [0.5, 0.5], [1.0, 0.0]]])
    assert non_dominated(points).tolist() == [[True, True, False, True, True]]


def test_the_front_of_the_joint_draws_knows_who_is_dominated(whole):
    front = {row.model: row.pareto for row in whole.joint if row.protocol == "uniform"}
    assert front["full"] < 0.05, "its adapter gained as much and lost less"
    assert max(front.values()) > 0.5
    for row in whole.joint:
        (ss, sg), (gs, gg) = row.covariance
        assert sg == gs
        assert ss > 0
        assert gg > 0
        half = (row.special.high - row.special.low) / 2
        assert 1.9 * math.sqrt(ss) < half < 2.1 * math.sqrt(ss)


def test_flags_name_ceilings_floors_and_changes_that_could_not_be_seen():
    found = of(
        (BASE, FULL), (FACTS, QA), ("1" * 96 + "0" * 4, "0" * 100), ("1" * 100, "1" + "0" * 99)
    )
    kinds = {(f.model, f.benchmark, f.kind) for f in found.flags}
    assert {("base", "facts", "ceiling"), ("base", "qa", "floor")} <= kinds
    assert ("full", "facts", "underpowered") in kinds, "4 points are left, 5.6 detectable"
    assert ("full", "qa", "underpowered") not in kinds


def test_accuracy_is_the_parsed_share_times_the_share_right_of_those(whole):
    scores = {
        (stage.model, score.protocol, score.benchmark): score.value
        for stage in whole.stages
        for score in stage.scores
    }
    assert whole.parsing
    for row in whole.parsing:
        accuracy = scores[row.model, row.protocol, row.benchmark]
        assert row.parsed * row.correct_given_parsed == pytest.approx(accuracy)


def test_churn_counts_both_ways_and_its_floor_is_that_of_training_seeds(whole):
    found = of((BASE, FULL), (QA,), ("110000",), ("101000",)).churn[0]
    assert (found.churn, found.floor, found.excess) == (pytest.approx(2 / 6), None, None)
    seeded = [row for row in whole.churn if row.other == "seed0" and row.benchmark == "facts"]
    for row in seeded:
        assert 0 < row.floor < 0.3
        assert row.excess.value == pytest.approx(row.churn - row.floor)
        assert row.excess.low < row.excess.value < row.excess.high


def test_ability_and_format_of_composites_sum_to_the_native_change_with_intervals(whole):
    assert whole.splits
    for row in whole.splits:
        assert row.ability.value + row.format.value == pytest.approx(row.native.value, abs=1e-12)
        for term in (row.native, row.ability, row.format):
            assert term.low < term.value < term.high


bits = st.lists(st.sampled_from([0.0, 1.0]), min_size=5, max_size=5)


@settings(max_examples=30, deadline=None)
@given(st.lists(bits, min_size=4, max_size=4))
def test_the_split_of_a_composite_is_exact_for_any_scores(four):
    cells = [
        cell(model, FACTS, scores, protocol)
        for (model, protocol), scores in zip(
            [(m, p) for m in (BASE, FULL) for p in ("uniform", "native")], four, strict=True
        )
    ]
    found = analyse(Family("f", (BASE, FULL)), Suite("s", (FACTS,)), cells, REGIMES)
    (row,) = [each for each in found.splits if each.composite == "general"]
    assert row.ability.value + row.format.value == pytest.approx(row.native.value, abs=1e-12)


def sure(model, confidence, right):
    """A cell of multiple choice with stated confidences."""
    made = cell(model, FACTS, right)
    items = tuple(
        replace(item, confidence=float(each))
        for item, each in zip(made.items, confidence, strict=True)
    )
    return replace(made, items=items)


def calibrated(confidence, right):
    rows = calibration(read_cells([sure(BASE, confidence, right)]), [])
    return next(row for row in rows if row["kind"] == "summary")


def test_ece_and_brier_of_a_worked_example():
    row = calibrated([0.9] * 10 + [0.6] * 10, [1] * 8 + [0] * 2 + [1] * 3 + [0] * 7)
    assert row["brier"] == pytest.approx((8 * 0.1**2 + 2 * 0.9**2 + 3 * 0.4**2 + 7 * 0.6**2) / 20)
    rng = np.random.default_rng(0)
    confidence = rng.random(300)
    right = (rng.random(300) < confidence**2).astype(float)
    order = np.argsort(confidence, kind="stable")
    blocks = np.array_split(order, BINS)
    expected = sum(abs((right[b] - confidence[b]).sum()) for b in blocks) / 300
    assert calibrated(confidence, right)["ece"] == pytest.approx(expected)


def test_the_interval_of_the_ece_holds_the_truth_of_a_model_that_is_too_sure():
    grid = (np.arange(4000) + 0.5) / 4000
    truth = float(np.abs(grid**2 - grid).mean())

    def infer(rng):
        confidence = rng.random(800)
        row = calibrated(confidence, (rng.random(800) < confidence**2).astype(float))
        return Interval(row["ece"], row["ece_low"], row["ece_high"])

    held, _ = rates(infer, truth, draws=150)
    assert held > 0.95 - monte_carlo_error(0.95, 150) - 0.02


def test_the_change_of_the_ece_from_a_calibrated_parent_holds_the_truth():
    grid = (np.arange(4000) + 0.5) / 4000
    truth = float(np.abs(grid**1.3 - grid).mean())

    def infer(rng):
        confidence, draw = rng.random(400), rng.random(400)
        pair = [
            sure(model, confidence, (draw < confidence**power).astype(float))
            for model, power in ((BASE, 1.0), (FULL, 1.3))
        ]
        found = analyse(Family("f", (BASE, FULL)), Suite("s", (FACTS,)), pair, REGIMES)
        row = next(r for r in found.probes if r["kind"] == "change")
        return Interval(row["ece"], row["ece_low"], row["ece_high"])

    held, _ = rates(infer, truth, draws=60)
    assert held > 0.95 - monte_carlo_error(0.95, 60)


def test_the_change_of_calibration_is_paired(whole):
    rows = [
        row
        for row in whole.probes
        if (row["probe"], row["kind"], row["model"]) == ("calibration", "change", "full")
    ]
    assert {row["benchmark"] for row in rows} == {None, "facts", "law"}
    for row in rows:
        assert row["ece_low"] <= row["ece"] <= row["ece_high"]
        assert row["brier_low"] <= row["brier"] <= row["brier_high"]
    bins = [r for r in whole.probes if r["kind"] == "bin" and r["model"] == "full"]
    assert len(bins) == 2 * BINS
    assert sum(row["n"] for row in bins) == 2 * 1200


def test_lengths_are_told_apart_by_right_and_wrong_and_held_to_a_budget():
    made = cell(BASE, QA, "1100")
    lengths = (3, 9, 20, 40)
    items = tuple(
        replace(item, n_tokens=n, truncated=n == 40)
        for item, n in zip(made.items, lengths, strict=True)
    )
    found = analyse(
        Family("f", (BASE,)), Suite("s", (QA,)), [replace(made, items=items)], REGIMES
    ).probes
    row = next(each for each in found if each["kind"] == "summary")
    assert (row["n"], row["median_tokens"], row["truncated"]) == (4, 14.5, 0.25)
    assert (row["median_correct"], row["median_wrong"]) == (6, 30)
    budgets = {each["budget"]: each["accuracy"] for each in found if each["kind"] == "budget"}
    assert budgets == {8: 0.25, 16: 0.5, 32: 0.5, 64: 0.5}


def lengths_of(*items, end="</think>", **prompting):
    """The summary of the lengths of a cell of these items."""
    made = cell(BASE, QA, "1" * len(items))
    found = tuple(replace(item, **more) for item, more in zip(made.items, items, strict=True))
    spec = replace(made.spec, prompting=Prompting(think_end_token=end, **prompting))
    asked = [replace(made, spec=spec, items=found)]
    rows = analyse(Family("f", (BASE,)), Suite("s", (QA,)), asked, REGIMES).probes
    return next(row for row in rows if row["kind"] == "summary")


def test_thinking_that_was_counted_is_taken_as_it_was_and_the_rest_is_the_answer():
    row = lengths_of(
        {"n_tokens": 30, "truncated": False, "thinking_tokens": 20, "thinking_cut": False},
        {"n_tokens": 50, "truncated": True, "thinking_tokens": 50, "thinking_cut": True},
        {"n_tokens": 40, "truncated": True, "thinking_tokens": 38, "thinking_cut": False},
        {"n_tokens": 6, "truncated": False, "thinking_tokens": 0, "thinking_cut": False},
        end=None,
    )
    assert (row["median_thinking"], row["median_answer"]) == (29, 4)
    assert (row["thinking_cut"], row["truncated"]) == (0.25, 0.5)


def test_thinking_that_was_not_counted_is_estimated_by_its_share_of_what_was_written():
    thought, at_once, cut = (
        {"n_tokens": 22, "truncated": text.endswith("ends"), "response": text}
        for text in ("<think>12345</think>ok", "ok", "<think>never ends")
    )
    share = len("<think>12345</think>") / len("<think>12345</think>ok")
    assert lengths_of(thought)["median_thinking"] == pytest.approx(22 * share)
    assert lengths_of(at_once)["median_thinking"] == 0, "it did not think"
    assert lengths_of(cut)["median_thinking"] == 22, "it was cut while it thought"
    assert lengths_of(thought, cut)["thinking_cut"] == 0.5
    assert lengths_of(cut, enable_thinking=False)["median_thinking"] == 0, "nor was it asked to"
    assert lengths_of(cut, end=None)["median_thinking"] is None


def test_several_answers_to_an_item_are_scored_as_their_mean_and_as_one_that_is_right():
    several = replace(QA, repeats=4)
    before, after = "0000000111110011", "0001001111110000"
    found = of((BASE, CHAT), (several,), (before,), (after,), samples=4).probes
    rows = {(r["kind"], r["model"], r["metric"]): r for r in found if r["probe"] == "draws"}
    assert rows["score", BASE.id, "avg@4"]["value"] == 7 / 16
    assert rows["score", BASE.id, "pass@4"]["value"] == 3 / 4
    changed = rows["change", CHAT.id, "avg@4"]
    assert (changed["delta"], changed["n"], changed["base"]) == (0, 4, BASE.id)
    assert rows["change", CHAT.id, "pass@4"]["delta"] == 0
    once = of((BASE,), (QA,), ("0101",)).probes
    assert not any(row["probe"] == "draws" for row in once)


def test_the_limits_of_several_answers_are_over_items_and_not_over_answers():
    several = replace(QA, repeats=8)
    alike = of((BASE,), (several,), (("1" * 8 + "0" * 8) * 30,), samples=8).probes
    once = of((BASE,), (replace(QA, repeats=2),), ("1100" * 30,), samples=2).probes
    wide, narrow = (
        next(row for row in rows if row.get("metric", "").startswith("avg"))
        for rows in (alike, once)
    )
    assert wide["n"] == narrow["n"] == 60
    assert (wide["low"], wide["high"]) == (narrow["low"], narrow["high"])


def test_a_longer_child_has_a_ratio_of_medians_and_a_gain_within_the_parents_budget(whole):
    (row,) = [
        each
        for each in whole.probes
        if (each["kind"], each["model"], each["protocol"], each["benchmark"])
        == ("change", "rl", "uniform", None)
        and each["probe"] == "length"
    ]
    assert row["base"] == "chat"
    assert row["low"] <= row["ratio"] <= row["high"]
    assert 2.5 < row["ratio"] < 3.5
    assert row["gain"] < row["gain_all"], "three times as long, hardly any is done in time"


def test_a_method_has_limits_over_seeds_and_items(whole):
    from scipy.stats import t

    rows = [each for each in whole.methods if each.protocol == "uniform"]
    (row,) = rows
    assert (row.base, row.models, row.seeds) == ("base", ("seed0", "seed1", "seed2"), 3)
    edges = [
        e.special for e in whole.tradeoffs if e.other.startswith("seed") and e.protocol == "uniform"
    ]
    changes = [each.delta for each in edges]
    seeds = t.ppf(0.975, 2) * np.std(changes, ddof=1) / math.sqrt(3)
    items = math.sqrt(np.mean([(each.high - each.low) ** 2 for each in edges])) / 2
    assert row.special.value == pytest.approx(np.mean(changes))
    assert row.special.high - row.special.value == pytest.approx(math.hypot(seeds, items))
    assert "over 3 training seeds" in row.says


def test_two_seeds_are_said_to_be_too_few():
    from zoo.contrasts import Change, EdgeTradeoff
    from zoo.measures.training import method

    edges = [
        EdgeTradeoff("b", f"m{k}", "uniform", (), Change(0.1 * k), Change(0.2), Change(None))
        for k in range(2)
    ]
    assert "at least 3 seeds" in method("b", edges).says
    assert over_seeds([0.5], [0.1]).low is None


def test_the_interval_over_seeds_holds_the_truth_of_the_method():
    def infer(rng):
        found = over_seeds((0.1 + 0.03 * rng.normal(size=4)).tolist(), [0.0] * 4)
        return Interval(found.value, found.low, found.high)

    held, _ = rates(infer, 0.1)
    assert abs(held - 0.95) < monte_carlo_error(0.95)


def test_checkpoints_are_a_series_with_a_peak_and_what_came_after(whole):
    (row,) = [each for each in whole.series if each.protocol == "uniform"]
    assert row.steps == (100, 200, 300, 400, 500)
    assert row.peak == "step300"
    assert row.after_peak.high < -0.2
    assert row.general_change.high < -0.05
    assert [e.value for e in row.special] == [
        pytest.approx(s.value)
        for s in (
            next(x for x in stage.scores if (x.benchmark, x.protocol) == ("sums", "uniform"))
            for stage in whole.stages
            if stage.model in row.models
        )
    ]


def test_seeds_and_checkpoints_of_one_training_are_no_siblings(whole):
    pairs = {(e.base, e.other) for e in whole.siblings}
    assert ("seed0", "seed1") not in pairs
    assert ("step100", "step200") not in pairs
    assert ("full", "seed0") in pairs
    assert {t.model: (t.step, t.seed, t.adapter) for t in whole.training}["lora"] == (
        None,
        None,
        True,
    )


def test_a_mixed_edge_has_none_of_these():
    models, suite = (BASE, FULL), (FACTS, LAW)
    cells = [cell(m, b, "1100", seed=1 + (m is FULL)) for m in models for b in suite]
    found = analyse(Family("f", models), Suite("s", suite), cells, REGIMES)
    assert all(each.mixed for each in found.edges)
    assert found.retention == found.transfer == found.churn == found.chains == ()
    assert found.exchange[0].reason == "the two ends differ in more than the model"


def test_a_planted_loss_of_five_points_is_found_at_the_stated_power():
    suite, n = Suite("s", (QA,)), 627
    assert minimum_detectable_effect(0.2, n) == pytest.approx(0.05, rel=1e-3)
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        draw = rng.random(n)
        before = (draw < 0.125) | (draw > 0.6)
        after = (draw >= 0.125) & ((draw < 0.2) | (draw > 0.6))
        cells = [cell(m, QA, s.astype(float)) for m, s in ((BASE, before), (FULL, after))]
        report = analyse(Family("f", (BASE, FULL)), suite, cells, REGIMES)
        found.append(report.tradeoffs[0].general.high < 0)
    assert abs(np.mean(found) - 0.80) < monte_carlo_error(0.80, 200)


def test_no_difference_is_called_one_in_at_most_5_of_100_families():
    benchmarks = tuple(
        Benchmark(f"t{k}", "acc", axis=axis, capability=f"c{k}")
        for k, axis in enumerate(("general", "general", "special"))
    )
    child = replace(FULL, targets=("c2",))
    rng = np.random.default_rng(5)
    called = []
    for _ in range(200):
        cells = []
        for benchmark in benchmarks:
            before = rng.random(100) < 0.5
            flipped = rng.random(100) < 0.2
            for model, scores in ((BASE, before), (child, before ^ flipped)):
                cells.append(cell(model, benchmark, scores.astype(float).tolist()))
        row = analyse(Family("f", (BASE, child)), Suite("s", benchmarks), cells, REGIMES).tradeoffs[
            0
        ]
        called.append(min(row.general.p_adjusted, row.special.p_adjusted) < 0.05)
    assert np.mean(called) < 0.05 + monte_carlo_error(0.05, 200)


def test_the_interval_of_a_share_kept_holds_the_truth_of_items_in_clusters():
    def infer(rng):
        passage = np.repeat(rng.random(60), 3)
        easy = np.where(rng.random(180) < 0.5, passage, rng.random(180))
        kept = rng.random(180) < 0.8
        cells = [
            cell(model, QA, scores.astype(float), clusters=[f"p{at // 3}" for at in range(180)])
            for model, scores in ((BASE, easy < 0.7), (FULL, (easy < 0.7) & kept))
        ]
        family = Family("f", (BASE, FULL))
        (row,) = analyse(family, Suite("s", (QA,)), cells, REGIMES).retention
        return Interval(row.retention.value, row.retention.low, row.retention.high)

    held, _ = rates(infer, 0.8, draws=200)
    assert held > 0.95 - monte_carlo_error(0.95, 200)
