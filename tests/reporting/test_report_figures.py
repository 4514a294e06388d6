"""Figures: each is drawn where its rows are, says what they say, and is silent where they lack."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import altair
import pytest

from reporting.additions import full_family
from reporting.examples import DPO, INSTRUCT, LAW, ROOT, SFT, family
from zoo.contrasts import Estimate, Tradeoff
from zoo.errors import UnknownNameError
from zoo.reporting import figures, render, render_bytes
from zoo.reporting.charts import FIGURES
from zoo.reporting.charts.dots import ELLIPSE, Dot
from zoo.reporting.charts.labels import spread
from zoo.reporting.published import held_against_published


@pytest.fixture(scope="module")
def bare() -> Tradeoff:
    return family()


@pytest.fixture(scope="module")
def full() -> Tradeoff:
    return full_family()


ALWAYS = "plane lineage targets heatmap slope forest decomposition flips".split()
PROBED = """length calibration coverage passk diversity abstention razor
overoptimisation frontier""".split()


@pytest.mark.parametrize("name", [*ALWAYS, *PROBED])
@pytest.mark.parametrize("width", [340, 620])
def test_every_figure_is_valid_vega_lite_with_words_and_numbers(
    full: Tradeoff, name: str, width: int
) -> None:
    figure = FIGURES[name](full, width)
    assert figure is not None
    assert figure.name == name
    assert figure.panels
    for panel in figure.panels:
        altair.Chart.from_dict(dict(panel.spec))  # raises where it is not valid
        assert re.search(r"\d", panel.alt)
    assert all(len(row) == len(figure.head) for row in figure.rows)
    assert figure.rows
    json.dumps([panel.spec for panel in figure.panels], allow_nan=False)


@pytest.mark.parametrize("name", PROBED)
def test_a_figure_of_a_probe_that_was_not_run_is_not_there(bare: Tradeoff, name: str) -> None:
    assert FIGURES[name](bare, 340) is None


@pytest.mark.parametrize("name", ["lineage", "heatmap", "length", "passk"])
def test_a_figure_is_a_picture_in_both_formats(full: Tradeoff, name: str) -> None:
    ElementTree.fromstring(render(full, "svg", figure=name))
    assert render_bytes(full, "png", figure=name).startswith(b"\x89PNG")


def test_an_unknown_figure_names_the_nearest(bare: Tradeoff) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'slope'"):
        render(bare, "svg", figure="slpe")


def test_an_ellipse_holds_95_percent_of_what_its_covariance_describes() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    covariance = [[0.0004, 0.0003], [0.0003, 0.0009]]
    dot = Dot("m", "m", "r", Estimate(0.5), Estimate(0.3), covariance)
    draws = rng.multivariate_normal([50, 30], 1e4 * np.array(covariance), 20_000)
    inverse = np.linalg.inv(1e4 * np.array(covariance))
    distance = np.einsum("ni,ij,nj->n", draws - [50, 30], inverse, draws - [50, 30])
    assert (distance <= ELLIPSE**2).mean() == pytest.approx(0.95, abs=0.005)
    rim = np.array(dot.ellipse) - [50, 30]
    assert np.einsum("ni,ij,nj->n", rim, inverse, rim) == pytest.approx(ELLIPSE**2)


def test_a_plane_with_joint_distributions_draws_ellipses_and_no_crosses(full: Tradeoff) -> None:
    figure = FIGURES["plane"](full, 620)
    assert figure is not None
    front, crosses, *layers = figure.panels[0].spec["layer"]
    assert front["mark"]["type"] == "area"
    assert len(crosses["data"]["values"]) == 0
    assert {row["stage"] for row in layers[-1]["data"]["values"]} == {
        "1B", "1B-SFT", "1B-DPO", "1B-Instruct", "1B-Law",
    }  # fmt: skip


def test_slopes_are_grey_exactly_where_the_change_is_below_what_can_be_detected(
    bare: Tradeoff,
) -> None:
    figure = FIGURES["slope"](bare, 620)
    assert figure is not None
    drawn = {}
    for panel in figure.panels:
        for line in panel.spec["layer"][0]["data"]["values"]:
            drawn[panel.title, line["benchmark"]] = line["kind"]
    names = {ROOT: "1B", SFT: "1B-SFT", DPO: "1B-DPO", INSTRUCT: "1B-Instruct", LAW: "1B-Law"}
    assert len(drawn) == len(bare.edges)
    for edge in bare.edges:
        title = f"{names[edge.base]} → {names[edge.other]}, {edge.protocol}"
        kind = drawn[title, edge.benchmark]
        assert (kind == "unseen") == (abs(edge.delta) < edge.mde)
        if kind != "unseen":
            assert kind == ("gain" if edge.delta > 0 else "loss")


def test_the_forest_calls_harm_what_lies_wholly_below_two_points(bare: Tradeoff) -> None:
    figure = FIGURES["forest"](bare, 620)
    assert figure is not None
    kinds = [(row[3], row[5]) for row in figure.rows]
    by_change = {}
    for edge in bare.edges:
        by_change[figures.signed(edge.delta), figures.limits(edge.low, edge.high)] = (
            "no harm" if edge.low > -0.02 else "harm" if edge.high < -0.02 else "not settled"
        )
    found = {(row[3], row[4]): row[5] for row in figure.rows}
    assert {key: found[key] for key in by_change} == by_change
    assert {kind for _, kind in kinds} >= {"no harm", "not settled"}


def test_bars_of_ability_and_format_end_where_the_native_change_does(bare: Tradeoff) -> None:
    figure = FIGURES["decomposition"](bare, 620)
    assert figure is not None
    bars, ticks, _ = (layer for layer in figure.panels[0].spec["layer"])
    total = sum(row["value"] for row in bars["data"]["values"])
    assert total == pytest.approx(ticks["data"]["values"][0]["value"])


def test_the_heat_map_marks_flags_of_whole_capabilities(full: Tradeoff) -> None:
    figure = FIGURES["heatmap"](full, 620)
    assert figure is not None
    flags = {(row[1], row[3]): row[7] for row in figure.rows if row[0] == "native" and row[7]}
    assert flags == {
        ("1B-Instruct", "instruction"): "ceiling",
        ("1B-Instruct", "law"): "underpowered",
    }


def test_flips_show_the_churn_of_another_seed_where_there_is_one(full: Tradeoff) -> None:
    figure = FIGURES["flips"](full, 620)
    assert figure is not None
    floors = [(row[0], row[1], row[2], row[6]) for row in figure.rows if row[6] != "—"]
    assert floors == [("1B → 1B-SFT", "native", "gsm8k", "8.0")]


def test_names_that_are_moved_apart_stay_apart_and_in_order() -> None:
    moved = spread([3.0, 1.0, 1.1, 1.2, 9.0], 1.0)
    ordered = sorted(moved)
    assert all(b - a >= 1.0 - 1e-9 for a, b in itertools.pairwise(ordered))
    assert moved[4] == 9.0
    assert sorted(range(5), key=moved.__getitem__) == [1, 2, 3, 0, 4]


def test_published_scores_are_held_against_the_run_with_the_written_tolerance(
    bare: Tradeoff,
) -> None:
    held = held_against_published(bare)
    assert {each.model for each in held} <= {ROOT, SFT, DPO, INSTRUCT}
    gsm8k = [h for h in held if h.benchmark == "GSM8K" and h.model == INSTRUCT]
    assert [each.published for each in gsm8k] == [pytest.approx(0.683)] * 2
    for each in held:
        wanted = 1.96 * math.sqrt(2) * each.score.stderr + 0.03
        assert each.tolerance == pytest.approx(wanted)
        assert each.reproduced == (abs(each.score.value - each.published) <= wanted)
    uniform = next(each for each in gsm8k if each.score.protocol == "uniform")
    assert any("plain completion" in each for each in uniform.differences)
    assert FIGURES["published"](bare, 620) is not None


def test_a_run_of_unpublished_models_has_no_such_section(bare: Tradeoff) -> None:
    stages = tuple(replace(each, model=f"my/{n}") for n, each in enumerate(bare.stages))
    assert FIGURES["published"](replace(bare, stages=stages), 620) is None


def test_the_page_shows_claims_and_advice_with_their_reasons(full: Tradeoff) -> None:
    page = render(full, "html")
    assert "Which stage for sums?" in page
    assert "gsm8k +9.1 [+5, +13]" in page
    assert "verifiable-reward RL raises the rewarded skill" in page
    assert "[+3.4, +12.8]" in page


def test_the_front_is_a_band_from_the_left_edge_and_down_where_no_stage_has_so_much(
    full: Tradeoff, bare: Tradeoff
) -> None:
    figure = FIGURES["plane"](full, 620)
    assert figure is not None
    rows = figure.panels[0].spec["layer"][0]["data"]["values"]
    low, high = figure.panels[0].spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert [row["s"] for row in rows][1:] == [10.0, 30.0, 35.0]
    assert rows[0]["s"] < 10.0
    assert rows[-1]["g_low"] == low
    assert all(low <= row["g_low"] <= row["g_high"] <= high for row in rows)
    assert "Pareto" in figure.subtitle[0]
    without = FIGURES["plane"](bare, 620)
    assert without is not None
    assert "Pareto" not in without.subtitle[0]


def test_the_peak_of_over_optimisation_is_drawn_where_it_was_reached_and_said_in_words(
    full: Tradeoff,
) -> None:
    figure = FIGURES["overoptimisation"](full, 620)
    assert figure is not None
    (panel,) = figure.panels
    assert panel.spec["layer"][2]["data"]["values"] == [{"at": 1.2}]
    assert "1.2 [0.9, ∞]; turned before the last with probability 0.97" in panel.alt
