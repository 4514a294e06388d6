"""The sign of life that a run keeps in its store, and what others read from it.

running/<run id>.json is written anew about once a second, whole or not at all, with a number that
grows. Who reads it twice sees whether the run lives: process ids repeat in containers and say
nothing across machines, and clocks differ. A run that ends takes its file away; one that is
stopped marks it, and one that is killed leaves it as it was.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Literal

from zoo.errors import ZooError
from zoo.progress import Phase, Progress
from zoo.structuring import plain, read

logger = logging.getLogger("zoo")

FOLDER = "running"

BEAT = 1.0
"""Seconds between two signs of life."""

PATIENCE = 5.0
"""Seconds without a new one after which a run counts as silent: killed, or hung."""


@dataclass(frozen=True)
class Sign:
    """What a run says of itself.

    started, updated: UTC, ISO 8601, by the clock of the machine it runs on. beat: grows with each
    sign. asked: hash of what was asked of which models, the same for a run that goes on with it.
    command: what was typed, "" where it was started from Python.
    """

    run: str
    started: str
    updated: str
    beat: int
    host: str
    asked: str
    command: str
    progress: Progress


@dataclass(frozen=True)
class Sighting:
    """A run as seen from outside.

    status: running (its sign of life changed while it was watched), interrupted (it said so), or
    silent (neither: it was killed, or hangs).
    """

    sign: Sign
    status: Literal["running", "interrupted", "silent"]


@contextmanager
def signs_of_life(store: Path, first: Sign, progress: Callable[[], Progress]) -> Iterator[None]:
    """Within, a run's file is kept up to date; afterwards it is gone, or marked where the run was
    interrupted. Where it cannot be written (a full disk), the run goes on without it."""
    path = store / FOLDER / f"{first.run}.json"
    over = threading.Event()
    left = _left_behind(store, first.asked)
    began = time.monotonic()

    beats = count(first.beat)

    def write(phase: Phase | None = None) -> None:
        now = progress()
        now = now if phase is None else replace(now, phase=phase)
        _write(path, replace(first, updated=_now(), beat=next(beats), progress=now))

    def beating() -> None:
        while not over.wait(BEAT):
            write()

    write()
    thread = threading.Thread(target=beating, name="sign of life", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        over.set()
        thread.join()
        write("interrupted")
        raise
    over.set()
    thread.join()
    with suppress(OSError):
        path.unlink(missing_ok=True)
    _clear(left, time.monotonic() - began)


def sightings(store: Path, patience: float = PATIENCE) -> list[Sighting]:
    """Every run that goes on in a store or ended without finishing, oldest first.

    Takes as long as it takes to see a change in each, at most `patience` seconds.
    """
    before = dict(_signs(store))
    open_ = {path for path, sign in before.items() if sign.progress.phase != "interrupted"}
    alive: dict[Path, Sign] = {}
    until = time.monotonic() + patience
    while open_ - set(alive) and time.monotonic() < until:
        time.sleep(BEAT / 10)
        now = dict(_signs(store))
        open_ &= set(now)  # what ended meanwhile has finished
        for path in open_ - set(alive):
            if now[path].progress.phase == "interrupted":
                before[path] = now[path]
            elif now[path].beat != before[path].beat:
                alive[path] = now[path]
        open_ = {path for path in open_ if before[path].progress.phase != "interrupted"}
    found = []
    for path, sign in before.items():
        if path in alive:
            found.append(Sighting(alive[path], "running"))
        elif sign.progress.phase == "interrupted":
            found.append(Sighting(sign, "interrupted"))
        elif path in open_:
            found.append(Sighting(sign, "silent"))
    return found


def _signs(store: Path) -> Iterator[tuple[Path, Sign]]:
    for path in sorted((store / FOLDER).glob("*.json")):
        if (sign := _read(path)) is not None:
            yield path, sign


def _read(path: Path) -> Sign | None:
    """A run's sign of life; None where it is gone or no such file."""
    try:
        return read(Sign, json.loads(path.read_text(encoding="utf-8")), path.name)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ZooError) as problem:
        logger.warning("%s cannot be read: %s; it is passed over", path, problem)
        return None


def _write(path: Path, sign: Sign) -> None:
    """Replaces the file in one step. It is not synced: it need not outlive the machine."""
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(plain(sign), ensure_ascii=False), encoding="utf-8")
        os.replace(fresh, path)
    except OSError as problem:
        logger.debug("no sign of life can be written: %s", problem)


def _left_behind(store: Path, asked: str) -> dict[Path, Sign]:
    """Files of runs that asked the same."""
    return {path: sign for path, sign in _signs(store) if sign.asked == asked}


def _clear(left: dict[Path, Sign], seconds: float) -> None:
    """Takes away what earlier runs left that this one has finished for them."""
    for path, sign in left.items():
        same = _read(path) == sign
        if same and (sign.progress.phase == "interrupted" or seconds > PATIENCE):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
