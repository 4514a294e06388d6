"""A database of scored cells' summaries, of stages' and edges' standings and of runs' heads.

It is made again from the files at any time, and by itself where an older zoo made it. Only the
driver of a run writes it, on a local disk, with sqlite's write-ahead log.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.store.runs import RunHead, stamp

PATIENCE = 30
"""Seconds to wait for another process that writes the index."""

SHAPE = 4
"""Of the tables, as the database's `user_version`; one of another shape is made again."""

COLUMNS = (
    "score_key",
    "response_key",
    "family",
    "model",
    "revision",
    "regime",
    "parents",
    "licence",
    "parameters",
    "step",
    "training_seed",
    "benchmark",
    "metric",
    "filter",
    "num_fewshot",
    "protocol",
    "axis",
    "capability",
    "cluster",
    "policy",
    "limit_n",
    "seed",
    "value",
    "stderr",
    "n",
    "higher_is_better",
    "chance",
    "normalised",
    "normalised_stderr",
    "dtype",
    "loader",
    "engine",
    "weights",
    "versions",
    "finished",
    "source",
    "entry",
)
"""Of a scored cell.

parents, versions: JSON. cluster: the field that clusters items, None where each stands for itself.
chance, normalised, normalised_stderr: over the cell's items, None where no run has analysed them.
source: "" for what was measured here, "imported", or the repository that it was pulled from.
entry: digest of what a leaderboard tells apart: model, revision, weights, protocol, source, seed,
limit, loader, engine and dtype.
"""

ENTRY = (
    "entry family model revision regime parents licence parameters step training_seed protocol "
    "source limit_n seed dtype loader engine weights versions finished"
).split()
"""The columns that the cells of one entry and family share, but for what was measured when."""

BenchmarkKey = tuple[str, str, str, int | None]
"""Task, metric, filter and number of shots."""

RANKED = (
    "entry finished score_key value stderr n higher_is_better chance normalised normalised_stderr"
).split()
"""The columns that `read_cells` gives of a cell."""

STANDINGS = {
    "stages": ("suite", "source", "cells", "model", "revision", "protocol", "body"),
    "edges": ("suite", "source", "base_cells", "other_cells", "base", "other", "protocol", "body"),
}
"""suite: digest of the benchmarks; source: as of a cell, so that nobody's word stands for that of
another; cells: of the score keys; body: the standing as JSON."""

_SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS cells ({', '.join(COLUMNS)}, "
    "PRIMARY KEY (score_key, model, protocol, family, source))",
    "CREATE INDEX IF NOT EXISTS by_family ON cells (family)",
    # all that a leaderboard reads of a cell, so that it reads no cell's own, wider line
    "CREATE INDEX IF NOT EXISTS by_benchmark ON cells (benchmark, metric, filter, num_fewshot, "
    f"{', '.join(RANKED)})",
    f"CREATE TABLE IF NOT EXISTS entries ({', '.join(ENTRY)}, PRIMARY KEY (entry, family))",
    "CREATE TABLE IF NOT EXISTS runs (file PRIMARY KEY, size, changed, family, suite, models)",
    "CREATE TABLE IF NOT EXISTS suites (digest, name, benchmarks, run, pulled, "
    "PRIMARY KEY (digest, name, pulled))",
    f"CREATE TABLE IF NOT EXISTS stages ({', '.join(STANDINGS['stages'])}, "
    "PRIMARY KEY (suite, source, cells, protocol))",
    f"CREATE TABLE IF NOT EXISTS edges ({', '.join(STANDINGS['edges'])}, "
    "PRIMARY KEY (suite, source, base_cells, other_cells, protocol))",
    f"PRAGMA user_version = {SHAPE}",
)


class OlderShapeError(sqlite3.DatabaseError):
    """The index has the tables of another version of zoo."""


@dataclass(frozen=True)
class RunLines:
    """What the index holds of one run, beside its cells.

    head: asked for when all cells have been taken. digest, benchmarks: of its suite, as JSON.
    stages, edges: mappings of the columns of STANDINGS.
    """

    head: RunHead
    digest: str
    benchmarks: str
    stages: Sequence[Mapping[str, Any]] = ()
    edges: Sequence[Mapping[str, Any]] = ()


