"""What lies in a store and serves nobody: found first, removed only when somebody says so."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import StoreError
from zoo.store import KINDS, QUESTIONS, RESPONSES, SCORES, Store, atomic
from zoo.store.attempts import JOURNAL, attempts_folder
from zoo.store.cells import cell_folder

DAY = 24 * 3600
UNFINISHED_AGE = DAY
"""Seconds after which what was being written has no writer any more."""

UNREFERENCED_AGE = 7 * DAY
"""Seconds for which a cell that no run record names is kept: a run names its cells at its end."""


@dataclass(frozen=True)
class Waste:
    """Something to remove. kind: attempts, unfinished or one of KINDS. bytes: of its files."""

    path: Path
    kind: str
    bytes: int
    reason: str


def find_waste(store: Store) -> list[Waste]:
    """Attempts at finished cells, attempts that hold nothing, and what was left half written.

    What somebody is at work on, and every answer of a cell that is not finished, is no waste.
    """
    found = []
    for key in store.attempts.cells():
        folder = attempts_folder(store.root, key)
        if store.attempts.held(key):
            continue
        if cell_folder(store.root, RESPONSES, key).is_dir():
            found.append(_waste(folder, "attempts", "their cell is finished"))
        elif not any(each.stat().st_size for each in folder.glob(f"*/{JOURNAL}")):
            found.append(_waste(folder, "attempts", "they hold no answer"))
    for path in sorted(store.root.rglob(f"{atomic.UNFINISHED}*")):
        if _age(path) > UNFINISHED_AGE:
            found.append(_waste(path, "unfinished", "its writer was ended"))
    return found


def find_unreferenced(store: Store) -> list[Waste]:
    """Cells, and attempts that nobody took up, that no run record names and that are a week old.

    Raises StoreError where that cannot be known: a run record is damaged, or a run is at work,
    which will name its cells when it is done.
    """
    named: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for path in store.runs():
        for cell in store.read_run(path).cells:
            named[RESPONSES].add(cell.response_key)
            named[SCORES].add(cell.score_key)
            named[QUESTIONS].add(cell.questions)
    if busy := [key for key in store.attempts.cells() if store.attempts.held(key)]:
        raise StoreError(
            f"a run is at work in {store.root} (on {len(busy)} cells), and names what it uses when "
            "it is done; look for what is unreferenced then"
        )
    found = []
    for kind, keys in named.items():
        folders = (cell_folder(store.root, kind, key) for key in store.keys(kind))
        found += _old(folders, keys, kind, "no run record names it")
    unfinished = (
        attempts_folder(store.root, key)
        for key in store.attempts.cells()
        if not cell_folder(store.root, RESPONSES, key).is_dir()
    )
    return found + _old(unfinished, (), "attempts", "no run has taken them up for a week")


def clear(found: Iterable[Waste]) -> None:
    """Removes what was found. Raises StoreError where that cannot be done."""
    for waste in found:
        try:
            if waste.path.is_dir():
                atomic.remove(waste.path)
            else:
                waste.path.unlink(missing_ok=True)
        except OSError as problem:
            raise StoreError(f"{waste.path} cannot be removed: {problem.strerror}") from problem


def _old(folders: Iterable[Path], named: Collection[str], kind: str, reason: str) -> list[Waste]:
    return [
        _waste(folder, kind, reason)
        for folder in folders
        if folder.name not in named and _age(folder) > UNREFERENCED_AGE
    ]


def _waste(path: Path, kind: str, reason: str) -> Waste:
    files = [path, *path.rglob("*")]
    return Waste(path, kind, sum(f.stat().st_size for f in files if f.is_file()), reason)


def _age(path: Path) -> float:
    """Seconds since anything in it was last written."""
    times = [each.stat().st_mtime for each in (path, *path.rglob("*")) if each.name != "lease"]
    return time.time() - max(times)
