"""Answers on their way into a cell: what a run that was ended has left is taken up by the next.

    attempts/<key[:2]>/<key>/<n>/journal    the nth attempt's answers
    attempts/<key[:2]>/<key>/<n>/lease      changed again and again while its holder is at work
    attempts/clock                          touched to learn the file system's time

An attempt has one writer, who made its folder. The lowest attempt that is held holds the cell; the
others wait for it. Where two are at work all the same, both bring the cell to its end, the first
one's stands, and nothing is lost but time.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from zoo.errors import StoreError
from zoo.store import atomic, leases
from zoo.store.journal import Damage, decode, encode

logger = logging.getLogger("zoo")

ATTEMPTS = "attempts"
JOURNAL = "journal"

CHUNK = 4 << 20
"""Bytes of answers that are written at once without waiting for the next beat."""

_heart = leases.Heart()
"""Shared by all attempts of this process."""


@dataclass
class Known:
    """What journals hold of a cell.

    answers: JSON value by request number and sample, the first one written of each. differing:
    (request, sample, first, other) where a later attempt was answered otherwise. abouts: what
    attempts that answered anything said of themselves.
    """

    answers: dict[int, dict[int, Any]] = field(default_factory=dict)
    differing: list[tuple[int, int, Any, Any]] = field(default_factory=list)
    abouts: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, number: int, sample: int, value: Any) -> None:
        """One answer; the first one stands."""
        first = self.answers.setdefault(number, {}).setdefault(sample, value)
        if first != value:
            self.differing.append((number, sample, first, value))


@dataclass
class Attempts:
    """The attempts at the cells of one store."""

    root: Path
    _observer: leases.Observer = field(init=False)

    def __post_init__(self) -> None:
        self._observer = leases.Observer(self.root / ATTEMPTS / "clock")

    def claim(self, key: str, expected: int, *, fresh: bool = False) -> Attempt | None:
        """An attempt of one's own at a cell, with what earlier ones have left; close it.

        None where another process holds the cell: ask again a little later. expected: how many
        answers the cell takes. fresh: neither waits for others nor takes up what they have left.
        Raises StoreError where nothing can be written.
        """
        folder = attempts_folder(self.root, key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not fresh and any(map(self._observer.holds, _numbered(folder))):
                return None
            own, lease, journal = _make_next(folder)
        except OSError as problem:
            raise StoreError(
                f"no answer can be kept in {self.root}: {problem.strerror}; make room there, or "
                "name another folder with --store"
            ) from problem
        attempt = Attempt(own, key, expected, lease, journal)
        if fresh:
            return attempt
        # two may have come at the same time: the lower one holds the cell
        earlier = [each for each in _numbered(folder) if int(each.name) < int(own.name)]
        if any(map(self._observer.holds, earlier)):
            attempt.close()
            return None
        attempt.known = attempt.others()
        return attempt

    def held(self, key: str) -> bool:
        """Whether somebody is at work on a cell."""
        return any(map(self._observer.holds, _numbered(attempts_folder(self.root, key))))

    def end_leases(self, holder: str) -> None:
        """Lets go of what a process held that has ended, as its supervisor alone can know.

        holder: the name that it had in its leases. OSError: the disk says no.
        """
        for key in self.cells():
            for folder in _numbered(attempts_folder(self.root, key)):
                leases.end(folder, holder)

    def cells(self) -> Iterator[str]:
        """Keys of the cells that have attempts."""
        for folder in sorted((self.root / ATTEMPTS).glob("??/*")):
            if not folder.name.startswith("."):
                yield folder.name

    def remove(self, key: str) -> None:
        """Removes the attempts at a cell that is finished."""
        atomic.remove(attempts_folder(self.root, key))

    def problems(self, key: str) -> list[str]:
        """One sentence for each part of the cell's journals that was changed after it was written.

        The torn end of a writer that was killed is none: nobody was told that it is kept.
        """
        found = []
        for folder in _numbered(attempts_folder(self.root, key)):
            _, damages = _read(folder, key)
            found += [_sentence(folder, each) for each in damages if not each.torn]
        return found


class Attempt:
    """One writer's answers for one cell: kept as they come, within `leases.BEAT` seconds.

    known: what earlier attempts have left.
    """

    def __init__(self, folder: Path, key: str, expected: int, lease: int, journal: int) -> None:
        """folder: made for this attempt. lease, journal: handles of its two files."""
        self.known = Known()
        self._folder, self._key, self._expected = folder, key, expected
        self._lease, self._journal = lease, journal
        self._pending: deque[bytes] = deque()
        self._size = self._written = self._answers = 0
        self._writing = threading.Lock()
        self._problem: StoreError | None = None
        self._closed = False
        _heart.start(self._beat)

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def others(self) -> Known:
        """What all other attempts at the cell hold by now."""
        return read_all(self._folder.parent, self._key, but=self._folder)

    def say(self, about: Mapping[str, Any]) -> None:
        """Says where the answers that follow come from; JSON values."""
        self._append(encode({"about": dict(about)}, self._key))

    def add(self, number: int, sample: int, value: Any) -> None:
        """Adds an answer, a JSON value. Raises StoreError where those before cannot be kept."""
        self._answers += 1
        self._append(encode([number, sample, value], self._key))

    def flush(self) -> None:
        """Writes what was added: when this returns, it survives a crash of the machine.

        Raises StoreError where it cannot be written, with what the cell needs.
        """
        with self._writing:
            if self._problem is not None:
                raise self._problem
            batch = b"".join(self._pending.popleft() for _ in range(len(self._pending)))
            if not batch:
                return
            self._size = 0
            try:
                self._write(batch)
            except OSError as problem:
                self._problem = self._full(batch, problem)
                raise self._problem from problem

    def close(self) -> None:
        """Keeps what can be kept, unless the cell is finished by now, and lets it go."""
        _heart.stop(self._beat)
        try:
            if (self._folder / JOURNAL).exists():
                self.flush()
        except StoreError as problem:
            logger.debug("%s", problem)
        with self._writing:
            self._closed = True
            os.close(self._journal)
            if not self._written:
                self._withdraw()
            leases.release(self._lease)

    def _append(self, frame: bytes) -> None:
        if self._problem is not None:
            raise self._problem
        self._pending.append(frame)
        self._size += len(frame)
        if self._size > CHUNK:
            self.flush()

    def _beat(self) -> None:
        with self._writing:
            if self._closed:  # its handles may be another's by now
                return
            leases.renew(self._lease)
        try:
            self.flush()
        except StoreError as problem:  # the next answer raises it where it can be heard
            logger.debug("%s", problem)

    def _write(self, batch: bytes) -> None:
        first = not self._written
        view = memoryview(batch)
        while view:
            count = os.write(self._journal, view)
            self._written += count
            view = view[count:]
        os.fsync(self._journal)
        if first:
            with suppress(FileNotFoundError):  # another has finished the cell and removed all this
                for each in (self._folder, *self._folder.parents[:4]):  # up to the store's root
                    atomic.sync_folder(each)

    def _withdraw(self) -> None:
        """Removes an attempt that holds nothing, unless its folder is another's by now."""
        lease = self._folder / leases.LEASE
        with suppress(OSError):
            if os.path.samestat(lease.stat(), os.fstat(self._lease)):
                (self._folder / JOURNAL).unlink()
                lease.unlink()
                self._folder.rmdir()
                self._folder.parent.rmdir()  # goes where the cell is finished and nobody is here

    def _full(self, batch: bytes, problem: OSError) -> StoreError:
        missing = max(self._expected - self._answers, 0)
        need = len(batch) + (self._written + len(batch)) * missing // max(self._answers, 1)
        return StoreError(
            f"{len(batch)} bytes of answers cannot be written to {self._folder / JOURNAL}: "
            f"{problem.strerror}; make room for about {need} bytes and run again, what was kept "
            "before is taken up"
        )


