"""Only what serves nobody is removed, and only when somebody says so."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from store.recorded import keep, record
from zoo.cli import main
from zoo.errors import StoreError
from zoo.fingerprints import digest
from zoo.store import RESPONSES, SCORES, Store
from zoo.store.attempts import attempts_folder
from zoo.store.cells import cell_folder
from zoo.store.cleaning import Waste, clear, find_unreferenced, find_waste

DAY = 24 * 3600


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def attempt(store: Store, name: str, *, text: str = "x", finish: bool = False) -> Path:
    """The attempts at a cell that its writer has left; finish: behind its finished cell."""
    key = digest(name)
    left = store.claim(key, 1)
    assert left is not None
    with left:
        if text:
            left.add(0, 0, {"text": text})
    folder = attempts_folder(store.root, key)
    if finish:
        aside = folder.rename(store.root / "held back")
        store.put(RESPONSES, key, {"text": [text]}, {})
        aside.rename(folder)
    return folder


def age(path: Path, days: float) -> None:
    """Makes a folder and all in it look as old."""
    then = time.time() - days * DAY
    for each in (*path.rglob("*"), path):
        os.utime(each, (then, then))


def everything(store: Store) -> set[Path]:
    return {path for path in store.root.rglob("*") if path.name != "clock"}


def paths(found: list[Waste]) -> set[Path]:
    return {each.path for each in found}


def test_attempts_at_finished_cells_and_empty_ones_are_waste_and_answers_are_not(
    store: Store,
) -> None:
    finished = attempt(store, "finished", finish=True)
    empty = attempt(store, "empty", text="")
    empty.mkdir()  # as one that was killed before it wrote anything has left it
    going = attempt(store, "interrupted")
    busy = store.claim(digest("busy"), 1)
    assert busy is not None
    found = find_waste(store)
    assert paths(found) == {finished, empty}
    assert {each.bytes > 0 for each in found if each.path == finished} == {True}
    with busy:
        clear(found)
    assert not finished.exists()
    assert not empty.exists()
    assert going.exists()
    assert store.get(RESPONSES, digest("finished")) is not None
    with store.claim(digest("interrupted"), 1) or pytest.fail("held") as next_one:
        assert next_one.known.answers == {0: {0: {"text": "x"}}}


def test_what_was_half_written_is_waste_after_a_day(store: Store) -> None:
    keep(store)
    fresh, old = (store.root / SCORES / "ab" / f".new-{name}" for name in ("fresh", "old"))
    for folder in (fresh, old):
        folder.mkdir(parents=True)
        (folder / "table.parquet").write_bytes(b"123")
    age(old, 1.1)
    assert find_waste(store) == [Waste(old, "unfinished", 3, "its writer was ended")]


def test_cells_that_no_run_names_are_waste_after_a_week_when_that_is_asked(store: Store) -> None:
    named, lost, young = (keep(store, value=value) for value in (0.1, 0.2, 0.3))
    store.add_run(record("1", named))
    left = attempt(store, "left for long")
    for cell in (named, lost):
        age(cell_folder(store.root, SCORES, cell.score_key), 8)
    age(left, 8)
    assert find_waste(store) == []
    found = find_unreferenced(store)
    assert paths(found) == {cell_folder(store.root, SCORES, lost.score_key), left}
    clear(found)
    assert store.get(SCORES, named.score_key) is not None
    assert store.get(SCORES, young.score_key) is not None
    assert store.get(SCORES, lost.score_key) is None


def test_nothing_counts_as_unnamed_while_a_run_is_at_work_or_a_record_is_damaged(
    store: Store,
) -> None:
    path = store.add_run(record("1", keep(store)))
    busy = store.claim(digest("busy"), 1)
    assert busy is not None
    with busy, pytest.raises(StoreError, match="a run is at work"):
        find_unreferenced(store)
    assert find_unreferenced(store) == []
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StoreError, match="cannot be read"):
        find_unreferenced(store)


def test_zoo_store_gc_says_what_it_frees_and_a_dry_run_removes_nothing(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.root.parent)
    lost = keep(store)
    age(cell_folder(store.root, SCORES, lost.score_key), 8)
    attempt(store, "finished", finish=True)
    before = everything(store)
    command = ["store", "gc", "--store", str(store.root), "--no-plugins"]

    def said(*flags: str) -> Any:
        assert main([*command, *flags]) == 0
        return capsys.readouterr().out

    assert "1 × attempts" in said("--dry-run")
    assert "would free" in said("--dry-run", "--unreferenced")
    assert everything(store) == before
    found = json.loads(said("--unreferenced", "--json"))
    assert [each["kind"] for each in found] == ["attempts", "scores"]
    assert all(not Path(each["path"]).exists() for each in found)
    assert "freed 0 bytes" in said("--unreferenced")
