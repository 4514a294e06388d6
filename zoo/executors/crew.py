"""Workers at work, one a slot: given jobs, watched, and replaced where they fall."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ExecutorError
from zoo.executors.attempts import NEVER, Remaining
from zoo.executors.forkserver import Forkserver, Start
from zoo.executors.messages import Done, Fallen, Message, Refused, Told
from zoo.executors.slots import Slot, choose, visible_devices
from zoo.executors.work import Work
from zoo.executors.worker import Assignment
from zoo.results import Result
from zoo.store import Store

if TYPE_CHECKING:
    from zoo.evaluation.evaluator import OnEvent

logger = logging.getLogger("zoo")


@dataclass
class Worker:
    """A worker process.

    holder: its name in the leases of the store, which nobody else has. task: what it is at. last:
    what it did before. reason: why it was ended, or says that it ends.
    """

    number: int
    holder: str
    slot: Slot
    pipe: Connection
    task: Remaining | None = None
    last: Work | None = None
    reason: str = ""


@dataclass
class Crew:
    """Does work that fits the same slots.

    threads: of torch, in each worker. cell_timeout: seconds that a cell may take, None for any.
    """

    server: Forkserver
    threads: int
    cell_timeout: float | None
    on_event: OnEvent
    _workers: dict[int, Worker] = field(default_factory=dict)
    _waiting: list[Remaining] = field(default_factory=list)
    _started: int = 0

    def run(self, slots: Sequence[Slot], tasks: Sequence[Remaining]) -> Iterator[Result]:
        """Results, as they are done.

        Raises StoreError and whatever else a job raises, and ExecutorError where no worker can be
        started.
        """
        self._waiting = list(tasks)
        free = list(slots)
        while self._waiting or any(worker.task for worker in self._workers.values()):
            while free and self._waiting:
                self._start(free.pop(0))
                self._assign_all()
            for ready in wait(self._open(), self._patience()):
                if ready is self.server.exits:
                    gone, results = self._ended()
                    free.extend(gone)
                    yield from results
                elif isinstance(ready, Connection):
                    yield from self._heard(ready)
            self._end_overdue()
            self._assign_all()
        self._dismiss()

    def _start(self, slot: Slot) -> None:
        """Starts a worker in a slot."""
        self._started += 1
        environment = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS"), str(self.threads))
        visible = visible_devices(slot.devices, os.environ.get("CUDA_VISIBLE_DEVICES"))
        if visible is not None:
            environment["CUDA_VISIBLE_DEVICES"] = visible
        holder = secrets.token_hex(16)
        pipe = self.server.start(Start(self._started, self.threads, holder, environment))
        self._workers[self._started] = Worker(self._started, holder, slot, pipe)

    def _assign_all(self) -> None:
        """Gives every worker that has nothing to do the next work."""
        for worker in self._workers.values():
            if worker.task is None and not worker.reason and self._waiting:
                works = [remaining.work for remaining in self._waiting]
                busy = {each.task.work.base for each in self._workers.values() if each.task}
                self._assign(worker, self._waiting.pop(choose(works, worker.last, busy)))

    def _assign(self, worker: Worker, task: Remaining) -> None:
        job = task.begin()
        if worker.slot.devices[0].startswith("cuda"):  # of those it sees, the first
            job = replace(job, settings={**job.settings, "device": "cuda"})
        worker.task = task
        order = Assignment(job, task.work.base, task.together, task.work.secrets)
        with suppress(OSError):  # it has ended, which is told in its turn
            worker.pipe.send(order)

    def _open(self) -> list[Any]:
        """What may bring news."""
        pipes = [worker.pipe for worker in self._workers.values() if not worker.pipe.closed]
        return [self.server.exits, *pipes]

    def _heard(self, pipe: Connection) -> Iterator[Result]:
        """Takes one message of a worker."""
        worker = next((w for w in self._workers.values() if w.pipe is pipe), None)
        if worker is None or pipe.closed:
            return  # it ended in the meantime and all it said is known
        try:
            message: Message = pipe.recv()
        except (EOFError, OSError):
            pipe.close()  # its end is told by the server
            return
        yield from self._taken(worker, message)

    def _taken(self, worker: Worker, message: Message) -> Iterator[Result]:
        task = worker.task
        assert task is not None, "a worker without work says nothing"
        match message:
            case Told(name, facts):
                task.told(name, facts)
                self.on_event(name, {**facts, "worker": worker.number})
            case Result():
                task.brought(message)
                yield message
            case Done():
                worker.task, worker.last = None, task.work
            case Fallen(reason):
                worker.reason = reason
            case Refused():
                raise message.error()

    def _ended(self) -> tuple[list[Slot], list[Result]]:
        """Takes a worker's end; returns the slot that is free and what comes of its work."""
        exited = self.server.exited()
        worker = self._workers.pop(exited.number, None)
        if worker is None:
            return [], []
        results: list[Result] = []
        while not worker.pipe.closed:  # what it said before it ended
            try:
                if not worker.pipe.poll():
                    worker.pipe.close()
                else:
                    results.extend(self._taken(worker, worker.pipe.recv()))
            except (EOFError, OSError):
                worker.pipe.close()
        if (task := worker.task) is not None:
            _let_go(task, worker.holder)
            results.extend(self._fallen(task, worker.reason or exited.reason))
        return [worker.slot], results

    def _fallen(self, task: Remaining, reason: str) -> list[Result]:
        """A worker fell: what is failed by that; the rest of its work waits for another."""
        model = task.work.job.model.id
        failed = task.fell(reason)
        logger.warning("a worker at %s %s", model, reason)
        self.on_event("fallen", {"model": model, "reason": reason, "failed": len(failed)})
        if task.job.specs:
            self._waiting.insert(0, task)
        return failed

    def _due(self, worker: Worker) -> float:
        """When a worker must be done with what it is at, by the monotonic clock."""
        if worker.task is None or worker.reason:
            return NEVER
        return worker.task.due(self.cell_timeout)

    def _patience(self) -> float | None:
        """Seconds until the next worker is overdue; None where none can be."""
        due = min((self._due(worker) for worker in self._workers.values()), default=NEVER)
        return None if due == NEVER else max(0.0, due - time.monotonic())

    def _end_overdue(self) -> None:
        for worker in self._workers.values():
            if time.monotonic() >= self._due(worker):
                assert worker.task is not None, "only who is at work can be overdue"
                worker.reason = worker.task.overdue()
                self.server.end(worker.number)

    def _dismiss(self) -> None:
        """Ends the workers, which are done, and waits until their devices are free."""
        with suppress(ExecutorError):  # without the server there are none left, and all is done
            for worker in self._workers.values():
                self.server.end(worker.number)
            while self._workers:
                gone = self._workers.pop(self.server.exited().number, None)
                if gone is not None:
                    gone.pipe.close()


def _let_go(task: Remaining, holder: str) -> None:
    """Ends the leases of a worker that has ended, so that who goes on need not wait for them."""
    root = Path(str(task.work.job.settings["store"]))
    with suppress(OSError):  # they run out by themselves
        Store(root).attempts.end_leases(holder)
