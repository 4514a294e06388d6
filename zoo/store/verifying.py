"""Reads every byte of a store and says what is not as it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from zoo.errors import StoreError
from zoo.store.attempts import Attempts
from zoo.store.cells import keys_in, read_files
from zoo.store.runs import read_run, read_standing, run_files, standing_files

T = TypeVar("T")

READERS = 8
"""Threads: a disk answers several at once, and hashing lets others run."""


def find_damage(root: Path, kinds: Iterable[str], attempts: Attempts) -> Iterator[str]:
    """One sentence for each cell, journal, run record or standing that is not what was written."""
    folders = [(kind, folder) for kind in kinds for folder in sorted((root / kind).glob("??"))]

    def of_cells(place: tuple[str, Path]) -> list[str]:
        kind, folder = place
        return _said(lambda key: read_files(root, kind, key), keys_in(folder))

    with ThreadPoolExecutor(READERS) as readers:
        for found in readers.map(of_cells, folders):
            yield from found
    for key in attempts.cells():
        yield from attempts.problems(key)
    yield from _said(read_run, run_files(root))
    yield from _said(read_standing, standing_files(root))


def _said(read: Callable[[T], object], places: Iterable[T]) -> list[str]:
    """What is said of those that cannot be read."""
    found = []
    for each in places:
        try:
            read(each)
        except StoreError as problem:
            found.append(str(problem))
    return found