def attempts_folder(root: Path, key: str) -> Path:
    """Where the attempts at a cell lie; the name is a hash and nothing else."""
    return root / ATTEMPTS / key[:2] / key


def read_all(folder: Path, key: str, but: Path | None = None) -> Known:
    """What all attempts in a folder hold; damage is named in the log, and costs what it hit."""
    known = Known()
    for each in _numbered(folder):
        if each == but:
            continue
        records, damages = _read(each, key)
        for damage in damages:
            if not damage.torn:
                logger.warning("%s; what stood there is asked again", _sentence(each, damage))
        about: Mapping[str, Any] | None = None
        for record in records:
            if isinstance(record, dict):
                about = record["about"]
                continue
            known.add(*record)
            if about is not None and about not in known.abouts:
                known.abouts.append(about)
    return known


def _read(folder: Path, key: str) -> tuple[list[Any], list[Damage]]:
    try:
        return decode((folder / JOURNAL).read_bytes(), key)
    except FileNotFoundError:
        return [], []


def _sentence(folder: Path, damage: Damage) -> str:
    return f"{folder / JOURNAL}: {damage}"


def _numbered(folder: Path) -> list[Path]:
    """The attempts in a folder, in order."""
    try:
        found = [each for each in folder.iterdir() if each.name.isdecimal()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda each: int(each.name))


def _make_next(folder: Path) -> tuple[Path, int, int]:
    """Makes the next attempt, which is nobody else's, and the handles of its lease and journal."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
    while True:
        number = max((int(each.name) for each in _numbered(folder)), default=-1) + 1
        own = folder / str(number)
        lease = -1
        try:
            own.mkdir()
            lease = os.open(own / leases.LEASE, flags, 0o644)
            os.write(lease, leases.holder.encode())
            return own, lease, os.open(own / JOURNAL, flags, 0o644)
        except OSError as problem:
            if lease >= 0:
                os.close(lease)
            if isinstance(problem, FileNotFoundError):
                # another has finished the cell, its attempts are gone
                folder.mkdir(parents=True, exist_ok=True)
            elif not isinstance(problem, FileExistsError):  # another was first
                raise
