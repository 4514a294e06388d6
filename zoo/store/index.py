"""A database of scored cells' summaries and of runs' heads: made again from the files at any time.

Only the driver of a run writes it, on a local disk, with sqlite's write-ahead log.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from zoo.store.runs import RunHead, stamp

PATIENCE = 30
"""Seconds to wait for another process that writes the index."""

COLUMNS = (
    "score_key",
    "response_key",
    "family",
    "model",
    "revision",
    "regime",
    "benchmark",
    "metric",
    "filter",
    "num_fewshot",
    "protocol",
    "axis",
    "capability",
    "limit_n",
    "value",
    "stderr",
    "n",
    "dtype",
    "loader",
    "finished",
)


_SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS cells ({', '.join(COLUMNS)}, "
    "PRIMARY KEY (score_key, model, protocol))",
    "CREATE INDEX IF NOT EXISTS by_family ON cells (family)",
    "CREATE INDEX IF NOT EXISTS by_benchmark ON cells (benchmark, metric)",
    "CREATE TABLE IF NOT EXISTS runs (file PRIMARY KEY, size, changed, family, suite, models)",
)


def write_rows(
    path: Path, rows: Iterable[Mapping[str, Any]], heads: Iterable[RunHead] = ()
) -> None:
    """Adds rows, mappings of COLUMNS; one of the same key, model and protocol is replaced.

    heads: of runs whose files are there; asked for when all rows have been taken.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        for statement in _SCHEMA:
            database.execute(statement)
        marks = ", ".join("?" * len(COLUMNS))
        database.executemany(
            f"INSERT OR REPLACE INTO cells VALUES ({marks})",
            (tuple(row.get(name) for name in COLUMNS) for row in rows),
        )
        database.executemany(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)",
            (
                (each.path.name, *stamp(each.path), each.family, each.suite, _spell(each.models))
                for each in heads
            ),
        )


def read_rows(path: Path, only: Mapping[str, str | Sequence[str]]) -> list[dict[str, Any]]:
    """Rows in the order of models and benchmarks; [] where there is no index yet.

    only: what some of the COLUMNS must be, or be one of.
    """
    if not path.is_file():
        return []
    given = {name: [each] if isinstance(each, str) else list(each) for name, each in only.items()}
    where = " AND ".join(
        f"{COLUMNS[COLUMNS.index(name)]} IN ({', '.join('?' * len(each))})"
        for name, each in given.items()
    )
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
        rows = database.execute(
            f"SELECT {', '.join(COLUMNS)} FROM cells {where and f'WHERE {where}'} "
            "ORDER BY family, model, benchmark, protocol, metric, score_key",
            [value for each in given.values() for value in each],
        )
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def read_heads(path: Path, folder: Path) -> dict[tuple[str, int, int], RunHead]:
    """Heads by the name, size and time that the file of each had; its place is in `folder`."""
    if not path.is_file():
        return {}
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone():
            return {}  # an index of before there were heads in it
        rows = database.execute("SELECT file, size, changed, family, suite, models FROM runs")
        return {
            (file, size, changed): RunHead(folder / file, family, suite, tuple(json.loads(models)))
            for file, size, changed, family, suite, models in rows
        }


def count_rows(path: Path) -> int:
    """How many cells the index knows."""
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
        (found,) = database.execute("SELECT COUNT(*) FROM cells").fetchone()
        return int(found)


def _spell(models: Sequence[str]) -> str:
    return json.dumps(models)
