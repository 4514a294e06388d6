"""An evaluator over tiny tasks, and specs for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.benchmarks import Benchmark
from zoo.evaluation.evaluator import Evaluator
from zoo.evaluation.huggingface import HF
from zoo.evaluation.preparing import Cell, Preparer
from zoo.evaluation.tasks import TaskLoader
from zoo.hookspecs import Loader
from zoo.models import Model, Prompting, Regime
from zoo.results import Protocol, Result, RunSpec
from zoo.store import Store
from zoo.tasks import Task, read_task, task_files

METRICS = {
    "tiny_choice": ("acc", "none"),
    "tiny_shots": ("acc_norm", "none"),
    "tiny_mutual": ("acc_mutual_info", "none"),
    "tiny_last": ("acc", "none"),
    "tiny_rolling": ("bits_per_byte", "none"),
    "tiny_write": ("exact_match", "first-letter"),
    "tiny_write_shots": ("exact_match", "whole"),
    "tiny_several": ("exact_match", "none"),
    "tiny_vote": ("exact_match", "vote"),
    "tiny_lists": ("letters", "none"),
}


def read_tasks(folder: Path) -> dict[str, Task]:
    """The valid tasks of a folder by name."""
    found = [read_task(path) for path in task_files(folder)]
    return {task.name: task for task in found if isinstance(task, Task)}


def benchmark(task: str, **changes: Any) -> Benchmark:
    """The benchmark of a tiny task."""
    metric, filter = METRICS.get(task, ("acc", "none"))
    return Benchmark(**{"task": task, "metric": metric, "filter": filter, **changes})


def spec(
    model: Model | Path,
    task: str,
    *,
    protocol: Protocol = "uniform",
    prompting: Prompting | None = None,
    limit: int | None = None,
    seed: int = 1234,
    **changes: Any,
) -> RunSpec:
    """One cell of a plan."""
    found = model if isinstance(model, Model) else Model(str(model))
    asked = prompting or Prompting()
    return RunSpec(found, benchmark(task, **changes), protocol, asked, seed, limit)


@dataclass
class Events:
    """Everything an evaluator told."""

    seen: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        self.seen.append((name, facts))

    def names(self) -> list[str]:
        return [name for name, _ in self.seen]

    def answered(self) -> int:
        return sum(facts["done"] for name, facts in self.seen if name == "requests")


def make_evaluator(
    store: Path,
    tasks: Path,
    *,
    loader: Loader | Callable[[Model], Loader] = HF,
    dtype: str = "float32",
    fresh: bool = False,
    loader_args: Mapping[str, Any] | None = None,
    batch_size: int | str = 8,
    regimes: Mapping[str, Regime] | None = None,
) -> tuple[Evaluator, Events]:
    """An evaluator of a run of its own, as another process would make it."""
    events = Events()

    def loader_of(model: Model, config: Mapping[str, Any] | None = None) -> Loader:  # noqa: ARG001
        return loader if isinstance(loader, Loader) else loader(model)

    preparer = Preparer(
        TaskLoader(read_tasks(tasks)), loader_of, dtype, loader_args, regimes=regimes
    )
    evaluator = Evaluator(
        store=Store(store),
        preparer=preparer,
        loader_of=loader_of,
        device="cpu",
        batch_size=batch_size,
        fresh=fresh,
        on_event=events,
    )
    return evaluator, events


def cell_of(evaluator: Evaluator, asked: RunSpec) -> Cell:
    """The cell of a spec that can be prepared."""
    cell = evaluator.prepare(asked)
    assert isinstance(cell, Cell), cell.error
    return cell


def evaluate(evaluator: Evaluator, *specs: RunSpec) -> list[Result]:
    """Results of one model's specs, in their order; all can be prepared."""
    return list(evaluator.evaluate([cell_of(evaluator, each) for each in specs]))
