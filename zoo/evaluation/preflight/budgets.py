"""Answers that have fewer tokens than what asks for them, or thinking, needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from zoo.evaluation.budgets import DEFAULT_BUDGET
from zoo.evaluation.preflight.findings import Finding
from zoo.evaluation.preparing import Cell
from zoo.plan import one_budget

ROOM_TO_THINK = 1024
"""Tokens from which on a task's own budget may be meant for thinking too. Answers of reasoning
models to problems of school mathematics take thousands."""


def small_budgets(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Models whose answers are ended sooner than the suite or the task asks, or that think within
    what a task gives to the answer alone."""
    by_model: dict[tuple[int, str, str], dict[str, None]] = defaultdict(dict)
    for cell in cells:
        if small := _too_small(cell):
            by_model[(*small, cell.spec.model.id)][cell.spec.benchmark.name] = None
    alike: dict[tuple[int, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (budget, reason, model), benchmarks in by_model.items():
        alike[budget, reason, tuple(benchmarks)].append(model)
    for (budget, reason, names), models in alike.items():
        yield Finding(
            f"answers of {_few(models)} to {_few(names)} end at {budget} tokens, {reason}; raise "
            "max_gen_toks as far as the context allows, or mind what the report says was cut"
        )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _too_small(cell: Cell) -> tuple[int, str] | None:
    """The budget of a cell's answers, and why it is too small; None where it is not."""
    if cell.requests[0].kind != "generate_until" or cell.spec.likelihood_of:
        return None
    budget = (cell.requests[0].gen_kwargs or {}).get("max_gen_toks")
    if budget is None:
        return None
    of_task = one_budget(cell.loaded.task.config.generation_kwargs or {}).get("max_gen_toks")
    of_suite = one_budget(cell.spec.benchmark.gen_kwargs).get("max_gen_toks")
    who, asked = ("suite", of_suite) if of_suite is not None else ("task", of_task)
    if asked is not None and int(budget) < int(asked):
        return int(budget), f"below the {asked} that the {who} asks for"
    given = int(of_task or DEFAULT_BUDGET)
    if cell.spec.prompting.thinks and int(budget) <= given < ROOM_TO_THINK:
        return int(budget), "no more than the task gives to an answer without thinking"
    return None
