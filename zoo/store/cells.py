"""One finished cell on disk: a table and a manifest, read back only if every byte is right.

    <kind>/<key[:2]>/<key>/table.parquet    the rows
    <kind>/<key[:2]>/<key>/cell.json        what they are: format, key, n, sha256 of the table

A key says what the content is, so a folder is written once and never changed.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import StoreError
from zoo.store.atomic import sha256, write_folder

FORMAT = 1
"""Version of the store's layout; another version is refused, never guessed at."""

TABLE = "table.parquet"
MANIFEST = "cell.json"


def cell_folder(root: Path, kind: str, key: str) -> Path:
    """Where the cell of this kind and key lies; the name is a hash and nothing else."""
    return root / kind / key[:2] / key


def write_cell(
    root: Path,
    kind: str,
    key: str,
    columns: Mapping[str, Sequence[Any]],
    summary: Mapping[str, Any],
) -> None:
    """Finalises a cell. columns: equally long; summary: JSON values, kept beside the rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.array(list(values)) for name, values in columns.items()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    data = buffer.getvalue()
    manifest = {
        "format": FORMAT,
        "kind": kind,
        "key": key,
        "n": table.num_rows,
        "sha256": {TABLE: sha256(data)},
        "summary": dict(summary),
    }
    body = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True).encode()
    write_folder(cell_folder(root, kind, key), {TABLE: data, MANIFEST: body})


def read_summary(root: Path, kind: str, key: str) -> dict[str, Any] | None:
    """The summary of a cell, or None where there is no such cell.

    Raises StoreError where the manifest is torn, of another format or of another cell.
    """
    return None if (manifest := _manifest(root, kind, key)) is None else manifest["summary"]


def read_cell(
    root: Path, kind: str, key: str
) -> tuple[dict[str, list[Any]], dict[str, Any]] | None:
    """Columns and summary of a cell, or None where there is no such cell.

    Raises StoreError unless the table's bytes are those that were written.
    """
    import pyarrow.parquet as pq

    manifest = _manifest(root, kind, key)
    if manifest is None:
        return None
    folder = cell_folder(root, kind, key)
    try:
        data = (folder / TABLE).read_bytes()
    except OSError as problem:
        raise StoreError(f"{folder / TABLE} cannot be read: {problem.strerror}") from None
    if sha256(data) != manifest["sha256"].get(TABLE):
        raise StoreError(f"{folder / TABLE} is not what was written (its sha256 differs)")
    table = pq.read_table(io.BytesIO(data))
    if table.num_rows != manifest["n"]:
        raise StoreError(f"{folder / TABLE} has {table.num_rows} rows, not {manifest['n']}")
    return table.to_pydict(), manifest["summary"]


def set_aside(root: Path, kind: str, key: str) -> None:
    """Moves a cell, if there is one, out of the way, so that it can be made again."""
    folder = cell_folder(root, kind, key)
    attic = root / "aside"
    attic.mkdir(parents=True, exist_ok=True)
    number = 0
    while (target := attic / f"{kind}-{key}-{number}").exists():
        number += 1
    with contextlib.suppress(FileNotFoundError):
        folder.rename(target)


def _manifest(root: Path, kind: str, key: str) -> dict[str, Any] | None:
    path = cell_folder(root, kind, key) / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        if path.parent.is_dir():
            raise StoreError(f"{path} is missing") from None
        return None
    except (OSError, ValueError) as problem:
        raise StoreError(f"{path} cannot be read: {problem}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise StoreError(f"{path} is not of the store's format {FORMAT}")
    if (manifest.get("kind"), manifest.get("key")) != (kind, key):
        raise StoreError(f"{path} belongs to another cell")
    return manifest
