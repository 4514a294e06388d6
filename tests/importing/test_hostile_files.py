"""Whatever stands in a file, it is read or refused: no value of any key ends the import."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importing.test_formats import ROWS, every_eval, lighteval
from zoo.errors import ConfigError
from zoo.host import Host
from zoo.importing.files import FormatError, Source
from zoo.importing.formats import READERS
from zoo.importing.published import claim_of
from zoo.importing.runs import import_files

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["../../x", "\ud800", "<b>", "nan", "1e999", "|", "a|b|c|d", "/", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)

LM_EVAL = {
    "results": {"t": {"acc,none": 0.5, "acc_stderr,none": 0.1}},
    "configs": {
        "t": {
            "output_type": "multiple_choice",
            "doc_to_choice": ["a", "b"],
            "metric_list": [{"metric": "acc", "aggregation": "mean"}],
            "num_fewshot": 5,
        }
    },
    "config": {"model_args": "pretrained=org/m", "model_sha": "a", "limit": None},
    "versions": {"t": 1},
    "n-shot": {"t": 5},
    "n-samples": {"t": {"effective": 4}},
    "higher_is_better": {"t": {"acc": True}},
    "date": 1.7e9,
    "model_name": "org/m",
}
BEFORE = {
    "results": {"t": {"acc": 0.5, "acc_stderr": 0.1}},
    "versions": {"t": 0},
    "config": {"model_args": "pretrained=org/m", "num_fewshot": 5, "limit": None},
}
TABLES: list[Any] = [LM_EVAL, BEFORE, lighteval("org/m", 0.5), ROWS[:1], every_eval("org/m", 0.5)]


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value within a value."""
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [here, *(path for key, each in pairs for path in places(each, (*here, key)))]


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A table of some format in which one value is another."""
    table = copy.deepcopy(draw(st.sampled_from(TABLES)))
    path = draw(st.sampled_from(places(table)))
    if not path:
        return draw(JSON)
    inner = table
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = draw(JSON)
    return table


@settings(deadline=None)
@given(spoiled())
def test_any_value_of_any_key_is_read_or_refused(content: Any) -> None:
    source = Source(Path("results_2025-01-01T00-00-00.json"), "0" * 64, content)
    for reader in READERS:
        if reader.knows(content):
            with suppress(FormatError):
                for results in reader.read(source):
                    assert isinstance(results.model, str)
                    for task in results.tasks:
                        assert task.broken or task.aggregates


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(spoiled())
def test_an_import_ends_with_a_store_that_is_sound(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    root = tmp_path_factory.mktemp("hostile")
    (root / "zoo.toml").write_text("", "utf-8")
    host = Host(root / "zoo.toml", root / "store", plugins_enabled=False)
    path = root / "results_2025-01-01T00-00-00.json"
    path.write_text(json.dumps(content), "utf-8")
    with suppress(ConfigError):
        done = import_files(host, [path])
        assert host.store.verify() == []
        scored = sum(run.cells - len(run.failed) for run in done.runs)
        assert len(host.store.indexed()) == scored


@settings(deadline=None)
@given(JSON)
def test_any_published_run_is_taken_or_refused(content: Any) -> None:
    from hashlib import sha256

    table = {"schema": "zoo.run/1", "run": {"id": "r", "family": content}, "cells": content}
    data = json.dumps(table).encode()
    with suppress(FormatError):
        claim_of(data, "r", "org/x", "c" * 40, sha256(data).hexdigest())


ROW: dict[str, Any] = {
    "doc_id": 0,
    "doc": {"q": "what?"},
    "target": "0",
    "arguments": [["what?", " a"], ["what?", " b"]],
    "resps": [[["-1.0", "True"]], [["-2.0", "False"]]],
    "filtered_resps": [["-1.0", "True"]],
    "filter": "none",
    "acc": 1.0,
}


@pytest.mark.parametrize(
    "odd",
    [
        {"arguments": {"foo": {"a": "x", "b": "y"}}},
        {"arguments": {"gen_args_²": {"a": "x", "b": "y"}}},
        {"arguments": [["what?", " a"]], "resps": []},
        {"doc": None, "doc_hash": "\ud800abc"},
        {"doc": {"q": "\ud800"}},
        {"target": "9" * 6000},
        {"target": "[" * 5000},
        {"resps": [[["-inf", "True"]], [["-inf", "False"]]]},
    ],
    ids=repr,
)
def test_odd_items_cost_their_cell_and_not_the_files_beside_it(
    tmp_path: Path, odd: dict[str, Any]
) -> None:
    (tmp_path / "zoo.toml").write_text("", "utf-8")
    host = Host(tmp_path / "zoo.toml", tmp_path / "store", plugins_enabled=False)
    folder = tmp_path / "results"
    folder.mkdir()
    for name, row in (("m", {**ROW, **odd}), ("n", ROW)):
        stem = f"2025-01-01T00-00-0{len(list(folder.iterdir()))}.000000"
        content = {**LM_EVAL, "model_name": f"org/{name}"}
        (folder / f"results_{stem}.json").write_text(json.dumps(content), "utf-8")
        rows = [row, {**ROW, "doc_id": 1, "doc": {"q": "who?"}, "acc": 0.0}]
        rows += [{**ROW, "doc_id": n, "doc": {"q": f"{n}?"}, "acc": n % 2} for n in (2, 3)]
        samples = "".join(json.dumps(each) + "\n" for each in rows)
        (folder / f"samples_t_{stem}.jsonl").write_text(samples, "utf-8")
    done = import_files(host, [folder])
    failed = {each.spec.model.id for run in done.runs for each in run.failed}
    assert failed <= {"org/m"}
    assert sum(run.cells for run in done.runs) == 2
    assert host.store.verify() == []


def test_a_task_with_a_name_longer_than_a_files_is_imported(tmp_path: Path) -> None:
    (tmp_path / "zoo.toml").write_text("", "utf-8")
    host = Host(tmp_path / "zoo.toml", tmp_path / "store", plugins_enabled=False)
    content = json.loads(json.dumps(LM_EVAL).replace('"t"', json.dumps("t" * 300)))
    path = tmp_path / "results_2025-01-01T00-00-00.000000.json"
    path.write_text(json.dumps(content), "utf-8")
    with suppress(ConfigError):
        import_files(host, [path])
