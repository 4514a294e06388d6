"""The JSON contract and its schema; the spreadsheet."""

from __future__ import annotations

import copy
import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from reporting.examples import BENCHMARKS, LINEAGE, ROOT, SFT, family, with_faults
from reporting.strategies import HOSTILE, tradeoffs
from zoo.benchmarks import Benchmark, Suite
from zoo.contrasts import Tradeoff
from zoo.models import Family, Model, Prompting
from zoo.reporting import render
from zoo.reporting.data import schema
from zoo.reporting.spreadsheet import COLUMNS, neutralise
from zoo.results import Item, Result, RunSpec, Score
from zoo.tradeoff import analyse

slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
VALIDATOR = jsonschema.Draft202012Validator(schema())
OPEN = ("provenance", "claims")


@pytest.fixture(scope="module")
def report() -> Tradeoff:
    return with_faults(family())


@pytest.fixture(scope="module")
def small(report: Tradeoff) -> dict[str, Any]:
    """One of everything, as JSON."""
    document = report.to_dict()
    for name in ("stages", "edges", "tradeoffs", "decomposition", "claims"):
        document[name] = document[name][-1:]
    document["stages"][0]["scores"] = document["stages"][0]["scores"][:1]
    document["stages"][0]["base_model"] = [ROOT, SFT]
    return document


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def objects(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """The path of every object of a document."""
    if isinstance(value, dict):
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        if isinstance(child, dict | list):
            yield from objects(child, (*path, key))


def at(document: Any, path: tuple) -> Any:
    for key in path:
        document = document[key]
    return document


def test_the_schema_itself_is_valid():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_json_is_the_dict_and_satisfies_the_schema(report):
    document = json.loads(render(report, "json"))
    assert document == report.to_dict()
    VALIDATOR.validate(document)


@slow
@given(tradeoffs())
def test_json_of_any_tradeoff_satisfies_the_schema_and_knows_no_nan(report):
    text = render(report, "json")
    document = json.loads(text, parse_constant=pytest.fail)
    VALIDATOR.validate(document)
    text.encode()
    assert not set(text) & {"\x1b", "\x9b", "\x7f", "\u2028"}


def test_what_the_analysis_makes_satisfies_the_schema():
    benchmark = Benchmark("arc", "acc", num_fewshot=0, capability="knowledge", chance=0.25)
    parent = Model("o/m", revision="1", regime="pretrained")
    child = Model("o/m-SFT", revision="2", regime="fine-tuned", base_model="o/m", targets=())
    answers = ((parent, [1, 0, 0, 1, 1, 0]), (child, [1, 1, 0, 1, 1, 1]))
    results = []
    for model, scores in answers:
        items = tuple(
            Item(f"{i}", f"{i}", 0, float(score), True, 3, False, 0.25, None, "a", "h")
            for i, score in enumerate(scores)
        )
        spec = RunSpec(model, benchmark, "uniform", Prompting())
        score = Score("acc", sum(scores) / len(scores), 0.2, len(scores))
        results.append(Result(spec, "scored", (score,), items=items))
    report = analyse(Family("f", (parent, child)), Suite("s", (benchmark,)), results, {})
    VALIDATOR.validate(json.loads(render(report, "json")))
    assert "(+33.3)" in render(report, "table")


def test_every_field_is_required(small):
    VALIDATOR.validate(small)
    removed = 0
    for path in objects(small):
        if path[:1] == ("provenance",) or path[-1:] in [("general",), ("special",)]:
            continue
        for field in at(small, path):
            if field in ("uniform", "native"):
                continue
            broken = copy.deepcopy(small)
            del at(broken, path)[field]
            assert not VALIDATOR.is_valid(broken), (path, field)
            removed += 1
    assert removed > 90


def test_no_field_may_be_added_but_to_provenance_and_claims(small):
    for path in objects(small):
        more = copy.deepcopy(small)
        at(more, path)["surprise"] = 1
        assert VALIDATOR.is_valid(more) == (path[:1] in [(name,) for name in OPEN]), path


def test_no_field_takes_a_value_of_another_kind(small):
    changed = 0
    for path in objects(small):
        if path[:1] == ("provenance",):
            continue
        for field, value in at(small, path).items():
            wrong: list[Any] = [True]
            wrong += [7] if isinstance(value, str) else ["seven"]
            wrong += [{"object": 1}] if not isinstance(value, dict) else [[]]
            if field == "revision" or (isinstance(value, str) and value and field != "error"):
                wrong.append(1.5)
            for each in wrong:
                if isinstance(each, str) and field in ("base_model", "error", "reason"):
                    continue
                broken = copy.deepcopy(small)
                at(broken, path)[field] = each
                assert not VALIDATOR.is_valid(broken), (path, field, each)
                changed += 1
    assert changed > 200


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "zoo.tradeoff/2"),
        (("stages", 0, "scores", 0, "protocol"), "chat"),
        (("stages", 0, "scores", 0, "status"), "ok"),
        (("stages", 0, "scores", 0, "axis"), "other"),
        (("stages", 0, "scores", 0, "n"), -1),
        (("stages", 0, "scores", 0, "stderr"), -0.1),
        (("stages", 0, "scores", 0, "chance"), 25),
        (("edges", 0, "p"), 1.2),
        (("edges", 0, "mde"), -0.1),
        (("edges", 0, "gained"), 1.5),
        (("edges", 0, "mixed"), None),
        (("claims", 0, "verdict"), "true"),
        (("stages", 0, "general"), {"chat": {"value": 1, "low": None, "high": None}}),
    ],
)
def test_values_out_of_range_fail(small, path, value):
    broken = copy.deepcopy(small)
    at(broken, path[:-1])[path[-1]] = value
    assert not VALIDATOR.is_valid(broken)


