"""The store's index, made from the run records and the cells they name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from zoo.errors import StoreError
from zoo.results import Provenance, RecordedCell, Result, Score
from zoo.store import SCORES, DamagedIndexError, Store
from zoo.structuring import read

logger = logging.getLogger("zoo")


def index_row(result: Result) -> dict[str, Any]:
    """A scored cell's line in the index."""
    spec, score, provenance = result.spec, result.score, result.provenance
    assert score is not None, "only scored cells have a line"
    return {
        "score_key": provenance.score_key,
        "response_key": provenance.response_key,
        "family": spec.model.family,
        "model": spec.model.id,
        "revision": spec.model.revision,
        "regime": spec.model.regime,
        "benchmark": spec.benchmark.task,
        "metric": spec.benchmark.metric,
        "filter": spec.benchmark.filter,
        "num_fewshot": spec.benchmark.num_fewshot,
        "protocol": spec.protocol,
        "axis": spec.benchmark.axis,
        "capability": spec.benchmark.capability,
        "limit_n": spec.limit,
        "value": score.value,
        "stderr": score.stderr,
        "n": score.n,
        "dtype": provenance.dtype,
        "loader": provenance.loader,
        "finished": provenance.finished,
    }


def _has_line(result: Result) -> bool:
    """Whether it is a score; what probes asked for is none."""
    return result.score is not None and not result.spec.purpose


def add_to_index(store: Store, results: Iterable[Result]) -> None:
    """Adds what is scored to the index; one that is damaged is made again.

    One that is sound and cannot be written now is left as it is, and the log says so: every cell
    is in the store, and an index can be made of it at any time.
    """
    rows = [index_row(result) for result in results if _has_line(result)]
    try:
        store.index_rows(rows)
    except DamagedIndexError:
        rebuild_index(store)
    except StoreError as problem:
        logger.warning("%s; this run's cells are kept, and not in it", problem)


def rebuild_index(store: Store) -> int:
    """Makes the index again from the run records; returns how many cells it knows."""
    rows: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for record in reversed(store.records()):
        for cell in record.cells:
            result = _summarised(store, cell)
            if result is not None and _has_line(result):
                key = (cell.score_key, cell.spec.model.id, cell.spec.protocol)
                rows[key] = index_row(result)
    store.replace_index(list(rows.values()))
    return len(rows)


def _summarised(store: Store, cell: RecordedCell) -> Result | None:
    """A recorded cell's result without its items, None where it has none that can be read."""
    if cell.status != "scored":
        return None
    try:
        summary = store.summary(SCORES, cell.score_key)
    except StoreError as problem:
        logger.warning("%s; it is not in the index", problem)
        return None
    if summary is None:
        return None
    scores = read(tuple[Score, ...], summary["scores"], "scores")
    provenance = read(Provenance, summary["provenance"], "provenance")
    return Result(cell.spec, "scored", scores, provenance=provenance)
