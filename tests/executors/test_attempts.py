"""A cell that brings down two workers is failed by name; what was beside it is not to blame."""

from __future__ import annotations

from dataclasses import replace

from executors.test_slots import work
from zoo.executors.attempts import NEVER, Remaining
from zoo.results import Result


def names(results: list[Result]) -> list[str]:
    return [result.spec.name for result in results]


def test_after_a_fall_cells_are_asked_one_by_one_and_the_guilty_one_is_found() -> None:
    task = Remaining(work("m", [1, 1, 1]))
    first, *_, guilty = task.begin().specs
    assert task.together
    task.told("loading", {"model": "m"})
    task.told("cell", {"name": "m · all"})
    task.brought(Result(first, "scored"))
    assert task.fell("was ended by SIGKILL") == []
    assert not task.together
    assert first not in task.begin().specs
    task.told("cell", {"name": guilty.name})
    (failed,) = task.fell("was ended by SIGKILL")
    assert failed.spec == guilty
    assert failed.error == (
        "this cell brought down 2 workers, of which the last was ended by SIGKILL"
    )
    assert guilty not in task.begin().specs


def test_what_stood_beside_the_guilty_cell_may_fall_twice_itself() -> None:
    task = Remaining(work("m", [1, 1]))
    one, _, other, _ = task.begin().specs
    task.fell("was ended by SIGKILL")
    task.told("cell", {"name": one.name})
    assert names(task.fell("was ended by SIGKILL")) == [one.name]
    task.told("cell", {"name": other.name})
    assert task.fell("was ended by SIGKILL") == []
    task.told("cell", {"name": other.name})
    assert names(task.fell("was ended by SIGKILL")) == [other.name]


def test_a_model_that_cannot_be_loaded_twice_fails_with_all_its_cells() -> None:
    task = Remaining(work("m", [1, 1]))
    for _ in range(2):
        specs = task.begin().specs
        task.told("loading", {"model": "m"})
        failed = task.fell("ended with exit status 3")
    assert len(failed) == len(specs) == 4
    assert {each.error for each in failed} == {
        "m, before it was asked, brought down 2 workers, of which the last ended with exit status 3"
    }
    assert task.job.specs == ()


def test_a_result_of_another_spec_object_counts_for_the_cell() -> None:
    task = Remaining(work("m", [1]))
    spec, other = task.begin().specs
    task.brought(Result(replace(spec, model=replace(spec.model, revision="abc")), "scored"))
    assert task.job.specs == (other,)


def test_time_counts_for_each_cell_at_work_and_not_before_the_model_is_loaded() -> None:
    task = Remaining(work("m", [1, 1]))
    task.begin()
    assert task.due(5) == NEVER
    task.told("preparing", {})
    assert task.due(5) == NEVER
    task.told("loading", {"model": "m"})
    assert task.due(None) == NEVER
    assert task.due(5) == task.since + 4 * 5
    task.told("cell", {"name": task.job.specs[0].name})
    assert task.due(5) == task.since + 5
    task.begin()
    assert task.due(5) == NEVER, "the next worker has its own time"
