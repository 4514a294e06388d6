"""What tables and figures say of answers: thinking apart, and several answers to one item."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reporting.examples import INSTRUCT, ROOT, SFT, family
from zoo.contrasts import Tradeoff
from zoo.reporting.charts import FIGURES
from zoo.reporting.layout import lay_out

THOUGHT = {
    "median_tokens": 900.0,
    "median_thinking": 850.5,
    "median_answer": 49.5,
    "thinking_cut": 0.125,
    "truncated": 0.25,
}
AT_ONCE = {"median_tokens": 60.0, "median_thinking": None, "median_answer": None, "truncated": 0.0}


def summary(model: str, facts: dict[str, Any], benchmark: str | None = None) -> dict[str, Any]:
    place = {"probe": "length", "kind": "summary", "protocol": "native", "benchmark": benchmark}
    return {**place, "model": model, "median_correct": 50.0, "median_wrong": 70.0, "n": 9, **facts}


def shown(tradeoff: Tradeoff, title: str) -> dict[str, list[str]]:
    """Rows of a block of the native table by label, what says nothing aside."""
    table = next(t for t in lay_out(tradeoff).tables if t.title == "Benchmarks, native")
    return {
        row.label: [" ".join(filter(None, (c.text, c.interval))) for c in row.cells if c.text]
        for block in table.blocks
        if block.title == title
        for row in block.rows
    }


def test_thinking_stands_apart_only_where_a_stage_thinks() -> None:
    bare = family()
    thinking = replace(bare, probes=(summary(ROOT, AT_ONCE), summary(SFT, THOUGHT)))
    lines = shown(thinking, "answers")
    assert list(lines) == [
        "median tokens", "thinking", "answer", "cut while thinking", "cut at the limit",
    ]  # fmt: skip
    assert [values[:2] for values in lines.values()] == [
        ["60", "900"], ["—", "850.5"], ["—", "49.5"], ["—", "12.5"], ["0.0", "25.0"],
    ]  # fmt: skip
    at_once = replace(bare, probes=(summary(ROOT, AT_ONCE), summary(SFT, AT_ONCE)))
    assert list(shown(at_once, "answers")) == ["median tokens", "cut at the limit"]


@pytest.mark.parametrize(("facts", "columns"), [(THOUGHT, 10), (AT_ONCE, 7)])
def test_the_figure_of_lengths_says_how_long_was_thought_where_it_was(
    facts: dict[str, Any], columns: int
) -> None:
    found = replace(
        family(), probes=(summary(ROOT, AT_ONCE, "gsm8k"), summary(SFT, facts, "gsm8k"))
    )
    figure = FIGURES["length"](found, 340)
    assert figure is not None
    assert {len(row) for row in figure.rows} == {len(figure.head)} == {columns}


def test_the_mean_of_several_answers_and_one_that_is_right_stand_beside_the_benchmark() -> None:
    place = {"probe": "draws", "kind": "score", "protocol": "native", "benchmark": "gsm8k", "k": 4}
    rows = [
        {**place, "model": model, "metric": metric, "value": v, "low": v - 0.1, "high": v + 0.1}
        for model, values in ((ROOT, (0.3, 0.6)), (INSTRUCT, (0.5, 0.7)))
        for metric, v in zip(("avg@4", "pass@4"), values, strict=True)
    ]
    found = shown(replace(family(), probes=tuple(rows)), "several answers to an item")
    assert found["gsm8k avg@4"][0] == "30.0 ±10.0"
    assert found["gsm8k pass@4"][0] == "60.0 ±10.0"
    assert "50.0 ±10.0" in found["gsm8k avg@4"]
    assert not shown(family(), "several answers to an item")
