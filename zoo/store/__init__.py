"""Where answers and scores are kept. Files are the truth; the index can be made again from them.

FORMAT                 the layout's version
responses/<key>/       what a model answered, under the response key
scores/<key>/          how that was scored, under the score key
attempts/<key>/<n>/    answers of cells that are not finished, under the response key
questions/<key>/       what was asked, for people to read
runs/<id>.json         what a run asked for, and the keys it was found under
standings/<id>.json    what the run says of each stage and edge as a whole
index.sqlite           summaries of cells, standings and heads of runs, rebuildable
outbox/<digest>/       what is being published, until it has landed
aside/                 cells that failed their check or were asked again, for a person to look at
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from zoo.errors import StoreError
from zoo.results import RunRecord
from zoo.store import cells, index, runs
from zoo.store.atomic import write_file
from zoo.store.attempts import Attempt, Attempts
from zoo.store.index import RunLines
from zoo.store.runs import RunHead
from zoo.store.verifying import find_damage

logger = logging.getLogger("zoo")

T = TypeVar("T")

Stored = tuple[Mapping[str, Sequence[Any]], Mapping[str, Any]]
"""Columns and summary of a cell."""

Unkept = tuple[str, Mapping[str, Sequence[Any]], Mapping[str, Any]]
"""Key, columns and summary of a cell that is to be kept."""

WRITERS = 8
"""Cells that are finished at once: each waits for the disk most of the time."""

RESPONSES = "responses"
SCORES = "scores"
QUESTIONS = "questions"
KINDS = (RESPONSES, SCORES, QUESTIONS)


class DamagedIndexError(StoreError):
    """The index is no database any more, or another zoo's; it can be made again."""


