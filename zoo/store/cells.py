"""One finished cell on disk: a table and a manifest, read back only if every byte is right.

    <kind>/<key[:2]>/<key>/table.parquet    the rows
    <kind>/<key[:2]>/<key>/cell.json        what they are: format, key, n, sha256 of the table

A key says what the content is, so a folder is written once and never changed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import StoreError
from zoo.store.atomic import write_folder
from zoo.store.sealed import seal, sha256, unseal

FORMAT = 1
"""Version of the store's layout; another version is refused, never guessed at."""

TABLE = "table.parquet"
MANIFEST = "cell.json"


def cell_folder(root: Path, kind: str, key: str) -> Path:
    """Where the cell of this kind and key lies; the name is a hash and nothing else."""
    return root.joinpath(kind, key[:2], key)


def keys_in(folder: Path) -> list[str]:
    """Keys of the finished cells in one of a kind's folders, in order."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())


def write_cell(
    root: Path,
    kind: str,
    key: str,
    columns: Mapping[str, Sequence[Any]],
    summary: Mapping[str, Any],
) -> bool:
    """Finalises a cell; returns False where another writer was first and this one is not kept.

    columns: equally long; summary: JSON values, kept beside the rows.
    Raises StoreError where it cannot be written, with what it needs.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.array(list(values)) for name, values in columns.items()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    data = buffer.getvalue()
    manifest = seal(
        {
            "format": FORMAT,
            "kind": kind,
            "key": key,
            "n": table.num_rows,
            "sha256": sha256(data),
            "summary": dict(summary),
        }
    )
    folder = cell_folder(root, kind, key)
    try:
        return write_folder(folder, {TABLE: data, MANIFEST: manifest})
    except OSError as problem:
        raise StoreError(
            f"a cell of {len(data) + len(manifest)} bytes cannot be written to {root}: "
            f"{problem.strerror}; make room and run again, what is finished is kept"
        ) from problem


def read_cell(
    root: Path, kind: str, key: str
) -> tuple[dict[str, list[Any]], dict[str, Any]] | None:
    """Columns and summary of a cell, or None where there is no such cell.

    Raises StoreError unless every byte is as it was written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if (found := read_files(root, kind, key)) is None:
        return None
    table, manifest = found
    # read_table would scan with threads of its own, and one that still waits for Python when the
    # command ends aborts it (apache/arrow#45214)
    columns = pq.ParquetFile(pa.BufferReader(table)).read(use_threads=False)
    read = {name: _values(columns.column(name)) for name in columns.column_names}
    return read, unseal(manifest)["summary"]


def _values(column: Any) -> list[Any]:
    """A column as Python values; by way of numpy, which is faster, where that gives the same."""
    import pyarrow.types as kinds

    kind = column.type
    if column.null_count == len(column):
        return [None] * len(column)
    if kinds.is_string(kind) or (kinds.is_primitive(kind) and not column.null_count):
        values: list[Any] = column.to_numpy().tolist()
        return values
    return list(column.to_pylist())


def read_summary(root: Path, kind: str, key: str) -> dict[str, Any] | None:
    """A cell's summary alone, checked without its rows, which are not read."""
    found = _manifest(cell_folder(root, kind, key), kind, key)
    return None if found is None else found[1]["summary"]


def read_files(root: Path, kind: str, key: str) -> tuple[bytes, bytes] | None:
    """A cell's two files, table and manifest, as `read_cell` checks them."""
    folder = cell_folder(root, kind, key)
    if (found := _manifest(folder, kind, key)) is None:
        return None
    sealed, manifest = found
    path = folder / TABLE
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise StoreError(f"{path} cannot be read: {problem.strerror}") from None
    if sha256(data) != manifest["sha256"]:
        raise StoreError(f"{path} is not what was written (its sha256 differs)")
    return data, sealed


def _manifest(folder: Path, kind: str, key: str) -> tuple[bytes, dict[str, Any]] | None:
    """The manifest, as bytes and read; None where there is no such cell."""
    path = folder / MANIFEST
    try:
        sealed = path.read_bytes()
        manifest = unseal(sealed)
    except (OSError, ValueError) as problem:
        if not folder.is_dir():
            return None
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise StoreError(f"{path} cannot be read: {reason}") from None
    if manifest["format"] != FORMAT:
        raise StoreError(f"{folder} is of format {manifest['format']}, not {FORMAT}")
    if (manifest["kind"], manifest["key"]) != (kind, key):
        raise StoreError(f"{folder} holds another cell")
    return sealed, manifest


def set_aside(root: Path, kind: str, key: str) -> None:
    """Moves a cell, if there is one, out of the way, so that it can be made again."""
    folder = cell_folder(root, kind, key)
    attic = root / "aside"
    number = 0
    while folder.is_dir():
        attic.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(attic / f"{kind}-{key}-{number}")
        except FileNotFoundError:
            return  # another process was first
        except OSError:
            if not (attic / f"{kind}-{key}-{number}").exists():
                raise
            number += 1
