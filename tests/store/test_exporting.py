"""An export is a store that holds the runs that were asked for, byte by byte, and nothing else."""

from __future__ import annotations

import json
import re
import resource
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from store.recorded import MODEL, failed, keep, record
from zoo.cli import main
from zoo.errors import StoreError
from zoo.recall import recall
from zoo.results import RecordedCell
from zoo.store import RESPONSES, Store
from zoo.store.cells import cell_folder
from zoo.store.exporting import export

MEMBER = re.compile(
    r"FORMAT|runs/[\w.-]+\.json|(responses|scores)/[0-9a-f]{2}/[0-9a-f]{64}/(cell\.json|table\.parquet)"
)


def whole(store: Store, **changes: object) -> RecordedCell:
    """A cell with both its halves."""
    cell = keep(store, **changes)  # type: ignore[arg-type]
    store.put(RESPONSES, cell.response_key, {"text": ["x", "y"]}, {})
    return cell


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of two runs, of which one holds a model with a name that is hostile to paths."""
    made = Store(tmp_path / "store")
    evil = replace(MODEL, id="../../evil/\x00", family="../g")
    shared = whole(made)
    made.add_run(record("1", shared, failed(MODEL, "no")))
    made.add_run(record("2", shared, whole(made, model=evil), family="../g"))
    keep(made, value=0.9)  # no run names it
    return made


def unpack(archive: Path, into: Path) -> Store:
    with zipfile.ZipFile(archive) as file:
        assert all(MEMBER.fullmatch(name) for name in file.namelist())
        assert len(set(file.namelist())) == len(file.namelist())
        for name in file.namelist():
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read(name))
    return Store(into)


def test_a_zip_and_a_folder_hold_the_same_store(store: Store, tmp_path: Path) -> None:
    done = export(store, store.runs(), tmp_path / "out.zip")
    assert (done.runs, done.responses, done.scores, done.problems) == (2, 2, 2, ())
    export(store, store.runs(), tmp_path / "deep" / "folder")
    unpacked = unpack(tmp_path / "out.zip", tmp_path / "unpacked")
    for copy in (unpacked, Store(tmp_path / "deep" / "folder")):
        copy.check()
        assert copy.verify() == []
        assert recall(copy, "f").results == recall(store, "f").results
        assert list(copy.records()) == list(store.records())
    again = export(store, store.runs(), tmp_path / "again.zip")
    assert again.path.read_bytes() == done.path.read_bytes()


def test_targets_choose_the_runs(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.root.parent)
    command = ["store", "export", "--store", str(store.root), "--no-plugins", "--json"]
    assert main([*command, "--output", "f.zip", "f"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["runs"], said["scores"]) == (1, 1)
    assert main([*command, "--output", "both.zip", MODEL.id]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 2
    assert main([*command, "--output", "no.zip", "org/bse"]) == 2
    assert "did you mean 'org/base'" in capsys.readouterr().err
    assert not Path("no.zip").exists()
    with pytest.raises(SystemExit, match="2"):
        main(command)
    assert "--output" in capsys.readouterr().err


def test_a_damaged_or_missing_cell_is_named_and_left_out(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell, *_) = next(store.records()).cells
    path = cell_folder(store.root, RESPONSES, cell.response_key) / "table.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    other = next(store.records()).cells[1]
    store.set_aside("scores", other.score_key)
    done = export(store, store.runs(), tmp_path / "out.zip")
    assert (done.responses, done.scores) == (1, 1)
    damaged, missing = done.problems
    assert str(path) in damaged
    assert other.score_key in missing
    assert unpack(done.path, tmp_path / "unpacked").verify() == []
    command = ["store", "export", "--store", str(store.root), "--no-plugins"]
    assert main([*command, "--output", str(tmp_path / "x.zip")]) == 1
    assert str(path) in capsys.readouterr().err


def test_an_export_that_cannot_be_written_leaves_nothing(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StoreError, match="there already"):
        export(store, store.runs(), out)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))
    try:
        for name in ("full.zip", "full"):
            with pytest.raises(StoreError, match="cannot be written"):
                export(store, store.runs(), out / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(out.iterdir()) == []