def test_an_infinite_number_is_refused_rather_than_written(report):
    broken = replace(report, edges=(replace(report.edges[0], delta=math.inf),))
    with pytest.raises(ValueError, match="JSON"):
        render(broken, "json")


def test_csv_has_one_row_for_each_stage_benchmark_and_protocol(report):
    rows = read(render(report, "csv"))
    cells = {(row["model"], row["benchmark"], row["protocol"]) for row in rows}
    assert len(rows) == len(cells) == len(LINEAGE) * len(BENCHMARKS) * 2
    assert tuple(rows[0]) == COLUMNS


def test_csv_keeps_every_digit_of_scores_and_changes(report):
    rows = {
        (row["model"], row["benchmark"], row["protocol"]): row
        for row in read(render(report, "csv"))
    }
    for stage in report.stages:
        for score in stage.scores:
            row = rows[stage.model, score.benchmark, score.protocol]
            for name in ("value", "stderr", "chance", "normalised"):
                expected = getattr(score, name)
                assert row[name] == "" if expected is None else float(row[name]) == expected
            assert row["error"] == (score.error or "")
    for edge in report.edges:
        row = rows[edge.other, edge.benchmark, edge.protocol]
        assert row["base"] == edge.base
        for name in ("delta", "low", "high", "p", "p_adjusted", "gained", "lost", "mde"):
            assert float(row[name]) == getattr(edge, name)
        assert row["mixed"] == edge.mixed


def test_csv_of_a_merge_has_a_row_for_each_parent(report):
    merged = replace(report.stages[-1], base_model=[ROOT, SFT])
    rows = read(render(replace(report, stages=(*report.stages[:-1], merged)), "csv"))
    bases = [row["base"] for row in rows if row["model"] == merged.model]
    assert bases.count(ROOT) == bases.count(SFT) == len(merged.scores)


@pytest.mark.parametrize(
    "text", ["=cmd", "+1", "-1", "@x", "\t=1", " =1", "\r-1", "＝1", "\x1b[0m=1"]
)
def test_text_that_a_spreadsheet_would_run_is_neutralised(text):
    assert str(neutralise(text)).startswith("'")


def test_a_negative_number_stays_a_number():
    assert neutralise(-0.5) == -0.5


@slow
@given(tradeoffs())
def test_no_text_cell_of_any_csv_can_be_a_formula(report):
    for row in csv.reader(io.StringIO(render(report, "csv"))):
        assert len(row) == len(COLUMNS)
        for cell in row:
            if cell[:1] in set("=+-@\t\r"):
                float(cell)


def test_hostile_names_are_among_those_tried():
    assert any(name.startswith("=") for name in HOSTILE)
