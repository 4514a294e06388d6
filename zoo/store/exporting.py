"""Run records and their cells, checked byte by byte and copied: what comes of it is a store too."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import StoreError
from zoo.store import KINDS, QUESTIONS, RESPONSES, SCORES, Store, atomic
from zoo.store.cells import FORMAT, MANIFEST, TABLE, read_files
from zoo.store.runs import STANDINGS, standing_file

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Every member's time, so that the same cells make the same archive."""


@dataclass(frozen=True)
class Exported:
    """What was written. problems: one sentence for each cell that is named and was left out."""

    path: Path
    runs: int
    responses: int
    scores: int
    bytes: int
    problems: tuple[str, ...]


def export(store: Store, runs: Sequence[Path], output: Path) -> Exported:
    """Writes run records (files of the store) and the cells that they name.

    output: a .zip file, which is replaced, or a folder, which must not be there yet. Raises
    StoreError where it cannot be written; then nothing is left of it.
    """
    if not _is_zip(output) and output.exists():
        raise StoreError(f"{output} is there already; name a new folder or a .zip file")
    members = _Members(store, runs)
    try:
        atomic.make_folder(output.absolute().parent)
        with atomic.unfinished(output) as fresh:
            size = _zip(fresh, members) if _is_zip(output) else _folder(fresh, members)
            fresh.replace(output)
        atomic.sync_folder(output.absolute().parent)
    except OSError as problem:
        raise StoreError(f"{output} cannot be written: {problem.strerror}") from problem
    counts = {kind: len(keys) for kind, keys in members.written.items()}
    return Exported(
        output, len(runs), counts[RESPONSES], counts[SCORES], size, tuple(members.problems)
    )


class _Members:
    """Names and bytes of what is exported; the names are made of hashes and of runs' times."""

    def __init__(self, store: Store, runs: Sequence[Path]) -> None:
        self._store, self._runs = store, runs
        self.written: dict[str, set[str]] = {kind: set() for kind in KINDS}
        self._seen: set[tuple[str, str]] = set()
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        yield "FORMAT", f"{FORMAT}\n".encode()
        for run in self._runs:
            record = self._store.read_run(run)
            yield f"runs/{run.name}", run.read_bytes()
            standing = standing_file(self._store.root, record.id)
            if self._store.standing(record.id) is not None:
                yield f"{STANDINGS}/{standing.name}", standing.read_bytes()
            for cell in record.cells:
                if cell.status == "scored":
                    if cell.response_key:  # imported cells and what a probe measured have none
                        yield from self._cell(RESPONSES, cell.response_key)
                    yield from self._cell(SCORES, cell.score_key)
                    if cell.questions:
                        yield from self._cell(QUESTIONS, cell.questions)

    def _cell(self, kind: str, key: str) -> Iterator[tuple[str, bytes]]:
        if (kind, key) in self._seen:
            return
        self._seen.add((kind, key))
        try:
            found = read_files(self._store.root, kind, key)
        except StoreError as problem:
            found = None
            self.problems.append(f"{problem}; it is left out")
        else:
            if found is None:
                self.problems.append(f"the store no longer has {kind} {key}; they are left out")
        if found is not None:
            self.written[kind].add(key)
            for name, data in zip((TABLE, MANIFEST), found, strict=True):
                yield f"{kind}/{key[:2]}/{key}/{name}", data


def _is_zip(output: Path) -> bool:
    return output.suffix.lower() == ".zip"


def _zip(path: Path, members: _Members) -> int:
    with path.open("xb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members:
                member = zipfile.ZipInfo(name, EPOCH)
                packed = zipfile.ZIP_STORED if name.endswith(TABLE) else zipfile.ZIP_DEFLATED
                member.external_attr = 0o644 << 16
                archive.writestr(member, data, packed)
        atomic.sync_file(file)
    return path.stat().st_size


def _folder(path: Path, members: _Members) -> int:
    size = 0
    for name, data in members:
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(data)
            atomic.sync_file(file)
        size += len(data)
    with suppress(FileNotFoundError):
        atomic.sync_folder(path)
    return size
