"""A model that cannot be asked a thing says so; its other cells are scored, and nothing failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.evaluating import evaluate, make_evaluator, spec
from support.scripted import scripted

from zoo.errors import NotApplicableError
from zoo.results import Result


def unable(*_: object) -> tuple[float, bool]:
    raise NotApplicableError("it gives no log-probabilities")


@pytest.mark.parametrize("pools", [False, True])
def test_what_a_model_cannot_be_asked_is_not_applicable_and_the_rest_is_scored(
    base: Path, task_folder: Path, tmp_path: Path, pools: bool
) -> None:
    loader = replace(scripted(lambda *_: "A", unable), pools=pools)
    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=loader)
    cells = [evaluator.prepare(spec(base, task)) for task in ("tiny_choice", "tiny_write")]
    choice, write = evaluator.evaluate([cell for cell in cells if not isinstance(cell, Result)])
    assert (choice.status, choice.error) == ("not_applicable", "it gives no log-probabilities")
    assert write.status == "scored"


def test_a_model_that_says_so_while_it_is_loaded_has_no_failed_cell(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    def refuse() -> None:
        raise NotApplicableError("it can only embed")

    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=scripted(before=refuse))
    (result,) = evaluate(evaluator, spec(base, "tiny_write"))
    assert (result.status, result.error) == ("not_applicable", "it can only embed")
