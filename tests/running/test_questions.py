"""What was asked is kept beside the answers, once for all stages that were asked alike."""

from __future__ import annotations

from dataclasses import replace

from support.zoos import TinyZoo

from zoo.questions import Asked, Question, keep_questions, read_questions
from zoo.recall import recall
from zoo.store import QUESTIONS, RESPONSES, SCORES, Store


def test_every_item_of_a_run_has_its_question(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.run()
    store = Store(tiny_zoo.root / "results")
    found = recall(store)
    asked = Asked(store, found.records)
    for result in found.results:
        questions = asked(result)
        for item in result.items:
            question = questions[item.prompt_hash]
            assert question.target
            if result.spec.benchmark.task == "tiny_choice":
                assert item.response in [each.strip() for each in question.options]


def test_stages_that_are_asked_alike_share_one_copy(tiny_zoo: TinyZoo) -> None:
    outcome, _ = tiny_zoo.run()
    keys = {
        (cell.spec.benchmark.task, cell.questions)
        for cell in outcome.record.cells
        if cell.spec.protocol == "uniform"
    }
    assert len(keys) == len({task for task, _ in keys})


def test_a_run_that_re_uses_everything_still_keeps_the_questions(tiny_zoo: TinyZoo) -> None:
    first, _ = tiny_zoo.run()
    store = Store(tiny_zoo.root / "results")
    keys = {kind: set(store.keys(kind)) for kind in (RESPONSES, SCORES, QUESTIONS)}
    for key in keys[QUESTIONS]:
        store.set_aside(QUESTIONS, key)
    again, _ = tiny_zoo.run()
    assert all(result.reused for result in again.results)
    assert {kind: set(store.keys(kind)) for kind in keys} == keys
    assert first.record.cells[0].questions == again.record.cells[0].questions


def test_what_was_never_kept_is_empty_and_a_lone_surrogate_does_no_harm(tiny_zoo: TinyZoo) -> None:
    store = Store(tiny_zoo.root / "results")
    assert read_questions(store, "ab" * 32) == {}
    keep_questions(store, [("cd" * 32, [("h", Question(("a\ud800b",), ("x", "y"), "x"))])])
    assert read_questions(store, "cd" * 32) == {"h": Question(("a?b",), ("x", "y"), "x")}
    outcome, _ = tiny_zoo.run()
    bare = replace(
        outcome.record,
        cells=tuple(replace(cell, questions="") for cell in outcome.record.cells),
    )
    assert Asked(store, [bare])(outcome.results[0]) == {}
