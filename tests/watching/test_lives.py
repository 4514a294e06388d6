"""Which measured checkpoints are of the training that writes now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from watching.folders import write, written_by
from zoo.manifests import Manifest, Parent, write_manifest
from zoo.models import Model
from zoo.results import RunRecord
from zoo.watching.lives import (
    Life,
    Present,
    gone_behind,
    is_another,
    is_unsure,
    mark_of,
    present,
    read_life,
    write_life,
)
from zoo.watching.remembering import Measured


def at(minute: int) -> str:
    return f"2026-11-22T10:{minute:02}:00+00:00"


def measured(step: int, minute: int, revision: str = "") -> Measured:
    revision = revision or f"r{step}"
    model = Model(f"out/checkpoint-{step}", revision, step=step)
    record = RunRecord(f"run-{step}-{revision}", "out", {}, at(minute), {}, ())
    return Measured(f"checkpoint-{step}", model, (), record)


def here(step: int, minute: int, revision: str | None = "") -> Present:
    own = f"r{step}" if revision == "" else revision
    return Present(f"checkpoint-{step}", step, own, at(minute))


PAST = [measured(10, 11), measured(20, 21), measured(30, 31)]


def test_checkpoints_that_the_training_deleted_stay_its_own() -> None:
    for place in (here(30, 30), here(40, 40), here(40, 40, None)):
        assert not is_another(Life(), "", [place], PAST)
        assert gone_behind([place], PAST) == set()
    assert not is_unsure(Life(), "", [here(30, 30)], PAST)
    assert not is_unsure(Life("log a"), "log a", [here(40, 40)], PAST)
    assert is_unsure(Life(), "log a", [here(40, 40)], PAST), "this is said"


def test_a_training_that_goes_back_takes_the_later_steps_away() -> None:
    two = [here(10, 10), here(15, 50)]
    assert not is_another(Life(), "", two, PAST)
    assert gone_behind(two, PAST) == {"run-20-r20", "run-30-r30"}
    again = [here(10, 10), here(20, 50, "other")]
    assert gone_behind(again, PAST) == {"run-20-r20", "run-30-r30"}
    assert gone_behind([here(10, 50, "r10"), *two[1:]], PAST) == {"run-20-r20", "run-30-r30"}
    touched = [here(10, 50), here(20, 50), here(30, 50)]
    assert gone_behind(touched, PAST) == set(), "bytes that are the same were not written anew"


def test_another_training_is_told_by_what_it_wrote_and_by_its_mark() -> None:
    assert is_another(Life(), "", [], PAST), "nothing is here"
    assert is_another(Life(), "", [here(5, 50)], PAST), "an earlier step, and none of the old"
    assert is_another(Life(), "", [here(10, 50, None)], PAST), "half written over an old one"
    assert is_another(Life("log a"), "log b", [here(40, 50)], PAST)
    assert not is_another(Life("log a"), "log a", [here(15, 50)], PAST), "it only went back"
    assert not is_another(Life("log a"), "manifest b", [here(40, 50)], PAST)
    assert not is_another(Life(), "", [], [])
    put_aside = Life(dropped=frozenset({"run-20-r20", "run-30-r30"}))
    assert not is_another(put_aside, "", [here(15, 50)], [PAST[1], PAST[2]])


def test_the_mark_is_the_same_all_through_a_training_and_another_in_the_next(
    tmp_path: Path,
) -> None:
    def state(step: int, *log: Mapping[str, Any]) -> None:
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir(exist_ok=True)
        text = json.dumps({"global_step": step, "log_history": log})
        (folder / "trainer_state.json").write_text(text)

    assert mark_of(tmp_path) == ""
    first = {"loss": 2.31, "step": 5}
    state(10, first)
    found = mark_of(tmp_path)
    state(20, first, {"loss": 1.5, "step": 15})
    assert mark_of(tmp_path) == found != ""
    for step in (10, 20):
        state(step, {"loss": 2.32, "step": 5})
    assert Life(found).other(mark_of(tmp_path))
    manifest = Manifest("full", "full", "fine-tuned", "f", "s", 0, parent=Parent("org/a"))
    write_manifest(tmp_path, manifest)
    found = mark_of(tmp_path)
    write_manifest(tmp_path, replace(manifest, seconds=9.0, status="finished"))
    assert mark_of(tmp_path) == found
    write_manifest(tmp_path, replace(manifest, parent=Parent("org/b")))
    assert Life(found).other(mark_of(tmp_path))


def test_a_finished_model_that_is_older_than_a_checkpoint_is_not_of_this_training(
    tmp_path: Path,
) -> None:
    write(tmp_path / "checkpoint-7", written_by("trainer"))
    assert [place.name for place in present(tmp_path)] == ["checkpoint-7"]
    write(tmp_path, written_by("foreign"))
    assert [place.name for place in present(tmp_path)] == ["checkpoint-7", "final"]
    write(tmp_path / "checkpoint-8", written_by("trainer"))
    assert [place.name for place in present(tmp_path)] == ["checkpoint-7", "checkpoint-8"]


def test_what_is_known_of_a_life_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "watch" / "out.json"
    assert read_life(path) == Life()
    life = Life("log a", frozenset({"one", "two"}), frozenset({"three"}))
    write_life(path, life)
    assert read_life(path) == life
    path.write_text('{"earlier": 3, "dropped": ')
    assert read_life(path) == Life()
