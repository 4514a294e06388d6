"""Files that appear whole or not at all, also across a crash of the machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

UNFINISHED = ".new-"
"""How names of what is being written, or removed, begin; a process that is killed leaves some."""


def write_file(path: Path, data: bytes) -> None:
    """Writes a file: temporary name, fsync, rename, fsync of the folder."""
    make_folder(path.parent)
    fresh = _fresh(path.parent)
    try:
        _write(fresh, data)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> bool:
    """Makes the folder `path` with these files, all or none; returns whether it was made.

    A folder that stands already is kept: the first of two writers wins.
    """
    made = _make(path.parent)
    fresh = _fresh(path.parent)
    fresh.mkdir()
    try:
        with contextlib.ExitStack() as held:
            handles = []
            for name, data in files.items():
                file = held.enter_context((fresh / name).open("xb"))
                file.write(data)
                file.flush()
                handles.append(file.fileno())
            for folder in (fresh, *(each.parent for each in made)):
                handles.append(os.open(folder, os.O_RDONLY))
                held.callback(os.close, handles[-1])
            _sync(handles)
        try:
            fresh.rename(path)
        except OSError:
            if not path.is_dir():
                raise
            first = False
        else:
            first = True
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    # also where another was first: it may not have come this far, and its folder is relied upon
    sync_folder(path.parent)
    return first


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, where they are missing, so that they survive a crash."""
    for each in _make(path):
        sync_folder(each.parent)


def _make(path: Path) -> list[Path]:
    """The folders that were missing and are made, from above; their parents are to be synced."""
    missing = [path, *path.parents]
    missing = missing[: next(i for i, each in enumerate(missing) if each.is_dir())][::-1]
    for each in missing:
        each.mkdir(exist_ok=True)
    return missing


def _sync(handles: Sequence[int]) -> None:
    """Makes files and folders survive a crash of the machine, all at once: what is asked for
    together a file system writes down together."""
    problems: list[OSError] = []

    def sync(handle: int) -> None:
        try:
            os.fsync(handle)
        except OSError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=sync, args=(handle,)) for handle in handles[1:]]
    for thread in threads:
        thread.start()
    sync(handles[0])
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def _fresh(folder: Path) -> Path:
    """A name that nobody else uses and that no listing takes for a finished cell."""
    return folder / f"{UNFINISHED}{secrets.token_hex(8)}"


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A name beside `path` for what is to become it; what is still there at the end is removed."""
    fresh = _fresh(path.absolute().parent)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.unlink(missing_ok=True)


def sync_file(file: IO[bytes]) -> None:
    """Makes what was written to a file survive a crash of the machine."""
    file.flush()
    os.fsync(file.fileno())


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        sync_file(file)


def remove(path: Path) -> None:
    """Removes a folder, if it is there: it is gone at once, or not at all, for whoever reads."""
    fresh = _fresh(path.parent)
    try:
        path.rename(fresh)
    except FileNotFoundError:
        return
    shutil.rmtree(fresh, ignore_errors=True)


def sync_folder(path: Path) -> None:
    """Makes the names in a folder survive a crash of the machine."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
