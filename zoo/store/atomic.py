"""Files that appear whole or not at all, also across a crash of the machine."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path


def write_file(path: Path, data: bytes) -> None:
    """Writes a file: temporary name, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = _fresh(path.parent)
    try:
        _write(fresh, data)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> bool:
    """Makes the folder `path` with these files, all or none; returns whether it was made.

    A folder that stands already is kept: the first of two writers wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = _fresh(path.parent)
    fresh.mkdir()
    try:
        for name, data in files.items():
            _write(fresh / name, data)
        _sync_folder(fresh)
        try:
            fresh.rename(path)
        except OSError:
            if not path.is_dir():
                raise
            return False
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    _sync_folder(path.parent)
    return True


def _fresh(folder: Path) -> Path:
    """A name that nobody else uses and that no listing takes for a finished cell."""
    return folder / f".new-{secrets.token_hex(8)}"


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
