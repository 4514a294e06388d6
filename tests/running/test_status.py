"""From another terminal: which runs go on, and which ended without finishing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from zoo.liveness import FOLDER, Sighting, Sign, sightings, signs_of_life
from zoo.progress import ModelProgress, Progress

NOW = Progress("f", "s", "asking", 4, 1, 0, 0, 5, 20, 2.5, 6.0, (ModelProgress("m"),))
SIGN = Sign("run-1", "2026-01-01T00:00:00", "", 1, "here", "question", "zoo run f", Progress())


def progress() -> Progress:
    return NOW


def test_a_run_that_goes_on_is_seen_by_its_changing_sign_and_gone_when_it_ends(
    tmp_path: Path,
) -> None:
    with signs_of_life(tmp_path, SIGN, progress):
        (found,) = sightings(tmp_path)
        assert found.status == "running"
        assert found.sign.beat > SIGN.beat
        assert found.sign.progress == NOW
    assert sightings(tmp_path) == []
    assert list((tmp_path / FOLDER).iterdir()) == []


def interrupted(store: Path, sign: Sign = SIGN) -> None:
    with pytest.raises(KeyboardInterrupt), signs_of_life(store, sign, progress):
        raise KeyboardInterrupt


def test_a_run_that_was_stopped_says_so_and_one_that_was_killed_is_silent(tmp_path: Path) -> None:
    with signs_of_life(tmp_path, SIGN, progress):
        path = tmp_path / FOLDER / "run-1.json"
        killed = path.read_bytes()
    path.write_bytes(killed)
    interrupted(tmp_path, Sign(**{**vars(SIGN), "run": "run-2"}))
    found = sightings(tmp_path, patience=0.3)
    assert [(each.sign.run, each.status) for each in found] == [
        ("run-1", "silent"),
        ("run-2", "interrupted"),
    ]


def test_a_run_that_finishes_takes_away_what_the_stopped_one_before_it_left(tmp_path: Path) -> None:
    interrupted(tmp_path)
    other = {**vars(SIGN), "run": "run-2", "asked": "something else"}
    with signs_of_life(tmp_path, Sign(**other), progress):
        pass
    assert len(sightings(tmp_path)) == 1
    with signs_of_life(tmp_path, Sign(**{**vars(SIGN), "run": "run-3"}), progress):
        pass
    assert sightings(tmp_path) == []


def test_a_file_that_is_no_sign_of_life_is_passed_over(tmp_path: Path) -> None:
    interrupted(tmp_path)
    (tmp_path / FOLDER / "odd.json").write_text('{"run": 3}')
    (tmp_path / FOLDER / "torn.json").write_text('{"ru')
    assert len(sightings(tmp_path)) == 1


def test_a_run_goes_on_where_no_sign_of_life_can_be_written(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    with signs_of_life(tmp_path, SIGN, progress):
        pass


def test_zoo_status_shows_every_model_and_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from zoo.cli import main

    store = ["--store", str(tmp_path)]
    assert main(["status", *store]) == 0
    assert "no run goes on" in capsys.readouterr().out
    models = (ModelProgress("\x1b[31mred\nrum", "asking", done=5, total=20),)
    hostile = Progress(**{**vars(NOW), "models": models})
    with pytest.raises(KeyboardInterrupt), signs_of_life(tmp_path, SIGN, lambda: hostile):
        raise KeyboardInterrupt
    assert main(["status", *store]) == 0
    said = capsys.readouterr().out
    assert "stopped before it had finished; 1/4 cells, 5 of 20 requests (since" in said
    assert "red rum  asking   5/20 requests" in said
    assert "go on with: zoo run f" in said
    assert "\x1b" not in said
    assert main(["status", "--json", *store]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["status"], row["done"], row["total"]) == (
        "run-1",
        "interrupted",
        5,
        20,
    )
    assert row["models"][0]["state"] == "asking"


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    assert sightings(tmp_path / "results") == []
    assert not (tmp_path / "results").exists()
    interrupted(tmp_path)
    before = shutil.copytree(tmp_path, tmp_path.with_name("copy"))
    found: list[Sighting] = sightings(tmp_path)
    assert len(found) == 1
    assert {p.name: p.read_bytes() for p in (tmp_path / FOLDER).iterdir()} == {
        p.name: p.read_bytes() for p in (before / FOLDER).iterdir()
    }