@dataclass(frozen=True)
class Store:
    """A folder of results.

    root: the folder; it is made when something is first written.
    """

    root: Path

    def check(self) -> None:
        """Raises StoreError where the folder is a store of another format."""
        mark = self.root / "FORMAT"
        if not mark.is_file():
            return
        found = mark.read_text(encoding="utf-8").strip()
        if found != str(cells.FORMAT):
            raise StoreError(
                f"{self.root} is a store of format {found}, this zoo reads format {cells.FORMAT}; "
                "name another folder with --store"
            )

    def put(
        self, kind: str, key: str, columns: Mapping[str, Sequence[Any]], summary: Mapping[str, Any]
    ) -> Stored:
        """Finalises a cell of `kind` (one of KINDS); returns what now stands there.

        That is another writer's cell where one was first. The attempts that led to it are removed
        once it is on the disk. Raises StoreError where it cannot be written.
        """
        self._mark()
        found: Stored | None = None
        while found is None:
            if cells.write_cell(self.root, kind, key, columns, summary):
                found = columns, summary
            else:
                found = self.get_or_set_aside(kind, key)
        if kind == RESPONSES:
            self.attempts.remove(key)
        return found

    def put_all(self, kind: str, cells: Iterable[Unkept]) -> dict[str, Stored]:
        """As `put`, of several cells at once; what now stands there, by key.

        Where one cannot be written StoreError is raised when the others are.
        """
        with ThreadPoolExecutor(WRITERS) as writers:
            waiting = {
                key: writers.submit(self.put, kind, key, columns, summary)
                for key, columns, summary in cells
            }
            return {key: each.result() for key, each in waiting.items()}

    def get(self, kind: str, key: str) -> Stored | None:
        """Columns and summary of a cell, every byte checked; None where there is none.

        Raises StoreError where what lies there is not what was written.
        """
        return cells.read_cell(self.root, kind, key)

    def summary(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """As `get`, of the summary alone: the rows are neither read nor checked."""
        return cells.read_summary(self.root, kind, key)

    def get_or_set_aside(self, kind: str, key: str) -> Stored | None:
        """As `get`, but a damaged cell is set aside, named in the log, and counts as absent."""
        try:
            return self.get(kind, key)
        except StoreError as problem:
            logger.warning("%s; it is set aside and made again", problem)
            self.set_aside(kind, key)
            return None

    def set_aside(self, kind: str, key: str) -> None:
        """Moves a cell, if there is one, to `aside/`: it is made again, and nothing is deleted."""
        cells.set_aside(self.root, kind, key)

    def keys(self, kind: str) -> Iterator[str]:
        """Keys of all finished cells of a kind."""
        for folder in sorted((self.root / kind).glob("??")):
            yield from cells.keys_in(folder)

    @cached_property
    def attempts(self) -> Attempts:
        """Answers of cells that are not finished."""
        return Attempts(self.root)

    def claim(self, key: str, expected: int, *, fresh: bool = False) -> Attempt | None:
        """An attempt at a cell of responses, or None where another process holds it.

        As `Attempts.claim`. Whoever has it looks first whether the cell has been finished since.
        """
        self._mark()
        return self.attempts.claim(key, expected, fresh=fresh)

    def verify(self) -> list[str]:
        """One sentence for each cell, journal or run record that is not what was written."""
        return list(find_damage(self.root, KINDS, self.attempts))

    def add_run(self, record: RunRecord) -> Path:
        """Writes a run record; returns its file. Raises StoreError where it cannot be written."""
        return self.add_runs([record])[0]

    def add_runs(self, records: Iterable[RunRecord]) -> list[Path]:
        """As `add_run`, of several at once; their files in the same order."""
        return self._write_all(
            (runs.run_file(self.root, record.id), runs.spell_run(record)) for record in records
        )

    def add_standing(self, run: str, standing: Mapping[str, Any]) -> Path:
        """Writes what a run says as a whole, as plain JSON; returns its file. Raises StoreError."""
        return self.add_standings([(run, standing)])[0]

    def add_standings(self, standings: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Path]:
        """As `add_standing`, of several runs at once, by id; their files in the same order."""
        return self._write_all(
            (runs.standing_file(self.root, run), runs.spell_standing(standing))
            for run, standing in standings
        )

    def remove_standings(self, runs_: Iterable[str]) -> None:
        """Removes the standings of runs, by id, where there are any. Raises StoreError."""
        _remove(runs.standing_file(self.root, run) for run in runs_)

    def remove_runs(self, heads: Iterable[RunHead]) -> None:
        """Removes the records of runs, and their standings; the index still knows them.

        Raises StoreError.
        """
        for head in heads:
            _remove([head.path, runs.standing_file(self.root, head.id)])

    def standing(self, run: str) -> dict[str, Any] | None:
        """The standing of a run, by the id of its record; None where there is none.

        One that cannot be read is named in the log and counts as absent.
        """
        path = runs.standing_file(self.root, run)
        if not path.is_file():
            return None
        return next(_passing_over(runs.read_standing, [path]), None)

    def runs(self) -> list[Path]:
        """Files of all run records, oldest first."""
        return runs.run_files(self.root)

    def read_run(self, path: Path) -> RunRecord:
        """A run record; StoreError unless every byte is as it was written."""
        return runs.read_run(path)

    def heads(self) -> list[RunHead]:
        """Heads of all runs, newest first: from the index, else from a record that can be read.

        One that cannot is named in the log.
        """
        try:
            known = index.read_heads(self._index, self.root / runs.RUNS)
        except sqlite3.DatabaseError as problem:
            logger.debug("%s", _unusable(problem))
            known = {}
        return list(_passing_over(lambda path: _head(path, known), reversed(self.runs())))

    def records(self, heads: Iterable[RunHead] | None = None) -> Iterator[RunRecord]:
        """The run records of these heads, or of all, newest first, each read when it is asked for.

        One that cannot be read is named in the log and passed over.
        """
        paths = reversed(self.runs()) if heads is None else (head.path for head in heads)
        return _passing_over(runs.read_run, paths)

    def index_rows(self, rows: Iterable[Mapping[str, Any]], runs: Iterable[RunLines] = ()) -> None:
        """Adds scored cells, and what is known of runs, to the index.

        Raises DamagedIndexError, or StoreError where it is sound and cannot be written: locked by
        another run, on a full disk.
        """
        self._mark()
        try:
            index.write_rows(self._index, rows, runs)
        except sqlite3.DatabaseError as problem:
            raise _unusable(problem) from None

    def replace_index(
        self, rows: Iterable[Mapping[str, Any]], runs: Iterable[RunLines] = ()
    ) -> int:
        """Makes the index of these alone; returns how many cells it then knows.

        runs: as they are when all rows have been taken.
        """
        for path in self.root.glob("index.sqlite*"):
            path.unlink()
        self.index_rows(rows, runs)
        return self.from_index(index.count_rows)

    def indexed(self, **only: str | Sequence[str]) -> list[dict[str, Any]]:
        """Scored cells the index knows; StoreError where it cannot be read.

        only: what a column of the index must be, or be one of, such as family="nano".
        """
        return self.from_index(lambda path: index.read_rows(path, only))

    def from_index(self, read: Callable[[Path], T]) -> T:
        """What one of the readers of `zoo.store.index` finds.

        Raises DamagedIndexError, or StoreError where it is sound and cannot be read.
        """
        try:
            return read(self._index)
        except sqlite3.DatabaseError as problem:
            raise _unusable(problem) from None

    @property
    def _index(self) -> Path:
        return self.root / "index.sqlite"

    def _write_all(self, files: Iterable[tuple[Path, bytes]]) -> list[Path]:
        """Writes files, several at once; what is to be written is asked for as it is needed."""
        self._mark()

        def write(file: tuple[Path, bytes]) -> Path:
            _write(*file)
            return file[0]

        with ThreadPoolExecutor(WRITERS) as writers:
            return list(writers.map(write, files))

    def _mark(self) -> None:
        """Writes the format's version once; a store of another format is refused."""
        mark = self.root / "FORMAT"
        if mark.is_file():
            self.check()
        else:
            _write(mark, f"{cells.FORMAT}\n".encode())


def _unusable(problem: sqlite3.DatabaseError) -> StoreError:
    """What sqlite says of the index; an error that carries no code came before sqlite was asked."""
    if isinstance(problem, index.OlderShapeError):
        said = "the index is of another version of zoo; `zoo store rebuild` makes it again"
        return DamagedIndexError(said)
    # the low byte is the code, the rest of it says more closely what happened
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    kind = DamagedIndexError if damaged else StoreError
    return kind(f"the index cannot be used ({problem}); `zoo store rebuild` makes it again")


def _head(path: Path, known: Mapping[tuple[str, int, int], RunHead]) -> RunHead:
    try:
        found = known.get((path.name, *runs.stamp(path)))
    except OSError:
        found = None  # what is the matter is said when it is read
    return found or runs.head_of(path, runs.read_table(path))


def _passing_over(read: Callable[[Path], T], paths: Iterable[Path]) -> Iterator[T]:
    for path in paths:
        try:
            yield read(path)
        except StoreError as problem:
            logger.warning("%s; it is passed over", problem)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as problem:
            raise StoreError(f"{path} cannot be removed: {problem.strerror}") from problem


def _write(path: Path, data: bytes) -> None:
    try:
        write_file(path, data)
    except OSError as problem:
        raise StoreError(f"{path} cannot be written: {problem.strerror}") from problem
