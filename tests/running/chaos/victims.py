"""Processes that are started to be killed, and what they were at when it struck them.

A victim has faulthandler write its stacks at SIGUSR1, which is sent a moment before SIGKILL.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PATIENCE = 60
"""Seconds for a process to be gone whose driver is."""

PHASES = {
    "attempts._write": "keeping answers",
    "attempts.flush": "keeping answers",
    "attempts.claim": "claiming a cell",
    "attempts.others": "taking up answers",
    "attempts.close": "letting go of a cell",
    "atomic.remove": "removing attempts",
    "cells.write_cell": "finishing a cell",
    "cells.read_files": "reading a cell",
    "asked.keep_asked": "keeping questions",
    "preparing.prepare": "preparing",
    "inspection.inspect": "preparing",
    "evaluator._load": "loading a model",
    "answering.answer": "asking",
    "evaluator._score": "scoring",
    "evaluator._answers": "between answers and cells",
    "__init__.add_run": "writing the record",
    "standings.standing_of": "summing up",
    "__init__.add_standing": "writing the standing",
    "maintenance.add_to_index": "writing the index",
    "liveness.signs_of_life": "saying that it lives",
    "forkserver.__init__": "starting workers",
    "crew.run": "waiting for workers",
    "local.run_local": "between jobs",
    "preparation.prepare_cells": "preparing",
    "running.run_family": "between steps",
    "worker.work": "waiting for work",
}
"""What a process is at while a function is on its stack; the innermost one counts."""


@dataclass
class Victim:
    """A forked process that does one thing. places: where it says where it is, by process id."""

    pid: int
    reading: int
    places: Path
    status: int | None = None

    @classmethod
    def start(cls, act: Callable[[], Any], places: Path) -> Victim:
        """Forks a process that says what a function gives, as JSON."""
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            os.close(reading)
            try:
                _tell(places)
                answer = json.dumps(act())
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os.write(writing, answer.encode())
            os._exit(0)
        os.close(writing)
        return cls(child, reading, places)

    def is_over(self) -> bool:
        """Whether it has ended by itself, or was killed."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def answer(self) -> Any:
        """What it said before it ended; None where it was killed. Raises where it failed."""
        with os.fdopen(self.reading) as said:
            text = said.read()
        if self.status is None:
            self.status = os.waitpid(self.pid, 0)[1]
        killed = os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL
        if self.status and not killed:
            raise AssertionError(f"a process that was not killed ended with {self.status}")
        return json.loads(text) if text else None

    def workers(self) -> list[int]:
        """Workers of the run: what its server of processes has started."""
        with suppress(psutil.NoSuchProcess):
            servers = psutil.Process(self.pid).children()
            return [worker.pid for server in servers for worker in server.children()]
        return []

    def kill(self, pid: int | None = None) -> str | None:
        """Kills it, or one of its workers; what that was at, None where it had ended before.

        With the run itself all that it started has to go, and is waited for.
        """
        victim = self.pid if pid is None else pid
        try:
            family = psutil.Process(self.pid).children(recursive=True) if pid is None else []
            place = _look(victim, self.places)
            os.kill(victim, signal.SIGKILL)
        except (psutil.NoSuchProcess, ProcessLookupError):
            return None
        _, left = psutil.wait_procs(family, PATIENCE)
        assert not left, "workers outlive the run that started them"
        return place


def forked(act: Callable[[], Any], places: Path) -> Any:
    """What a function gives in a process of its own, which nobody kills."""
    return Victim.start(act, places).answer()


def _tell(places: Path) -> None:
    """From here on this process says at SIGUSR1 where it is."""
    place = places / str(os.getpid())
    file = place.with_suffix(".new").open("w")
    faulthandler.register(signal.SIGUSR1, file, all_threads=True)
    place.with_suffix(".new").rename(place)


def _look(pid: int, places: Path) -> str:
    """What a process is at."""
    place = places / str(pid)
    if not place.exists():
        return "starting"
    os.kill(pid, signal.SIGUSR1)
    until = time.monotonic() + 1
    while not (text := place.read_text()) and time.monotonic() < until:
        time.sleep(0.0005)
    *_, main = text.split("hread 0x")
    functions = re.findall(r'File ".*[/\\](\w+)\.py", line \d+ in (\w+)', main)
    if not functions:
        return "unseen"
    phases = (PHASES.get(f"{module}.{function}") for module, function in functions)
    return next(filter(None, phases), "starting")
