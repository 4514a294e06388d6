"""What a worker process does: job after job, until its pipe closes."""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from zoo.executors.evaluating import evaluator_for
from zoo.executors.messages import Message, do
from zoo.executors.work import TOKENS
from zoo.hookspecs import Job

GRACE = 3.0
"""Seconds that a worker has to end by itself."""


@dataclass(frozen=True)
class Assignment:
    """What a worker is told to do.

    base: of the work; what is kept in memory of another one is let go. secrets: variables of the
    environment for this job alone.
    """

    job: Job
    base: str
    together: bool = True
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def set_up(*, debug: bool) -> None:
    """Imports what every worker needs, and logs as the process does that gives the jobs."""
    if debug:
        logging.basicConfig(level=logging.INFO)
        logging.getLogger("zoo").setLevel(logging.DEBUG)
    else:
        warnings.simplefilter("ignore")
    import zoo.engine.adapter
    import zoo.evaluation.evaluator
    import zoo.evaluation.scoring
    import zoo.evaluation.tasks  # noqa: F401


def work(connection: Connection, threads: int) -> None:
    """Does what comes through the pipe. threads: of torch.

    When the pipe closes, nobody is there any more to work for: the process ends, and with it all
    that it started, even in the middle of a job.
    """
    import torch

    def send(message: Message) -> None:
        try:
            connection.send(message)
        except OSError:
            sys.exit()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    torch.set_num_threads(threads)
    assignments: queue.SimpleQueue[Assignment] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, assignments), daemon=True).start()
    base = None
    while True:
        assignment = assignments.get()
        for name in TOKENS:
            os.environ.pop(name, None)
        os.environ.update(assignment.secrets)
        if assignment.base != base:
            evaluator_for(assignment.job.settings).close()
            base = assignment.base
        if not do(assignment.job, send, together=assignment.together):
            return


def _receive(connection: Connection, assignments: queue.SimpleQueue[Assignment]) -> None:
    try:
        while True:
            assignments.put(connection.recv())
    except (EOFError, OSError):
        os.killpg(0, signal.SIGTERM)
        time.sleep(GRACE)
        os.killpg(0, signal.SIGKILL)
