"""Curves: accuracy by coverage, the front as a band, and where a training went too far."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import curve_fit
from stats.draws import rates

from tradeoff.lineage import REGIMES, cell
from tradeoff.simulated import BASE, CHAT, FACTS, STEPS, SUITE, report, results
from zoo.columns import read_cells
from zoo.measures.coverage import coverage
from zoo.measures.front import band
from zoo.measures.overoptimisation import curve, distances, fit
from zoo.models import Family
from zoo.stats import Interval
from zoo.tradeoff import analyse

KLS = (0.3, 1.0, 2.2, 4.0, 6.5)
"""Nats from the parent of each of the five checkpoints; the simulated peak is the third."""


def rows(tradeoff, probe, kind, protocol="uniform"):
    return [
        row
        for row in tradeoff.probes
        if (row["probe"], row["kind"], row["protocol"]) == (probe, kind, protocol)
    ]


def surely(scores, confidences):
    """The coverage rows of one cell of items with these scores and confidences."""
    bare = cell(BASE, FACTS, scores)
    items = tuple(
        replace(item, confidence=sure) for item, sure in zip(bare.items, confidences, strict=True)
    )
    return list(coverage(read_cells([replace(bare, items=items)])))


def test_the_surest_items_come_first():
    summary, *points = surely("1110010000", [0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3])
    assert [point["n"] for point in points] == list(range(1, 11))
    assert [point["accuracy"] for point in points][:4] == [1, 1, 1, 0.75]
    assert points[-1]["accuracy"] == 0.4
    assert [point["confidence"] for point in points][:2] == [0.99, 0.95]
    found = np.cumsum([1, 1, 1, 0, 0, 1, 0, 0, 0, 0]) / np.arange(1, 11)
    assert summary["area"] == pytest.approx((1 - found).mean())


def test_where_all_are_equally_sure_coverage_says_nothing():
    rng = np.random.default_rng(1)
    scores = "".join("1" if x < 0.6 else "0" for x in np.sort(rng.random(4000)))
    _, *points = surely(scores, [0.5] * 4000)
    for point in points:
        assert point["accuracy"] == pytest.approx(points[-1]["accuracy"], abs=0.06)


def test_the_limits_at_half_coverage_hold_the_truth():
    def covered(rng):
        sure = rng.random(300)
        right = (rng.random(300) < 0.5 + 0.5 * sure).astype(int)
        _, *points = surely("".join(map(str, right)), sure.tolist())
        return Interval(points[4]["accuracy"], points[4]["low"], points[4]["high"])

    held, _ = rates(covered, 0.875, draws=400)
    assert held > 0.92


def test_the_front_is_the_best_g_of_those_with_so_much_s():
    draws = np.tile(np.array([[0.2, 0.8], [0.6, 0.5], [0.3, 0.4]]), (400, 1, 1))
    found = band(draws)
    by_s = {round(row["special"], 6): row for row in found}
    assert by_s[0.2]["general"] == by_s[0.2]["low"] == by_s[0.2]["high"] == 0.8
    assert all(row["general"] == 0.5 for row in found if 0.2 < row["special"] <= 0.6)


def test_beyond_what_stages_reach_the_front_lies_below_everything():
    rng = np.random.default_rng(2)
    draws = rng.normal([[0.5, 0.5]], 0.02, (4000, 1, 2))
    found = band(draws)
    assert found[0]["low"] is not None
    assert found[-1]["low"] is None
    assert found[-1]["high"] is not None
    values = [row["high"] for row in found]
    assert values == sorted(values, reverse=True)


def test_the_analysis_has_a_band_for_each_protocol_and_curves_of_what_was_chosen():
    whole = report()
    assert {row["protocol"] for row in whole.probes if row["probe"] == "front"} == {
        "uniform", "native",
    }  # fmt: skip
    area = {row["model"]: row["area"] for row in rows(whole, "coverage", "summary")}
    assert area["full"] < area["base"]
    for model in ("base", "full"):
        points = [r["accuracy"] for r in rows(whole, "coverage", "curve") if r["model"] == model]
        assert points[0] > points[-1]


def test_one_stage_alone_has_no_front():
    cells = results((BASE,), items=60, protocols=("uniform",))
    alone = analyse(Family("f", (BASE,)), SUITE, cells, REGIMES, targets=("math",))
    assert alone.joint
    assert not [row for row in alone.probes if row["probe"] == "front"]


def razor(model, kl, protocol="uniform", base="chat"):
    return {
        "probe": "razor", "kind": "summary", "model": model, "base": base, "benchmark": None,
        "protocol": protocol, "kl": kl, "low": 0.95 * kl, "high": 1.05 * kl,
    }  # fmt: skip


TRAINED = (BASE, CHAT, *STEPS)


def optimised(kls=KLS, models=TRAINED):
    probes = [razor(model.id, kl) for model, kl in zip(STEPS, kls, strict=False)]
    cells = results(models, items=400, protocols=("uniform",))
    return analyse(Family("f", tuple(models)), SUITE, cells, REGIMES, probes=lambda _: probes)


def test_a_training_that_went_too_far_turns_within_what_was_measured():
    whole = optimised()
    points = rows(whole, "overoptimisation", "point")
    assert [point["model"] for point in points] == [model.id for model in STEPS]
    assert [round(point["distance"] ** 2, 6) for point in points] == list(KLS)
    (found,) = rows(whole, "overoptimisation", "fit")
    assert found["n"] == 5
    assert 1.0 < found["peak"] < 2.2
    assert found["peak_low"] < found["peak"] < found["peak_high"]
    assert found["turned"] > 0.99
    drawn = rows(whole, "overoptimisation", "curve")
    assert all(row["low"] <= row["gain"] <= row["high"] for row in drawn)
    assert [row for row in whole.probes if row["probe"] == "razor"]


def test_without_distances_or_steps_there_is_nothing_and_with_three_points_no_curve():
    for lacking in (optimised(kls=()), optimised(models=STEPS), optimised(models=TRAINED[:2])):
        assert not [row for row in lacking.probes if row["probe"] == "overoptimisation"]
    fewer = optimised(KLS[:3])
    assert len(rows(fewer, "overoptimisation", "point")) == 3
    assert not rows(fewer, "overoptimisation", "fit")


def test_a_distance_from_another_base_or_without_length_does_not_count():
    probes = [razor("a", 1.0, base="other"), razor("b", 0.0), razor("c", 2.0, "native")]
    probes += [razor("c", 3.0)]
    found = distances(probes, "chat", "uniform")
    assert set(found) == {"c"}
    assert found["c"].kl == 3.0
    assert found["c"].stderr == pytest.approx(0.3 / (2 * 1.96), rel=1e-3)


def test_least_squares_is_what_scipy_fits():
    distance = np.sqrt(np.array(KLS))
    gain = np.array([0.05, 0.2, 0.33, 0.25, 0.1])
    theirs, _ = curve_fit(lambda d, a, b: d * (a - b * np.log(d)), distance, gain)
    assert fit(distance[None], gain[None])[0] == pytest.approx(theirs, rel=1e-5)


def test_the_fitted_curve_has_its_peak_where_its_slope_is_none():
    ours = fit(np.sqrt(np.array([KLS])), np.array([[0.05, 0.2, 0.33, 0.25, 0.1]]))
    (a, b) = ours[0]
    peak = math.exp(a / b - 1)
    around = curve(ours, np.array([peak - 1e-3, peak, peak + 1e-3]))[0]
    assert around[1] == around.max()
    assert around[1] == pytest.approx(b * peak)
