"""Who is at work: a lease is a file whose time of change its holder renews, again and again.

No process id (in containers they repeat), no file lock (shared file systems lack them), and no
computer's clock: all times are stamped by the file system, so that they can be compared, and where
even those jump, a lease that is seen not to change for long enough is stale.

A process that somebody supervises writes the name it was given into its leases. Who gave it, and
has seen the process end, may end them at once; nobody else can, and for others' they wait.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

BEAT = 2.0
"""Seconds between two renewals of a lease."""

STALE = 20.0
"""Seconds without a renewal after which the holder counts as gone. One that was only asleep (a
laptop, a long call that lets no other thread run) costs work that is done twice, and no more."""

LEASE = "lease"

holder = ""
"""The name of this process in its leases, given by its supervisor and by nobody else's; "" where
nobody supervises it."""


@dataclass
class Observer:
    """Tells held folders from those that were left, by what it sees of their leases over time.

    clock: a file of the same file system, touched to learn its time.
    """

    clock: Path
    _seen: dict[Path, tuple[int, float]] = field(default_factory=dict)

    def holds(self, folder: Path) -> bool:
        """Whether somebody holds a folder, as far as can be seen. OSError: the disk says no."""
        try:
            stamp = _stamp(folder)
        except FileNotFoundError:
            return False
        if self._now() - stamp > STALE * 1e9:
            return False
        last, since = self._seen.get(folder, (None, 0.0))
        if stamp != last:
            since = time.monotonic()
            self._seen[folder] = (stamp, since)
        return time.monotonic() - since < STALE

    def _now(self) -> int:
        """The file system's time, nanoseconds."""
        self.clock.touch()
        return self.clock.stat().st_mtime_ns


def renew(handle: int) -> None:
    """Says that the holder is still at work; it works on a full disk too."""
    with suppress(OSError):  # at worst another believes that we are gone
        os.utime(handle)


def release(handle: int) -> None:
    """Gives a lease back: whoever looks next sees a holder that is long gone."""
    with suppress(OSError):
        os.utime(handle, ns=(0, 0))
    os.close(handle)


def end(folder: Path, name: str) -> None:
    """Ends a folder's lease if the process of that name held it, which has ended."""
    lease = folder / LEASE
    with suppress(FileNotFoundError):
        if name and lease.read_bytes() == name.encode():
            os.utime(lease, ns=(0, 0))


def _stamp(folder: Path) -> int:
    """When the folder's lease was last renewed; of one whose lease is not there yet, when it was
    made."""
    try:
        with (folder / LEASE).open("rb") as file:  # a shared file system looks again on opening
            return os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return folder.stat().st_mtime_ns


class Heart:
    """One thread for all that has to happen regularly while there is work; it ends with it."""

    _beats: list[Callable[[], None]]
    _lock: threading.Condition
    _thread: threading.Thread | None

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def start(self, beat: Callable[[], None]) -> None:
        """Calls `beat` every BEAT seconds from now on; it must not raise."""
        with self._lock:
            self._beats.append(beat)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def stop(self, beat: Callable[[], None]) -> None:
        """Calls it no more."""
        with self._lock:
            self._beats.remove(beat)
            if not self._beats:
                self._lock.notify()

    def _forget(self) -> None:
        """A forked process has no thread, and what its parent holds is not its own."""
        self._beats, self._lock, self._thread = [], threading.Condition(), None

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._beats:
                    self._lock.wait(BEAT)
                beats = list(self._beats)
                if not beats:
                    self._thread = None
                    return
            for beat in beats:
                beat()
