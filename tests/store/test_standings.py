"""What a run says as a whole is kept, and the index of it is made again by itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tradeoff.lineage import REGIMES
from tradeoff.simulated import BASE, CHAT, FULL, RL, SUITE, results

from store.recorded import BENCHMARK, MODEL, keep, record
from zoo.errors import StoreError
from zoo.maintenance import add_standings, keep_run, rebuild_index, refresh_index
from zoo.models import Family
from zoo.recall import read_cell
from zoo.results import Result, RunRecord
from zoo.standings import standing_of
from zoo.store import Store, index
from zoo.store.exporting import export
from zoo.structuring import plain
from zoo.tradeoff import analyse

FAMILY = Family("simulated", (BASE, CHAT, RL, FULL))
RUN = RunRecord("1", "simulated", plain(SUITE), "1", {}, ())
CHILD = replace(MODEL, id="org/child", base_model="org/base")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def cells() -> list[Result]:
    return results(FAMILY.models, items=200)


def test_a_stage_stands_where_its_report_says_on_every_capability(cells: list[Result]) -> None:
    standing = standing_of(RUN, cells)
    report = analyse(FAMILY, SUITE, cells, REGIMES, targets=())
    by_model = {stage.model: stage for stage in report.stages}
    assert len(standing.stages) == 2 * len(FAMILY.models)
    for stage in standing.stages:
        said = by_model[stage.model]
        for mean, estimate in (
            (stage.general, said.general[stage.protocol]),
            (stage.special, said.other_special[stage.protocol]),
        ):
            assert mean is not None
            assert (mean.value, mean.low, mean.high) == (
                estimate.value,
                estimate.low,
                estimate.high,
            )
            assert mean.stderr is not None
            assert mean.stderr > 0


def test_an_edge_changed_as_its_report_says(cells: list[Result]) -> None:
    plainly = [replace(m, targets=()) for m in FAMILY.models]
    report = analyse(replace(FAMILY, models=tuple(plainly)), SUITE, cells, {})
    said = {(edge.base, edge.other, edge.protocol): edge for edge in report.tradeoffs}
    standing = standing_of(RUN, cells)
    assert len(standing.edges) == len(said) == 6
    for edge in standing.edges:
        wanted = said[edge.base, edge.other, edge.protocol]
        for shift, change in (
            (edge.general, wanted.general),
            (edge.special, wanted.other_special),
        ):
            assert shift is not None
            assert (shift.delta, shift.low, shift.high) == (change.delta, change.low, change.high)


def test_ends_that_differ_in_more_than_the_model_have_no_paired_change(cells: list[Result]) -> None:
    mixed = [
        replace(cell, provenance=replace(cell.provenance, dtype="bfloat16"))
        if cell.spec.model.id == "chat" and cell.spec.benchmark.task == "sums"
        else cell
        for cell in cells
    ]
    edges = {(edge.base, edge.other) for edge in standing_of(RUN, mixed).edges}
    assert edges == {("base", "full")}


def test_a_benchmark_that_is_missing_leaves_the_whole_unknown_and_the_rest_known(
    cells: list[Result],
) -> None:
    fewer = [cell for cell in cells if cell.spec.benchmark.task != "facts"]
    for stage in standing_of(RUN, fewer).stages:
        assert stage.general is None
        assert stage.special is not None
        assert "knowledge" not in stage.capabilities


def kept(store: Store, name: str, **settings: Any) -> Path:
    run = record(name, keep(store), keep(store, model=CHILD, value=0.75), **settings)
    return keep_run(store, run, [read_cell(store, cell) for cell in run.cells])


def everything(store: Store) -> tuple[object, ...]:
    (suite,) = store.from_index(index.read_suites)
    return (
        store.indexed(),
        suite,
        *(
            store.from_index(lambda path, table=table: index.read_standings(path, table, suite[0]))
            for table in index.STANDINGS
        ),
    )


def test_the_index_made_again_knows_the_standings_that_were_written(store: Store) -> None:
    kept(store, "1")
    written = everything(store)
    rows, _, stages, edges = written
    assert len(rows) == len(stages) == 2
    assert [(edge["base"], edge["other"]) for edge in edges] == [("org/base", "org/child")]
    assert {row["chance"] for row in rows} == {0.25}
    assert {row["parents"] for row in rows} == {"[]", '["org/base"]'}
    rebuild_index(store)
    assert everything(store) == written


def test_a_store_of_before_there_were_standings_is_summed_up_once(store: Store) -> None:
    kept(store, "1")
    written = everything(store)
    (path,) = store.root.glob("standings/*.json")
    path.unlink()
    rebuild_index(store)
    assert everything(store) != written
    assert add_standings(store) == 1
    assert add_standings(store) == 0
    rebuild_index(store)
    assert everything(store) == written


def test_numbers_of_other_sources_stand_beside_ones_own(store: Store) -> None:
    kept(store, "1")
    kept(store, "2", source="org/results@abc")
    rows = store.indexed(model="org/base")
    assert [row["source"] for row in rows] == ["", "org/results@abc"]
    assert len({row["entry"] for row in rows}) == 2
    rebuild_index(store)
    assert store.indexed(model="org/base") == rows


def older(store: Store) -> None:
    """The index as the version before this one left it."""
    for path in store.root.glob("index.sqlite*"):
        path.unlink()
    with closing(sqlite3.connect(store.root / "index.sqlite")) as database, database:
        database.execute("CREATE TABLE cells (score_key, model, protocol, PRIMARY KEY (score_key))")
        database.execute("INSERT INTO cells VALUES ('a', 'org/old', 'uniform')")


def test_an_index_of_an_older_shape_is_made_again_by_the_next_run_or_reader(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    kept(store, "1")
    written = everything(store)
    older(store)
    with pytest.raises(StoreError, match="another version of zoo; `zoo store rebuild`"):
        store.indexed()
    refresh_index(store)
    assert everything(store) == written
    assert caplog.text.count("another version of zoo") == 1
    older(store)
    kept(store, "2", limit=2)
    assert everything(store) == written
    assert len(store.heads()) == 2


def test_runs_that_the_index_missed_are_added_before_it_is_ranked(store: Store) -> None:
    kept(store, "1")
    other = record("2", keep(store, model=replace(CHILD, id="org/late")))
    store.add_run(other)
    assert len(store.indexed()) == 2
    refresh_index(store)
    assert {row["model"] for row in store.indexed()} == {"org/base", "org/child", "org/late"}


def test_a_damaged_standing_is_named_and_only_costs_what_it_said(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    kept(store, "1")
    (path,) = store.root.glob("standings/*.json")
    path.write_bytes(path.read_bytes().replace(b'"chance": 0.25', b'"chance": 0.35'))
    (said,) = store.verify()
    assert str(path) in said
    rebuild_index(store)
    assert "is passed over" in caplog.text
    assert {row["chance"] for row in store.indexed()} == {None}
    assert {row["value"] for row in store.indexed()} == {0.5, 0.75}


def test_an_exported_run_takes_its_standing_along(store: Store, tmp_path: Path) -> None:
    kept(store, "1")
    written = everything(store)
    export(store, store.runs(), tmp_path / "copy")
    copy = Store(tmp_path / "copy")
    rebuild_index(copy)
    assert everything(copy) == written
    assert BENCHMARK.task in written[1][2]
