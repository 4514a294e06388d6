"""What lies in a file, read once: JSON, or a table of rows, with the hash of its bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError

LARGEST = 1 << 30
"""Bytes of a file that is read; a results file of thousands of tasks has some megabytes."""


class FormatError(Exception):
    """Why a file that is of some format cannot be taken; says nothing of where it lies."""


@dataclass(frozen=True)
class Source:
    """A file. content: its JSON, or the rows of a table as a list of mappings."""

    path: Path
    sha256: str
    content: Any


def open_source(path: Path) -> Source:
    """A file's content. Raises ConfigError where it cannot be read or is not what its name says."""
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path} is larger than {LARGEST >> 20} MiB; import its parts")
        data = path.read_bytes()
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror}") from None
    suffix = path.suffix.lower()
    try:
        content = KINDS.get(suffix, _json)(data)
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply") from None
    except (ValueError, OSError, csv.Error) as problem:
        kind = suffix.removeprefix(".").upper() if suffix in KINDS else "JSON"
        raise ConfigError(f"{path} is no {kind}: {problem}") from None
    return Source(path, hashlib.sha256(data).hexdigest(), content)


def _json(data: bytes) -> Any:
    """What is spelled there; half a surrogate, which cannot be written again, becomes a `?`."""
    found = json.loads(data)
    return _writable(found) if b"\\ud" in data.lower() else found


def _writable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_writable(name): _writable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_writable(each) for each in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _parquet(data: bytes) -> list[dict[str, Any]]:
    """The rows; pyarrow's errors are ValueErrors and OSErrors."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


def _csv(data: bytes) -> list[dict[str, Any]]:
    """The rows; every value is text."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


KINDS: dict[str, Callable[[bytes], Any]] = {".json": _json, ".parquet": _parquet, ".csv": _csv}
"""How a file is read, by the end of its name."""
