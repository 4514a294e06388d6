"""Brings back what earlier runs found: results for a report, without loading a model.

A run record says under which keys its cells lie, so limits, dtypes and versions are chosen by
record and no key is computed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zoo.benchmarks import Suite
from zoo.errors import ConfigError, StoreError, UnknownNameError
from zoo.evaluation.outcomes import result_of, result_without_items
from zoo.models import Family, Model
from zoo.placing import lineage, parents_first
from zoo.results import RecordedCell, Result, RunRecord
from zoo.store import SCORES, Store
from zoo.store.runs import RunHead, run_file
from zoo.structuring import read
from zoo.uncollected import uncollected

SAME = ("dtype", "loader", "loader_args", "seed", "limit", "num_fewshot", "gen_kwargs", "source")
"""Settings that two runs must share for their cells to stand in one report."""


@dataclass(frozen=True)
class Recalled:
    """A family's results on a suite as the store has them, and the records they come from.

    notes: what was left out and why, one sentence each.
    """

    family: Family
    suite: Suite
    results: tuple[Result, ...]
    records: tuple[RunRecord, ...]
    notes: tuple[str, ...] = ()


def recall(
    store: Store, family: str | None = None, suite: str | None = None, models: Iterable[str] = ()
) -> Recalled:
    """The newest results for a family, a suite or models; without any of these, the newest run.

    Runs that were made here come before those that were pulled.
    By name, cells come from the newest record that has them, among the records made with the same
    settings as the newest one; a cell that other weights of the same name gave is left out, and a
    note says so. models: only these ids, each the child of its nearest ancestor among them.
    Raises UnknownNameError where there is no such run.
    """
    heads = store.heads()
    wanted = set(models)
    chosen = [
        head
        for head in heads
        if family in (None, head.family)
        and suite in (None, head.suite)
        and (not wanted or wanted & set(head.models))
    ]
    records = store.records(own_first(chosen))
    newest = next(records, None)
    if newest is None:
        ran = sorted({f"{head.family} on {head.suite}" for head in heads})
        named = family or ", ".join(sorted(wanted))
        if not named and not suite:
            raise ConfigError(f"the store {store.root} holds no run; `zoo run` makes one")
        asked = f"{named} on {suite}".strip() if suite else named
        raise UnknownNameError("run", asked, ran, "`zoo run` makes one")
    same = [newest]
    if family is not None or suite is not None or wanted:
        same += [record for record in records if _comparable(record, newest)]
    cells: dict[tuple[object, ...], RecordedCell] = {}
    for record in same:
        for cell in record.cells:
            if not wanted or cell.spec.model.id in wanted:
                cells.setdefault(cell.spec.identity, cell)
    seen: dict[str, Model] = {}
    for cell in cells.values():
        seen.setdefault(cell.spec.model.id, cell.spec.model)
    known = {cell.spec.model.id: cell.spec.model for record in same for cell in record.cells}
    stages = lineage(tuple(seen.values()), known=known) if wanted else tuple(seen.values())
    with uncollected():
        results, notes = _of_one_checkpoint(read_cell(store, cell) for cell in cells.values())
    return Recalled(
        Family(newest.family, parents_first(stages), suite=newest.suite["name"]),
        read(Suite, newest.suite, "run record"),
        results,
        tuple(same),
        notes,
    )


def recall_run(store: Store, id: str) -> Recalled:
    """One run as the store has it, by the id of its record. Raises StoreError."""
    record = store.read_run(run_file(store.root, id))
    with uncollected():
        results = tuple(read_cell(store, cell) for cell in record.cells)
    models = {cell.spec.model.id: cell.spec.model for cell in record.cells}
    suite = read(Suite, record.suite, "run record")
    family = Family(record.family, parents_first(tuple(models.values())), suite=suite.name)
    return Recalled(family, suite, results, (record,))


def own_first(heads: Iterable[RunHead]) -> list[RunHead]:
    """Runs that were made here before those of others: to pull changes no report of one's own."""
    return sorted(heads, key=lambda head: head.pulled)


def read_cell(store: Store, cell: RecordedCell) -> Result:
    """A recorded cell as a result; one that the store no longer has, or has damaged, is failed."""
    if cell.status != "scored":
        return Result(cell.spec, cell.status, error=cell.error)
    if cell.summary:
        return result_without_items(cell.spec, cell.summary)
    try:
        found = store.get(SCORES, cell.score_key)
    except StoreError as problem:
        return Result(cell.spec, "failed", error=f"{problem}; `zoo run` makes it again")
    if found is None:
        gone = "the store no longer has this cell; `zoo run` makes it again"
        return Result(cell.spec, "failed", error=gone)
    return result_of(cell.spec, found, reused=True)


def cells_of_model(store: Store, model: str) -> Sequence[tuple[RunRecord, RecordedCell]]:
    """Every cell any run recorded for a model, newest first, each with its run; own runs first."""
    return [
        (record, cell)
        for record in store.records(
            own_first(head for head in store.heads() if model in head.models)
        )
        for cell in record.cells
        if cell.spec.model.id == model
    ]


def _of_one_checkpoint(
    newest_first: Iterable[Result],
) -> tuple[tuple[Result, ...], tuple[str, ...]]:
    """Results without those of a model whose folder has held other weights since, and a note for
    each such model."""
    weights: dict[str, str] = {}
    kept, older = [], Counter[str]()
    for result in newest_first:
        model, own = result.spec.model.id, result.provenance.weights
        if not own or weights.setdefault(model, own) == own:
            kept.append(result)
        else:
            older[model] += 1
    notes = (
        f"{model} has had other weights: {count} of its older cells "
        f"{'is' if count == 1 else 'are'} left out; `zoo run` asks the new weights"
        for model, count in older.items()
    )
    return tuple(kept), tuple(notes)


def _comparable(record: RunRecord, newest: RunRecord) -> bool:
    def facts(each: RunRecord) -> Mapping[str, object]:
        return {
            "suite": each.suite,
            **{name: each.settings.get(name) for name in SAME},
        }

    return record.family == newest.family and facts(record) == facts(newest)
