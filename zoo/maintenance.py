"""The store's index, made from the run records and the cells they name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import StoreError
from zoo.results import Result
from zoo.store import SCORES, DamagedIndexError, Store
from zoo.store.runs import RunHead, head_of, read_table
from zoo.structuring import plain

logger = logging.getLogger("zoo")


def _has_line(result: Result) -> bool:
    """Whether it is a score; what probes asked for is none."""
    return result.score is not None and not result.spec.purpose


def add_to_index(store: Store, results: Iterable[Result], runs: Sequence[Path] = ()) -> None:
    """Adds what is scored to the index; one that is damaged is made again.

    runs: files of the run records that the results are in. An index that is sound and cannot be
    written now is left as it is, and the log says so: every cell is in the store, and an index can
    be made of it at any time.
    """
    rows = [
        _row(plain(result.spec), plain(result.score), plain(result.provenance))
        for result in results
        if _has_line(result)
    ]
    try:
        store.index_rows(rows, [head_of(path, read_table(path)) for path in runs])
    except DamagedIndexError:
        rebuild_index(store)
    except StoreError as problem:
        logger.warning("%s; this run's cells are kept, and not in it", problem)


def rebuild_index(store: Store) -> int:
    """Makes the index again from the run records; returns how many cells it knows."""
    heads: list[RunHead] = []
    return store.replace_index(_rows(store, heads), heads)


def _rows(store: Store, heads: list[RunHead]) -> Iterator[dict[str, Any]]:
    """A line for each scored cell of each run, oldest first; fills in the heads of the runs.

    Records and manifests are taken as the JSON that they are: whether it is what was written is
    checked, and no more is needed of it here.
    """
    for path in store.runs():
        try:
            table = read_table(path)
        except StoreError as problem:
            logger.warning("%s; it is passed over", problem)
            continue
        heads.append(head_of(path, table))
        for cell in table["cells"]:
            if cell["status"] != "scored" or cell["spec"].get("purpose"):
                continue  # what probes asked for is no score
            if (summary := _summary(store, cell)) is None:
                continue
            asked = cell["spec"]["benchmark"]
            for score in summary["scores"]:
                if (score["metric"], score["filter"]) == (asked["metric"], asked["filter"]):
                    yield _row(cell["spec"], score, summary["provenance"])


def _summary(store: Store, cell: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if own := cell.get("summary"):
        found: Mapping[str, Any] = own
        return found
    try:
        return store.summary(SCORES, cell["score_key"])
    except StoreError as problem:
        logger.warning("%s; it is not in the index", problem)
        return None


def _row(
    spec: Mapping[str, Any], score: Mapping[str, Any], provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """A scored cell's line in the index; all three as plain JSON."""
    model, benchmark = spec["model"], spec["benchmark"]
    return {
        "score_key": provenance["score_key"],
        "response_key": provenance["response_key"],
        "family": model["family"],
        "model": model["id"],
        "revision": model["revision"],
        "regime": model["regime"],
        "benchmark": benchmark["task"],
        "metric": benchmark["metric"],
        "filter": benchmark["filter"],
        "num_fewshot": benchmark["num_fewshot"],
        "protocol": spec["protocol"],
        "axis": benchmark["axis"],
        "capability": benchmark["capability"],
        "limit_n": spec["limit"],
        "value": score["value"],
        "stderr": score["stderr"],
        "n": score["n"],
        "dtype": provenance["dtype"],
        "loader": provenance["loader"],
        "finished": provenance["finished"],
    }
