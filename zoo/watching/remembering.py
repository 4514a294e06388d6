"""What earlier watches of the same folder measured, as the store has it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.benchmarks import Suite
from zoo.errors import StoreError
from zoo.models import Model
from zoo.recall import SAME, read_cell
from zoo.results import Result, RunRecord
from zoo.store import Store
from zoo.structuring import plain


@dataclass(frozen=True)
class Measured:
    """A checkpoint that a run measured. name: of its folder. results: its own."""

    name: str
    model: Model
    results: tuple[Result, ...]
    record: RunRecord


@dataclass(frozen=True)
class Past:
    """Runs of a watch, oldest first. base: the parent they were compared with, if there was one."""

    base: Model | None = None
    measured: tuple[Measured, ...] = ()


def runs_of(store: Store, family: str) -> frozenset[str]:
    """Ids of all runs of a watch, of whatever suite."""
    return frozenset(h.path.stem for h in store.heads() if h.family == family and not h.pulled)


def remembered(
    store: Store,
    family: str,
    suite: Suite,
    settings: Mapping[str, Any],
    name_of: Callable[[Model], str],
    earlier: Collection[str] = (),
    here: Collection[str | None] = (),
) -> Past:
    """The checkpoints of a watch that have all their scores, asked as they would be asked now.

    settings: what the record of a run would say now. name_of: a checkpoint's folder. earlier: runs
    of other trainings, of which only what is `here` by its revision is taken. Records that cannot
    be read, and checkpoints with a cell that failed or is gone, are passed over: they are measured
    again.
    """
    base: Model | None = None
    found: dict[tuple[str, str | None], Measured] = {}
    for head in sorted(store.heads(), key=lambda each: each.path.name):
        if head.family != family or head.suite != suite.name or head.pulled:
            continue
        try:
            record = store.read_run(head.path)
        except StoreError:
            continue
        if record.suite != plain(suite) or any(
            record.settings.get(name) != settings.get(name) for name in SAME
        ):
            continue
        models = {cell.spec.model.id: cell.spec.model for cell in record.cells}
        for model in models.values():
            other = record.id in earlier
            if model.step is None:
                base = base if other else model
            elif other and model.revision not in here:
                continue
            elif (model.id, model.revision) not in found:
                own = [cell for cell in record.cells if cell.spec.model.id == model.id]
                results = tuple(read_cell(store, cell) for cell in own if not cell.spec.purpose)
                if not any(result.status == "failed" for result in results):
                    found[model.id, model.revision] = Measured(
                        name_of(model), model, results, record
                    )
    return Past(base, tuple(found.values()))
