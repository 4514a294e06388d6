"""Run records say what a run found; the index can be made again from them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from store.recorded import BENCHMARK, MODEL, failed, keep, record
from zoo.benchmarks import Suite
from zoo.cli import main
from zoo.errors import StoreError, UnknownNameError
from zoo.maintenance import add_to_index, rebuild_index
from zoo.recall import read_cell, recall
from zoo.results import Result
from zoo.store import SCORES, Store, index


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_run_record_comes_back_equal(store: Store) -> None:
    chat = replace(MODEL, id="org/chat", base_model=("org/base", "org/other"), targets=("law",))
    written = record("1", keep(store), keep(store, model=chat), failed(chat, "no\nway"))
    assert store.read_run(store.add_run(written)) == written


def test_a_damaged_run_record_is_passed_over_and_named(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.add_run(record("2", keep(store)))
    store.add_run(record("1", keep(store)))
    path.write_bytes(path.read_bytes().replace(b'"chance": 0.25', b'"chance": 0.35'))
    with pytest.raises(StoreError, match="cannot be read"):
        store.read_run(path)
    assert [each.id for each in recall(store, "f").records] == ["1"]
    assert str(path) in caplog.text
    assert len(store.verify()) == 1


def test_no_cut_run_record_is_ever_read_as_valid(store: Store) -> None:
    path = store.add_run(record("1", keep(store)))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError, match="cannot be read"):
            store.read_run(path)


def test_recall_brings_the_newest_cell_of_each_kind_from_comparable_runs(store: Store) -> None:
    old, new = keep(store, value=0.25), keep(store, value=0.75)
    native = keep(store, protocol="native", value=0.5)
    store.add_run(record("1", old, native))
    store.add_run(record("2", new))
    found = recall(store, "f")
    values = {each.spec.protocol: each.score and each.score.value for each in found.results}
    assert values == {"uniform": 0.75, "native": 0.5}
    assert [each.id for each in found.records] == ["2", "1"]


@pytest.mark.parametrize(
    "other",
    [
        {"dtype": "bfloat16"},
        {"seed": 1},
        {"limit": 10},
        {"num_fewshot": 2},
        {"gen_kwargs": {"max_gen_toks": 9}},
        {"loader": "torch"},
        {"loader_args": {"max_length": 64}},
        {"suite": Suite("mine", (replace(BENCHMARK, chance=0.2),))},
        {"family": "g"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_recall_never_mixes_runs_that_differ(other: dict[str, Any], store: Store) -> None:
    store.add_run(record("1", keep(store, protocol="native"), **other))
    store.add_run(record("2", keep(store)))
    found = recall(store, "f")
    assert [each.spec.protocol for each in found.results] == ["uniform"]
    assert [each.id for each in found.records] == ["2"]


def test_recall_never_joins_other_weights_of_the_same_name(store: Store) -> None:
    store.add_run(record("1", keep(store, protocol="native", weights="before")))
    store.add_run(record("2", keep(store, weights="after")))
    assert [each.spec.protocol for each in recall(store, "f").results] == ["uniform"]


def test_recall_says_how_many_cells_of_older_weights_it_left_out(store: Store) -> None:
    other = replace(BENCHMARK, task="arc_hard")
    old = [keep(store, protocol="native", weights="before"), keep(store, weights="before")]
    old.append(replace(old[1], spec=replace(old[1].spec, benchmark=other)))
    store.add_run(record("1", *old))
    store.add_run(record("2", keep(store, weights="after")))
    (note,) = recall(store, "f").notes
    assert "org/base" in note
    assert "2 of its older cells are left out" in note
    store.add_run(record("3", *old, keep(store, weights="before")))
    assert recall(store, "f").notes == ()


def test_recall_shows_failed_and_damaged_cells_with_their_reason(store: Store) -> None:
    cell = keep(store)
    other = replace(MODEL, id="org/gone")
    store.add_run(record("1", cell, failed(other, "there is no folder org/gone")))
    for path in store.root.glob(f"{SCORES}/*/{cell.score_key}/table.parquet"):
        path.write_bytes(b"")
    damaged, gone = recall(store).results
    assert (damaged.status, gone.status) == ("failed", "failed")
    assert "`zoo run` makes it again" in damaged.error
    assert gone.error == "there is no folder org/gone"
    store.set_aside(SCORES, cell.score_key)
    assert "no longer has this cell" in read_cell(store, cell).error


def test_recall_names_the_runs_there_are(store: Store) -> None:
    store.add_run(record("1", keep(store)))
    with pytest.raises(UnknownNameError, match="f on mine"):
        recall(store, "f", "other")


def test_the_recorded_chance_is_the_items_chance(store: Store) -> None:
    store.add_run(record("1", keep(store, chance=0.4)))
    (result,) = recall(store).results
    assert {item.chance for item in result.items} == {0.4}


def test_the_index_rebuilt_equals_the_index_written(store: Store) -> None:
    chat = replace(MODEL, id="org/chat", revision="abc")
    runs = [
        record("1", keep(store, value=0.25), keep(store, model=chat)),
        record("2", keep(store, value=0.75), keep(store, protocol="native"), failed(chat, "no")),
    ]
    for run in runs:
        store.add_run(run)
        add_to_index(store, [read_cell(store, cell) for cell in run.cells], [store.runs()[-1]])
    written, heads = store.indexed(), index.read_heads(store.root / "index.sqlite", store.root)
    assert len(written) == 4
    assert len(heads) == 2
    assert rebuild_index(store) == 4
    assert store.indexed() == written
    assert index.read_heads(store.root / "index.sqlite", store.root) == heads
    (store.root / "index.sqlite").unlink()
    assert store.indexed() == []
    assert rebuild_index(store) == 4
    assert store.indexed() == written


def test_a_damaged_index_is_made_again_by_the_next_run(store: Store) -> None:
    cell = keep(store)
    store.add_run(record("1", cell))
    path = store.root / "index.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="zoo store rebuild"):
        store.indexed()
    result: Result = read_cell(store, cell)
    add_to_index(store, [result])
    assert [row["score_key"] for row in store.indexed()] == [cell.score_key]


def test_a_query_of_the_index_brings_the_rows_that_are_asked_for_alone(store: Store) -> None:
    other = replace(MODEL, id="org/other", family="g")
    for name, family, model in (("1", "f", MODEL), ("2", "g", other)):
        cells = [keep(store, model=model, protocol=each) for each in ("uniform", "native")]
        store.add_run(record(name, *cells, family=family))
    assert rebuild_index(store) == 4
    assert {row["model"] for row in store.indexed(family="g")} == {"org/other"}
    assert len(store.indexed(family=["f", "g"], protocol="native")) == 2
    assert store.indexed(family="f", model="org/other") == []
    with pytest.raises(ValueError, match="not in tuple"):
        store.indexed(**{"family = '' OR 1": "f"})


def test_a_run_is_found_without_reading_those_that_the_index_says_are_of_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(MODEL, id="org/other", family="g")
    mine = store.add_run(record("1", keep(store)))
    store.add_run(record("2", keep(store, model=other), family="g"))
    unknown = recall(store, "f")
    rebuild_index(store)
    read: list[str] = []
    read_bytes = Path.read_bytes

    def noted(path: Path) -> bytes:
        read.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    assert recall(store, "f") == unknown
    assert mine.name in read
    assert "2.json" not in read


@pytest.mark.parametrize("harm", ["unknown to it", "changed since", "no database", "gone"])
def test_what_the_index_does_not_know_is_found_all_the_same(harm: str, store: Store) -> None:
    old = store.add_run(record("1", keep(store, value=0.25)))
    rebuild_index(store)
    new = store.add_run(record("2", keep(store, value=0.75), family="g"))
    if harm == "changed since":
        old.write_bytes(new.read_bytes())
        new.unlink()
    elif harm == "no database":
        (store.root / "index.sqlite").write_bytes(b"no database at all" * 100)
    elif harm == "gone":
        (store.root / "index.sqlite").unlink()
    (result,) = recall(store, "g").results
    assert result.score is not None
    assert result.score.value == 0.75


def locked(path: Path) -> sqlite3.Connection:
    """Another process that is writing the index, for longer than anyone waits."""
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    return other


def test_an_index_that_is_locked_is_left_as_it_is_and_named(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "PATIENCE", 0.01)
    first, second = keep(store), keep(store, protocol="native")
    store.add_run(record("1", first))
    add_to_index(store, [read_cell(store, first)])
    path = store.root / "index.sqlite"
    before = path.stat().st_ino
    with closing(locked(path)):
        add_to_index(store, [read_cell(store, second)])
    assert path.stat().st_ino == before
    assert "database is locked" in caplog.text
    assert [row["score_key"] for row in store.indexed()] == [first.score_key]
    add_to_index(store, [read_cell(store, second)])
    assert len(store.indexed()) == 2


def test_zoo_store_verify_says_by_its_status_whether_all_is_as_written(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.root.parent)
    cell = keep(store)
    store.add_run(record("1", cell))
    command = ["store", "verify", "--store", str(store.root), "--no-plugins"]
    assert main(command) == 0
    assert "all as written" in capsys.readouterr().out
    (path,) = store.root.glob(f"{SCORES}/*/{cell.score_key}/table.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    assert main(command) == 1
    said = capsys.readouterr()
    assert "1 damaged" in said.out
    assert cell.score_key in said.err
    (store.root / "FORMAT").write_text("99\n")
    assert main(command) == 2
    assert "format 99" in capsys.readouterr().err


def test_zoo_store_rebuild_makes_the_index(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.root.parent)
    store.add_run(record("1", keep(store)))
    assert main(["store", "rebuild", "--store", str(store.root), "--no-plugins"]) == 0
    assert "1 cells" in capsys.readouterr().out
    assert len(store.indexed()) == 1


def test_recall_without_a_name_is_the_newest_run_and_nothing_else(store: Store) -> None:
    store.add_run(record("1", keep(store, protocol="native")))
    store.add_run(record("2", keep(store)))
    assert [each.id for each in recall(store).records] == ["2"]
    assert [each.spec.protocol for each in recall(store).results] == ["uniform"]
    assert {each.id for each in recall(store, "f").records} == {"1", "2"}
