"""What a run leaves beside its cells: its record, its standing, and the store's index.

The index is made from the run records, their standings and the cells that they name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import StoreError
from zoo.fingerprints import digest
from zoo.recall import read_cell
from zoo.results import Result, RunRecord, source_of
from zoo.standings import standing_of
from zoo.store import SCORES, DamagedIndexError, Store, index
from zoo.store.index import RunLines
from zoo.store.runs import RunHead, head_of, read_table, run_file, stamp
from zoo.structuring import plain

logger = logging.getLogger("zoo")

TOLD_APART = (
    "model",
    "revision",
    "weights",
    "protocol",
    "source",
    "seed",
    "limit_n",
    "loader",
    "engine",
    "dtype",
)
"""What two numbers must share to stand in one entry of a leaderboard."""


def keep_run(store: Store, record: RunRecord, results: Sequence[Result]) -> Path:
    """Writes the record of a run and its standing, and adds both to the index.

    Returns the record's file. Raises StoreError where they cannot be written.
    """
    return keep_runs(store, [(record, results)])[0]


def keep_runs(store: Store, runs: Sequence[tuple[RunRecord, Sequence[Result]]]) -> list[Path]:
    """As `keep_run`, of several runs at once; their records' files in the same order."""
    paths = store.add_runs(record for record, _ in runs)
    store.add_standings((run[0].id, plain(standing_of(*run))) for run in runs if _has_items(run[1]))
    add_to_index(store, [each for _, results in runs for each in results], paths)
    return paths


def keep_claims(store: Store, claims: Sequence[tuple[RunRecord, Mapping[str, Any] | None]]) -> None:
    """Writes records of others with their standings, as plain JSON, over what they said before.

    Raises StoreError where they cannot be written.
    """
    replaced = any(run_file(store.root, record.id).is_file() for record, _ in claims)
    store.remove_standings(record.id for record, said in claims if said is None)
    store.add_standings((record.id, said) for record, said in claims if said is not None)
    store.add_runs(record for record, _ in claims)
    if replaced:
        rebuild_index(store)  # what they said before stands in it too
    elif claims:
        refresh_index(store)


def forget_runs(store: Store, heads: Sequence[RunHead]) -> None:
    """Removes the records of runs and all that the index knows of them; cells stay.

    Raises StoreError.
    """
    store.remove_runs(heads)
    rebuild_index(store)


def add_standings(store: Store) -> int:
    """Sums up the runs that have no standing, from the items of their cells; returns how many.

    Of a run without items the index has all there is.
    """
    added = 0
    for path in store.runs():
        try:
            record = store.read_run(path)
        except StoreError as problem:
            logger.warning("%s; it is passed over", problem)
            continue
        if store.standing(record.id) is None and not all(cell.summary for cell in record.cells):
            own = [cell for cell in record.cells if not cell.spec.purpose]
            results = [read_cell(store, cell) for cell in own]
            store.add_standing(record.id, plain(standing_of(record, results)))
            added += 1
    return added


def add_to_index(store: Store, results: Iterable[Result], runs: Sequence[Path] = ()) -> None:
    """Adds what is scored to the index; one that is damaged is made again.

    runs: files of the run records that the results are in. An index that is sound and cannot be
    written now is left as it is, and the log says so: every cell is in the store, and an index can
    be made of it at any time.
    """
    tables = {path: read_table(path) for path in runs}
    source = next((source_of(table["settings"]) for table in tables.values()), "")
    shares = _shares([store.standing(table["id"]) for table in tables.values()])
    rows = [
        _row(plain(result.spec), plain(result.score), plain(result.provenance), source, shares)
        for result in results
        if _has_line(result)
    ]
    try:
        store.index_rows(rows, [_lines(store, path, table) for path, table in tables.items()])
    except DamagedIndexError as problem:
        logger.info("%s", problem)
        rebuild_index(store)
    except StoreError as problem:
        logger.warning("%s; this run's cells are kept, and not in it", problem)


def rebuild_index(store: Store) -> int:
    """Makes the index again from the run records; returns how many cells it knows."""
    lines: list[RunLines] = []
    return store.replace_index(_rows(store, store.runs(), lines), lines)


def refresh_index(store: Store) -> None:
    """Adds the runs that the index does not know; makes it again where it is another zoo's.

    Raises StoreError where it is sound and cannot be written.
    """
    try:
        known = store.from_index(lambda path: index.read_heads(path, path.parent))
    except DamagedIndexError as problem:
        logger.warning("%s: done now", problem)
        rebuild_index(store)
        return
    new = [path for path in store.runs() if (path.name, *stamp(path)) not in known]
    if new:
        lines: list[RunLines] = []
        store.index_rows(_rows(store, new, lines), lines)


