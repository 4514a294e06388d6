"""Ways of training in a report: a row and a mark each, and room for everything else."""

from __future__ import annotations

from dataclasses import replace

import altair
import pytest

from reporting.examples import family
from reporting.ways import points, with_ways
from zoo.contrasts import Tradeoff
from zoo.reporting import render
from zoo.reporting.charts import FIGURES
from zoo.reporting.ways import condensed, planes


@pytest.fixture(scope="module")
def swept() -> Tradeoff:
    return with_ways(family())


def test_each_way_has_a_row_with_its_seeds_its_limits_and_its_chance(swept: Tradeoff) -> None:
    text = render(swept, "markdown")
    (row,) = [line for line in text.splitlines() if "rate 0.0003, 384 rows, step 300" in line]
    found = next(p for p in swept.frontier if p.models[0] == "nano/full-0.0003-384-300-s1")
    assert found.special.value is not None
    assert found.front is not None
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "3"
    assert cells[2].startswith(f"+{100 * found.special.value:.1f} [")
    assert cells[-1].endswith(f"{found.front:.2f}")
    (still,) = [line for line in text.splitlines() if line.startswith("| retrieval-augmented")]
    assert still.split("|")[2].strip() == "—"


def test_a_line_joins_a_methods_rates_in_order_and_the_early_stay_beside(swept: Tradeoff) -> None:
    figure = FIGURES["frontier"](swept, 620)
    assert figure is not None
    plane, examples, steps = figure.panels
    assert (examples.title, steps.title) == (
        "Examples: reports, uniform",
        "Steps: reports, uniform",
    )
    lines = [layer for layer in plane.spec["layer"] if layer["mark"].get("type") == "line"]
    line, path = lines
    assert {row["step"] for row in path["data"]["values"]} == {100, 200, 300}
    rows = line["data"]["values"]
    assert {(row["method"], row["rate"]) for row in rows} == {
        ("full", 1e-4), ("full", 3e-4), ("full", 1e-3), ("lora", 1e-3), ("lora", 3e-3),
    }  # fmt: skip
    assert line["encoding"]["order"]["field"] == "rate"
    for panel in figure.panels:
        altair.Chart.from_dict(dict(panel.spec))


def test_two_ways_are_no_frontier(swept: Tradeoff) -> None:
    few = replace(swept, frontier=swept.frontier[:2])
    assert planes(few) == []
    assert FIGURES["frontier"](few, 620) is None
    assert "Ways of training" not in render(few, "markdown")


def test_stages_of_many_ways_stand_among_the_ways_alone(swept: Tradeoff) -> None:
    one = swept.stages[0]
    named = [model for point in swept.frontier for model in point.models if point.seeds]
    stages = (*swept.stages, *(replace(one, model=model) for model in named))
    whole = replace(swept, stages=stages)
    assert condensed(whole).stages == swept.stages
    assert set(named) <= {stage["model"] for stage in whole.to_dict()["stages"]}, "JSON has all"
    few = replace(whole, frontier=points(seeds=1)[:4])
    assert condensed(few) is few


def test_a_recipes_name_is_shown_as_text(swept: Tradeoff) -> None:
    name = "<img src=x>a|b\x1b[31m\u202ertl"
    hostile = tuple(
        replace(point, recipe=name, settings={name: name if point.last else "", "rank": 1})
        for point in swept.frontier
    )
    page = render(replace(swept, frontier=hostile), "html")
    assert "<img src=x>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page.split('<script type="application/json"')[0]
