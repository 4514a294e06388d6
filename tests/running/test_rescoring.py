"""Stored answers are scored again under today's tasks; no model is loaded."""

from __future__ import annotations

import pytest
from support.zoos import TinyZoo, numbers

from zoo.cli import main
from zoo.errors import UnknownNameError
from zoo.rescoring import rescore
from zoo.store import Store


def change_scoring(zoo: TinyZoo) -> None:
    """Another filter: the second letter, where the first was taken."""
    path = zoo.tasks / "tiny_write.yaml"
    text = path.read_text()
    assert "([a-z])" in text
    path.write_text(text.replace("([a-z])", ".([a-z])"))


def test_answers_are_scored_again_as_a_new_run_and_equal_those_of_a_run_from_the_start(
    tiny_zoo: TinyZoo,
) -> None:
    before, _ = tiny_zoo.run(wishes={"limit": 6})
    change_scoring(tiny_zoo)
    outcome = rescore(tiny_zoo.host())
    assert [r.error for r in outcome.failed] == []
    asked = {r.spec.benchmark.task for r in outcome.results if not r.reused}
    assert asked == {"tiny_write"}
    assert outcome.record.id != before.record.id
    assert outcome.record.settings["limit"] == 6
    keys = {c.response_key for c in before.record.cells}
    assert {c.response_key for c in outcome.record.cells} == keys
    (tiny_zoo.root / "results").rename(tiny_zoo.root / "before")
    again, _ = tiny_zoo.run(wishes={"limit": 6})
    assert numbers(again) == numbers(outcome)


def test_zoo_rescore_names_the_cells_whose_answers_are_gone_and_loads_no_model(
    tiny_zoo: TinyZoo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.evaluation.evaluator import Evaluator

    outcome, _ = tiny_zoo.run(wishes={"protocols": ("uniform",)})
    change_scoring(tiny_zoo)
    store = Store(tiny_zoo.root / "results")
    gone = next(c for c in outcome.record.cells if c.spec.benchmark.task == "tiny_write")
    store.set_aside("responses", gone.response_key)
    monkeypatch.setattr(Evaluator, "load", lambda *_: pytest.fail("a model was loaded"))
    assert main(tiny_zoo.command("rescore", "tiny")) == 1
    said = capsys.readouterr()
    assert "9 cells: 2 evaluated, 6 re-used from the store, 1 failed" in said.out
    assert gone.spec.name in said.err
    assert "the store has no answers for it" in said.err


def test_rescoring_what_was_never_run_says_what_was(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.run(wishes={"limit": 2, "protocols": ("uniform",)})
    with pytest.raises(UnknownNameError, match="tiny on mine"):
        rescore(tiny_zoo.host(), "other")