def _has_items(results: Iterable[Result]) -> bool:
    return any(result.items for result in results)


def _has_line(result: Result) -> bool:
    """Whether it is a score; what probes asked for is none."""
    return result.score is not None and not result.spec.purpose


def _rows(store: Store, runs: Iterable[Path], lines: list[RunLines]) -> Iterator[dict[str, Any]]:
    """A line for each scored cell of each run, oldest first; fills in what is known of the runs.

    Records and manifests are taken as the JSON that they are: whether it is what was written is
    checked, and no more is needed of it here.
    """
    for path in runs:
        try:
            table = read_table(path)
        except StoreError as problem:
            logger.warning("%s; it is passed over", problem)
            continue
        lines.append(_lines(store, path, table))
        source, shares = source_of(table["settings"]), _shares([store.standing(table["id"])])
        for cell in table["cells"]:
            if cell["status"] != "scored" or cell["spec"].get("purpose"):
                continue  # what probes asked for is no score
            if (summary := _summary(store, cell)) is None:
                continue
            asked = cell["spec"]["benchmark"]
            for score in summary["scores"]:
                if (score["metric"], score["filter"]) == (asked["metric"], asked["filter"]):
                    yield _row(cell["spec"], score, summary["provenance"], source, shares)


def _summary(store: Store, cell: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if own := cell.get("summary"):
        found: Mapping[str, Any] = own
        return found
    try:
        return store.summary(SCORES, cell["score_key"])
    except StoreError as problem:
        logger.warning("%s; it is not in the index", problem)
        return None


def _lines(store: Store, path: Path, table: Mapping[str, Any]) -> RunLines:
    """What the index holds of a run, given its record as plain JSON."""
    benchmarks = table["suite"].get("benchmarks", [])
    standing = store.standing(table["id"]) or {"stages": [], "edges": []}
    suite, source = digest(benchmarks), source_of(table["settings"])
    return RunLines(
        head=head_of(path, table),
        digest=suite,
        benchmarks=json.dumps(benchmarks),
        **{
            name: [
                {**each, "suite": suite, "source": source, "body": _body(each)}
                for each in standing[name]
            ]
            for name in index.STANDINGS
        },
    )


def _body(standing: Mapping[str, Any]) -> str:
    """A stage's or an edge's standing without what is in the lines of its cells."""
    return json.dumps({name: each for name, each in standing.items() if name != "scores"})


def _shares(standings: Iterable[Mapping[str, Any] | None]) -> dict[str, Mapping[str, Any]]:
    """What is known of cells from their items, by score key."""
    return {
        share["score_key"]: share
        for standing in standings
        if standing
        for stage in standing["stages"]
        for share in stage["scores"]
    }


def _row(
    spec: Mapping[str, Any],
    score: Mapping[str, Any],
    provenance: Mapping[str, Any],
    source: str,
    shares: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """A scored cell's line in the index; all as plain JSON."""
    model, benchmark = spec["model"], spec["benchmark"]
    share = shares.get(provenance["score_key"], {})
    parents = model["base_model"] or []
    row = {
        "score_key": provenance["score_key"],
        "response_key": provenance["response_key"],
        "family": model["family"],
        "model": model["id"],
        "revision": model["revision"],
        "regime": model["regime"],
        "parents": json.dumps([parents] if isinstance(parents, str) else list(parents)),
        "licence": model.get("licence", ""),
        "parameters": model.get("parameters"),
        "step": model["step"],
        "training_seed": model["seed"],
        "benchmark": benchmark["task"],
        "metric": benchmark["metric"],
        "filter": benchmark["filter"],
        "num_fewshot": benchmark["num_fewshot"],
        "protocol": spec["protocol"],
        "axis": benchmark["axis"],
        "capability": benchmark["capability"],
        "cluster": benchmark["cluster"],
        "policy": benchmark["policy"],
        "limit_n": spec["limit"],
        "seed": spec["seed"],
        "value": score["value"],
        "stderr": score["stderr"],
        "n": score["n"],
        "higher_is_better": score["higher_is_better"],
        "chance": share.get("chance"),
        "normalised": share.get("normalised"),
        "normalised_stderr": share.get("stderr"),
        "dtype": provenance["dtype"],
        "loader": provenance["loader"],
        "engine": provenance["engine"],
        "weights": provenance["weights"],
        "versions": json.dumps(provenance["versions"], sort_keys=True),
        "finished": provenance["finished"],
        "source": source or ("imported" if provenance.get("imported") else ""),
    }
    return {**row, "entry": digest([row[name] for name in TOLD_APART])}
