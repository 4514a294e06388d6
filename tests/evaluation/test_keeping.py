"""What a run finished is read and not asked again; what is damaged is made again."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.evaluating import cell_of, evaluate, make_evaluator, spec
from support.scripted import scripted

from zoo.errors import StoreError
from zoo.models import Model
from zoo.store import RESPONSES, SCORES, Store


def test_fresh_asks_again_and_the_new_answers_are_the_ones_kept(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    specs = [spec(base, "tiny_write", filter="whole"), spec(base, "tiny_write")]

    def run(text: str, fresh: bool) -> list[tuple[set[str], bool]]:
        evaluator, _ = make_evaluator(
            tmp_path, task_folder, loader=scripted(lambda *_: text), fresh=fresh
        )
        return [({i.response for i in r.items}, r.reused) for r in evaluate(evaluator, *specs)]

    assert run("old", fresh=False) == [({"old"}, False)] * 2
    assert run("new", fresh=False) == [({"old"}, True)] * 2
    assert run("new", fresh=True) == [({"new"}, False)] * 2
    assert run("newer", fresh=False) == [({"new"}, True)] * 2


def test_a_fresh_run_asks_each_response_cell_once(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, events = make_evaluator(tmp_path, task_folder, fresh=True)
    results = evaluate(
        evaluator,
        spec(base, "tiny_choice"),
        spec(base, "tiny_choice", metric="acc_norm"),
        spec(base, "tiny_choice", protocol="native"),
    )
    assert [each.status for each in results] == ["scored"] * 3
    assert events.answered() == 36


def test_answers_scored_again_later_keep_where_they_come_from(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder, batch_size=3)
    asked = spec(base, "tiny_write")
    (first,) = evaluate(evaluator, asked)
    later, _ = make_evaluator(tmp_path, task_folder, batch_size=5)
    later.device, later.plugins = "cuda:7", {"other": "2"}
    cell = cell_of(later, replace(asked, benchmark=replace(asked.benchmark, filter="whole")))
    (again,) = later.evaluate([cell])
    assert again.provenance.response_key == first.provenance.response_key
    assert first.provenance.batch_size == "3"
    assert first.provenance.seconds is not None
    assert again.provenance == replace(
        first.provenance,
        score_key=cell.score_key,
        finished=again.provenance.finished,
        plugins={"other": "2"},
    )


@pytest.mark.parametrize("kind", [RESPONSES, SCORES])
def test_a_damaged_cell_is_set_aside_and_made_again(
    kind: str, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(base, "tiny_write")
    (first,) = evaluate(make_evaluator(tmp_path, task_folder)[0], asked)
    key = getattr(first.provenance, "response_key" if kind == RESPONSES else "score_key")
    for other in (RESPONSES, SCORES):
        for path in (tmp_path / other).glob("*/*/table.parquet"):
            if other == kind or kind == RESPONSES:  # with sound scores nobody reads responses
                path.write_bytes(path.read_bytes()[:-1])
    (again,) = evaluate(make_evaluator(tmp_path, task_folder)[0], asked)
    assert not again.reused
    assert (again.items, again.scores) == (first.items, first.scores)
    assert Store(tmp_path).verify() == []
    assert (tmp_path / "aside" / f"{kind}-{key}-0").is_dir()


def test_of_two_writers_both_show_what_the_store_keeps(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    """The second writer is asked while the first, which waits for nobody, finishes the cell."""
    asked = spec(base, "tiny_write", filter="whole")

    def first_writer() -> None:
        evaluator, _ = make_evaluator(
            tmp_path, task_folder, loader=scripted(lambda *_: "first"), fresh=True
        )
        evaluate(evaluator, asked)

    evaluator, _ = make_evaluator(
        tmp_path, task_folder, loader=scripted(lambda *_: "second", before=first_writer)
    )
    (ours,) = evaluate(evaluator, asked)
    assert {item.response for item in ours.items} == {"first"}


def test_a_loader_that_raises_anything_fails_its_model_once(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    tried = []

    def fall() -> None:
        tried.append(1)
        raise OSError("no such\ndevice")

    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=scripted(before=fall))
    results = evaluate(evaluator, spec(base, "tiny_write"), spec(base, "tiny_choice"))
    assert [each.status for each in results] == ["failed", "failed"]
    assert all("no such" in each.error for each in results)
    assert tried == [1]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    (done,) = evaluate(make_evaluator(tmp_path, task_folder)[0], spec(base, "tiny_choice"))
    asked = []
    loader = scripted(lambda *_: str(asked.append(1)) + "x" * 40_000)
    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=loader)
    specs = [spec(base, "tiny_write"), spec(base, "tiny_several")]
    with full_disk(100), pytest.raises(StoreError, match=r"bytes cannot be written .* make room"):
        evaluate(evaluator, *specs)
    assert len(asked) == 12, "nothing is inferred that cannot be kept"
    assert Store(tmp_path).verify() == []
    results = evaluate(make_evaluator(tmp_path, task_folder)[0], spec(base, "tiny_choice"), *specs)
    assert [each.reused for each in results] == [True, False, False]
    assert results[0].items == done.items


def test_hostile_names_make_no_file_outside_the_store(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    store = tmp_path / "deep" / "store"
    evil = Model("../../../evil\x00\n/..", loader_args={"pretrained": str(base)})
    (ours,) = evaluate(
        make_evaluator(store, task_folder)[0],
        spec(evil, "tiny_choice", capability="../../../../evil"),
    )
    assert ours.status == "scored"
    names = {path.name for path in tmp_path.rglob("*") if store not in (path, *path.parents)}
    assert names == {"deep"}
    assert not any("evil" in path.name for path in store.rglob("*"))
