"""What a process that does a job tells the one that gave it, as one stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import ConfigError, DeviceError, StoreError, ZooError
from zoo.executors.evaluating import evaluate_job
from zoo.hookspecs import Job
from zoo.probing import describe
from zoo.results import Result

PACE = 0.1
"""Seconds between two messages that only count answers."""


@dataclass(frozen=True)
class Told:
    """An event of the job."""

    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """The job is done."""


@dataclass(frozen=True)
class Fallen:
    """The process can do nothing more. reason: as the end of a sentence."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """The job ended with an error, which is no fault of the process. kind: of error."""

    kind: str
    text: str

    def error(self) -> Exception:
        """The error, to be raised where the job was given."""
        kinds: dict[str, type[ZooError]] = {
            kind.__name__: kind for kind in (StoreError, ConfigError, ZooError)
        }
        return kinds.get(self.kind, RuntimeError)(self.text)


Message = Told | Result | Done | Fallen | Refused


def do(job: Job, send: Callable[[Message], None], *, together: bool = True) -> bool:
    """Does a job and sends what comes of it, last Done, Fallen or Refused.

    Returns whether the process can do another.
    """
    paced = _Paced(send)
    try:
        for result in evaluate_job(job, paced, together=together):
            paced.flush()
            send(result)
    except DeviceError as problem:
        send(Fallen(f"lost its device ({problem})"))
        return False
    except ZooError as problem:
        known = (StoreError, ConfigError, ZooError)
        kind = next(kind for kind in known if isinstance(problem, kind))
        send(Refused(kind.__name__, str(problem)))
    except Exception as problem:
        send(Refused(type(problem).__name__, describe(problem)))
    else:
        paced.flush()
        send(Done())
    return True


class _Paced:
    """A listener that sends on what it is told; counts of answers are added up for a while."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._done = 0
        self._facts: Mapping[str, Any] = {}
        self._sent = time.monotonic()

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        if name != "requests":
            self.flush()
            self._send(Told(name, facts))
            return
        self._done += facts["done"]
        self._facts = facts
        if time.monotonic() - self._sent >= PACE:
            self.flush()

    def flush(self) -> None:
        """Sends what has been added up."""
        self._sent = time.monotonic()
        if self._done:
            self._send(Told("requests", {**self._facts, "done": self._done}))
            self._done = 0
