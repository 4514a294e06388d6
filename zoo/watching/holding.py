"""Keeps the files of a checkpoint while it is evaluated, though the training deletes its folder.

Hard links cost no space while the files are there anyway, and keep only what is evaluated now.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from zoo.errors import ModelError
from zoo.store.atomic import UNFINISHED
from zoo.watching.completeness import PICKLES
from zoo.watching.looking import Look

TEMPLATES = "additional_chat_templates/"


class GoneError(ModelError):
    """A checkpoint went away, or changed, before it could be read."""


@contextmanager
def held(folder: Path, seen: Look, shelf: Path) -> Iterator[Path]:
    """A folder with hard links to all files of a checkpoint that an evaluation reads.

    seen: the checkpoint as it was found complete. shelf: where the folder is made, and removed; so
    is what watches that were killed have left there.
    On a file system that has no hard links, or is another one than the shelf's, the checkpoint's
    own folder. Raises GoneError where it is not what was seen any more.
    """
    place = shelf / f"{UNFINISHED}{secrets.token_hex(8)}"
    place.mkdir(parents=True)
    with _locked(place):
        for other in shelf.glob(f"{UNFINISHED}*"):
            with _locked(other) as free:
                if free:
                    shutil.rmtree(other, ignore_errors=True)
        try:
            yield place if _link(folder, seen, place) else folder
        finally:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether nobody else holds the folder; within, we do. Where nobody can tell, it is held, and
    `zoo store gc` removes what is left for a day."""
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def is_read(name: str) -> bool:
    """Whether an evaluation may read a file of a checkpoint: pickles, optimizers' states among
    them, it never does."""
    if "/" in name:
        return name.startswith(TEMPLATES)
    return not any(fnmatch(name, pattern) for pattern in PICKLES)


def _link(folder: Path, seen: Look, place: Path) -> bool:
    for name in filter(is_read, seen.files):
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link((folder / name).resolve(), target)
            found = target.stat()
        except FileNotFoundError:
            raise GoneError(f"{folder} was deleted before it could be evaluated") from None
        except (OSError, NotImplementedError):
            return False
        if (found.st_size, found.st_mtime_ns, found.st_ino) != seen.files[name]:
            raise GoneError(f"{folder} was written again before it could be evaluated")
    return True
