"""Brings back what earlier runs found: results for a report, without loading a model.

A run record says under which keys its cells lie, so limits, dtypes and versions are chosen by
record and no key is computed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zoo.benchmarks import Suite
from zoo.errors import StoreError, UnknownNameError
from zoo.evaluation.outcomes import result_of
from zoo.models import Family, Model
from zoo.placing import lineage, parents_first
from zoo.results import RecordedCell, Result, RunRecord
from zoo.store import SCORES, Store
from zoo.structuring import read
from zoo.uncollected import uncollected

SAME = ("dtype", "loader", "loader_args", "seed", "limit", "num_fewshot", "gen_kwargs")
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
    records = store.records(chosen)
    newest = next(records, None)
    if newest is None:
        ran = sorted({f"{head.family} on {head.suite}" for head in heads})
        named = family or ", ".join(sorted(wanted)) or "any family"
        asked = f"{named} on {suite}" if suite else named
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


def read_cell(store: Store, cell: RecordedCell) -> Result:
    """A recorded cell as a result; one that the store no longer has, or has damaged, is failed."""
    if cell.status != "scored":
        return Result(cell.spec, cell.status, error=cell.error)
    try:
        found = store.get(SCORES, cell.score_key)
    except StoreError as problem:
        return Result(cell.spec, "failed", error=f"{problem}; `zoo run` makes it again")
    if found is None:
        gone = "the store no longer has this cell; `zoo run` makes it again"
        return Result(cell.spec, "failed", error=gone)
    return result_of(cell.spec, found, reused=True)


def cells_of_model(store: Store, model: str) -> Sequence[tuple[RunRecord, RecordedCell]]:
    """Every cell any run recorded for a model, newest first, each with its run."""
    return [
        (record, cell)
        for record in store.records(head for head in store.heads() if model in head.models)
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
