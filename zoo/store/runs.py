"""Run records: what each run asked for, how it came out, and which somebody has to read.

    runs/<id>.json         a sealed record, written once
    standings/<id>.json    sealed too: what the run says of each stage and edge as a whole

To find the runs of a family among many, their heads suffice. The index knows them; a head that it
does not know, or whose file has another size or time than it says, is read from the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import StoreError
from zoo.results import RunRecord
from zoo.store.cells import FORMAT
from zoo.store.sealed import seal, unseal
from zoo.structuring import plain, read

RUNS = "runs"
STANDINGS = "standings"


@dataclass(frozen=True)
class RunHead:
    """What tells whether a run is the one that is looked for. models: ids, each once."""

    path: Path
    family: str
    suite: str
    models: tuple[str, ...]

    @property
    def id(self) -> str:
        """The run's id; it begins with the time at which it ended."""
        return self.path.stem

    @property
    def pulled(self) -> bool:
        """Whether somebody else made the run; its id then says whose it is, behind an @."""
        return "@" in self.id


def run_file(root: Path, id: str) -> Path:
    """Where the record of a run lies."""
    return root / RUNS / f"{id}.json"


def run_files(root: Path) -> list[Path]:
    """Files of all run records, oldest first: their names begin with the time."""
    return sorted((root / RUNS).glob("*.json"))


def spell_run(record: RunRecord) -> bytes:
    """A record as its file holds it."""
    return seal({"format": FORMAT, "run": plain(record)})


def read_run(path: Path) -> RunRecord:
    """A run record; StoreError unless every byte is as it was written."""
    table = read_table(path)
    try:
        return read(RunRecord, table, path.name)
    except Exception as problem:
        raise _unreadable(path, problem) from None


def read_table(path: Path) -> dict[str, Any]:
    """A run record as plain JSON; StoreError unless every byte is as it was written."""
    return _unsealed(path, "run", "run record")


def standing_file(root: Path, id: str) -> Path:
    """Where the standing of a run lies."""
    return root / STANDINGS / f"{id}.json"


def standing_files(root: Path) -> list[Path]:
    """Files of all standings, oldest first."""
    return sorted((root / STANDINGS).glob("*.json"))


def spell_standing(standing: Mapping[str, Any]) -> bytes:
    """A standing as its file holds it."""
    return seal({"format": FORMAT, "standing": standing})


def read_standing(path: Path) -> dict[str, Any]:
    """A standing as plain JSON; StoreError unless every byte is as it was written."""
    return _unsealed(path, "standing", "standing")


def head_of(path: Path, table: Mapping[str, Any]) -> RunHead:
    """The head of a run record as plain JSON, which lies in that file."""
    models = dict.fromkeys(cell["spec"]["model"]["id"] for cell in table["cells"])
    return RunHead(path, table["family"], str(table["suite"].get("name", "")), tuple(models))


def stamp(path: Path) -> tuple[int, int]:
    """Size and time of change of a file, by which the index knows it again."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _unsealed(path: Path, name: str, called: str) -> dict[str, Any]:
    try:
        table = unseal(path.read_bytes())
        if table["format"] != FORMAT:
            raise ValueError("it is of another format")
        found: dict[str, Any] = table[name]
        return found
    except Exception as problem:
        raise _unreadable(path, problem, called) from None


def _unreadable(path: Path, problem: Exception, called: str = "run record") -> StoreError:
    return StoreError(f"the {called} {path} cannot be read: {problem}")