def write_rows(
    path: Path, rows: Iterable[Mapping[str, Any]], runs: Iterable[RunLines] = ()
) -> None:
    """Adds rows, mappings of COLUMNS; one of the same key, model, protocol, family and source is
    replaced.

    runs: whose files are there; asked for when all rows have been taken. Raises OlderShapeError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(path) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        for statement in _SCHEMA:
            database.execute(statement)
        newest: dict[tuple[str, str], Mapping[str, Any]] = {}
        _insert(database, "cells", COLUMNS, _noting(rows, newest))
        _insert(database, "entries", ENTRY, newest.values())
        for run in runs:
            _insert(database, "runs", *_head_row(run.head))
            suite = {
                "digest": run.digest,
                "name": run.head.suite,
                "benchmarks": run.benchmarks,
                "run": run.head.path.name,
                "pulled": run.head.pulled,
            }
            _insert(database, "suites", tuple(suite), [suite])
            _insert(database, "stages", STANDINGS["stages"], run.stages)
            _insert(database, "edges", STANDINGS["edges"], run.edges)


def read_rows(path: Path, only: Mapping[str, str | Sequence[str]]) -> list[dict[str, Any]]:
    """Rows in the order of models and benchmarks; [] where there is no index yet.

    only: what some of the COLUMNS must be, or be one of.
    """
    where, values = _where(only)
    order = "ORDER BY family, model, benchmark, protocol, metric, score_key, source"
    rows = _select(path, f"SELECT {_names(COLUMNS)} FROM cells {where} {order}", values)
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def read_cells(path: Path, benchmarks: Sequence[BenchmarkKey]) -> list[list[tuple[Any, ...]]]:
    """The cells of each benchmark as tuples of RANKED."""
    if not path.is_file():
        return [[] for _ in benchmarks]
    key = "benchmark = ? AND metric = ? AND filter = ? AND num_fewshot IS ?"
    with _opened(path) as database:
        select = f"SELECT {_names(RANKED)} FROM cells WHERE {key}"
        return [database.execute(select, each).fetchall() for each in benchmarks]


def read_entries(path: Path) -> list[dict[str, Any]]:
    """What the cells of each entry and family have in common, mappings of ENTRY."""
    rows = _select(path, f"SELECT {', '.join(ENTRY)} FROM entries")
    return [dict(zip(ENTRY, row, strict=True)) for row in rows]


def read_suites(path: Path) -> list[tuple[str, str, str]]:
    """(digest, name, benchmarks as JSON) of every suite that was run, the newest last.

    What was run here comes after what was pulled, so that nobody else says what a suite of one's
    own is made of.
    """
    return _select(path, "SELECT digest, name, benchmarks FROM suites ORDER BY pulled DESC, run")


def read_measures(path: Path) -> set[tuple[str, str, str, int | None]]:
    """Keys of all benchmarks of which some cell is scored."""
    columns = "benchmark, metric, filter, num_fewshot"
    return {tuple(row) for row in _select(path, f"SELECT DISTINCT {columns} FROM cells")}


def read_standings(path: Path, table: str, suite: str) -> list[dict[str, Any]]:
    """The stages or edges of a suite, by its digest; `body` is read."""
    columns = STANDINGS[table]
    rows = _select(path, f"SELECT {', '.join(columns)} FROM {table} WHERE suite = ?", (suite,))
    return [{**dict(zip(columns, row, strict=True)), "body": json.loads(row[-1])} for row in rows]


def read_heads(path: Path, folder: Path) -> dict[tuple[str, int, int], RunHead]:
    """Heads by the name, size and time that the file of each had; its place is in `folder`."""
    rows = _select(path, "SELECT file, size, changed, family, suite, models FROM runs")
    return {
        (file, size, changed): RunHead(folder / file, family, suite, tuple(json.loads(models)))
        for file, size, changed, family, suite, models in rows
    }


def count_rows(path: Path) -> int:
    """How many cells the index knows."""
    ((found,),) = _select(path, "SELECT COUNT(*) FROM cells")
    return int(found)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
        (shape,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if tables and shape != SHAPE:
            raise OlderShapeError(f"it has shape {shape}, this zoo reads shape {SHAPE}")
        yield database


def _select(path: Path, statement: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """What a statement finds; [] where there is no index yet."""
    if not path.is_file():
        return []
    with _opened(path) as database:
        return database.execute(statement, values).fetchall()


def _names(columns: Sequence[str]) -> str:
    return ", ".join(COLUMNS[COLUMNS.index(name)] for name in columns)


def _where(only: Mapping[str, str | Sequence[str]]) -> tuple[str, list[str]]:
    given = {name: [each] if isinstance(each, str) else list(each) for name, each in only.items()}
    terms = " AND ".join(
        f"{COLUMNS[COLUMNS.index(name)]} IN ({', '.join('?' * len(each))})"
        for name, each in given.items()
    )
    return terms and f"WHERE {terms}", [value for each in given.values() for value in each]


def _noting(
    rows: Iterable[Mapping[str, Any]], newest: dict[tuple[str, str], Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """The rows as they are; fills in the last one of each entry and family."""
    for row in rows:
        if row.get("entry"):
            newest[row["entry"], row["family"]] = row
        yield row


def _insert(
    database: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
) -> None:
    marks = ", ".join("?" * len(columns))
    database.executemany(
        f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})",
        (tuple(row.get(name) for name in columns) for row in rows),
    )


def _head_row(head: RunHead) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    size, changed = stamp(head.path)
    row = {
        "file": head.path.name,
        "size": size,
        "changed": changed,
        "family": head.family,
        "suite": head.suite,
        "models": json.dumps(head.models),
    }
    return tuple(row), [row]
