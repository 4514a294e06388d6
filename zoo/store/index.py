"""A database of the scored cells' summaries: an index, made again from the cells at any time.

Only the driver of a run writes it, on a local disk, with sqlite's write-ahead log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

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


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Adds rows, mappings of COLUMNS; one of the same key, model and protocol is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            f"CREATE TABLE IF NOT EXISTS cells ({', '.join(COLUMNS)}, "
            "PRIMARY KEY (score_key, model, protocol))"
        )
        marks = ", ".join("?" * len(COLUMNS))
        database.executemany(
            f"INSERT OR REPLACE INTO cells VALUES ({marks})",
            [tuple(row.get(name) for name in COLUMNS) for row in rows],
        )


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Every row, in the order of models and benchmarks; [] where there is no index yet."""
    if not path.is_file():
        return []
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute(
            "SELECT * FROM cells ORDER BY family, model, benchmark, protocol, metric, score_key"
        )
        return [dict(row) for row in rows]
