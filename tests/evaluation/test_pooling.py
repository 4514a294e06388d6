"""Cells that are asked together are answered as if each had been asked alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.evaluating import cell_of, evaluate, make_evaluator, spec
from support.scripted import scripted

from zoo.evaluation import evaluator as evaluating
from zoo.evaluation.huggingface import HF, TORCH
from zoo.evaluation.pooling import pools
from zoo.models import Prompting
from zoo.results import Result

TASKS = ("tiny_choice", "tiny_shots", "tiny_write", "tiny_rolling", "tiny_several", "tiny_last")


def numbers(results: Iterable[Result]) -> list[list[tuple[Any, ...]]]:
    return [
        [
            (i.item_id, i.sample, round(i.score, 4), said(i.response), i.n_tokens, i.truncated)
            for i in r.items
        ]
        for r in results
    ]


def said(response: str) -> str:
    """What a likelihood's item keeps as its response is the number: up to rounding."""
    try:
        return f"{float(response):.3f}"
    except ValueError:
        return response


def test_cells_asked_together_have_the_items_of_cells_asked_alone(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    specs = [spec(base, task) for task in TASKS]
    evaluator, events = make_evaluator(tmp_path / "together", task_folder, loader=TORCH)
    together = evaluate(evaluator, *specs)
    assert [each.status for each in together] == ["scored"] * len(TASKS)
    assert events.names().count("cell") == 1
    cells = [cell_of(evaluator, each) for each in specs]
    assert events.answered() == sum({cell.response_key: cell.size for cell in cells}.values())
    alone = [
        evaluate(make_evaluator(tmp_path / "alone", task_folder, loader=TORCH)[0], each)[0]
        for each in specs
    ]
    assert numbers(together) == numbers(alone)


def test_samples_of_equal_prompts_in_two_cells_are_drawn_as_in_one(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    drawn = Prompting(gen_kwargs={"do_sample": True, "temperature": 1.0})
    longer = Prompting(gen_kwargs={**drawn.gen_kwargs, "max_gen_toks": 9})
    specs = [spec(base, "tiny_several", prompting=each) for each in (drawn, longer)]
    together = evaluate(make_evaluator(tmp_path / "one", task_folder, loader=TORCH)[0], *specs)
    alone = [
        evaluate(make_evaluator(tmp_path / "two", task_folder, loader=TORCH)[0], each)[0]
        for each in specs
    ]
    assert numbers(together) == numbers(alone)
    assert len({item.response for item in together[0].items}) > 1


def test_a_sick_cell_costs_only_itself_among_those_asked_together(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    def weigh(context: str, _option: str) -> tuple[float, bool]:
        return (float("nan") if context.startswith("Answer.") else -1.0, False)

    def write(prompt: str, _turn: int) -> str:
        raise RuntimeError(f"nothing to say to {prompt[:8]}")

    loader = replace(scripted(write, weigh), pools=True)
    specs = [spec(base, task) for task in ("tiny_choice", "tiny_shots", "tiny_write", "tiny_last")]
    results = evaluate(make_evaluator(tmp_path, task_folder, loader=loader)[0], *specs)
    assert [each.status for each in results] == ["scored", "failed", "failed", "scored"]
    assert "likelihood of item 0 is nan" in results[1].error
    assert "nothing to say to question" in results[2].error


def test_a_model_is_loaded_once_and_a_refusal_is_told_to_each_of_its_cells(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    loads: list[int] = []

    def before() -> None:
        loads.append(1)
        raise OSError("no such device")

    for pooled in (True, False):
        loads.clear()
        loader = replace(scripted(before=before), pools=pooled)
        evaluator, _ = make_evaluator(tmp_path, task_folder, loader=loader)
        results = evaluate(evaluator, spec(base, "tiny_choice"), spec(base, "tiny_write"))
        assert [each.status for each in results] == ["failed"] * 2
        assert all("no such device" in each.error for each in results)
        assert len(loads) == 1


def test_generations_know_their_tokens_and_whether_the_cap_cut_them(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(base, "tiny_write")
    (ours,) = evaluate(make_evaluator(tmp_path / "ours", task_folder, loader=TORCH)[0], asked)
    (theirs,) = evaluate(make_evaluator(tmp_path / "theirs", task_folder, loader=HF)[0], asked)
    assert [i.response for i in ours.items] == [i.response for i in theirs.items]
    assert {i.truncated for i in ours.items} <= {True, False}
    for item in ours.items:
        assert item.n_tokens is not None
        assert item.n_tokens == 8 or not item.truncated


def test_the_way_of_scoring_is_kept_with_the_result(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(base, "tiny_choice")
    (ours,) = evaluate(make_evaluator(tmp_path / "ours", task_folder, loader=TORCH)[0], asked)
    assert ours.provenance.scoring.startswith("packed/sdpa (verified against the plain model")


@pytest.mark.parametrize("most", [0, 1, 20, 40, 10_000])
def test_pools_hold_every_cell_in_order_and_no_more_requests_than_allowed(
    most: int, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    cells = [cell_of(evaluator, spec(base, task)) for task in TASKS]
    cells += [cell_of(evaluator, spec(base, task, seed=5)) for task in TASKS]
    found = list(pools(cells, most))
    assert [cell for pool in found for cell in pool] == cells
    for pool in found:
        assert len(pool) == 1 or sum(cell.size for cell in pool) <= most
        assert len({cell.spec.seed for cell in pool}) == 1


def test_small_pools_give_the_results_of_a_large_one(
    base: Path, task_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [spec(base, task) for task in TASKS]

    def run(store: Path) -> Sequence[Result]:
        return evaluate(make_evaluator(store, task_folder, loader=TORCH)[0], *specs)

    large = run(tmp_path / "large")
    monkeypatch.setattr(evaluating, "POOL", 40)
    assert numbers(run(tmp_path / "small")) == numbers(large)


def test_stages_that_are_asked_alike_share_what_was_built_for_the_first(
    base: Path, chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    for task in ("tiny_shots", "tiny_write"):
        one, other = (cell_of(evaluator, spec(model, task)) for model in (base, chat))
        assert one.response_key != other.response_key
        assert one.requests is other.requests
