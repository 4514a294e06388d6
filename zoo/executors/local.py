"""The executor `local`: this machine, in this process where one worker suffices."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from zoo.errors import DeviceError
from zoo.evaluation.ahead import reading_ahead
from zoo.executors.attempts import Remaining
from zoo.executors.crew import Crew
from zoo.executors.evaluating import evaluate_job, evaluator_for
from zoo.executors.forkserver import Forkserver
from zoo.executors.slots import Slot, devices_of, rounds, spread, too_wide
from zoo.executors.work import sized
from zoo.hookspecs import Job
from zoo.results import Result
from zoo.structuring import read

if TYPE_CHECKING:
    from zoo.evaluation.checkpoints import Checkpoint
    from zoo.evaluation.evaluator import OnEvent

logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Arguments:
    """What --executor-args gives.

    workers: processes at once; None means one for each device. devices: names with semicolons
    between, or a list; None means all that the run's device stands for. cell_timeout: seconds that
    a cell may take, and loading its model; None means any.
    """

    workers: int | None = None
    devices: str | tuple[str, ...] | None = None
    cell_timeout: float | None = None


def run_local(
    jobs: Sequence[Job], on_event: OnEvent = lambda *_: None, **arguments: Any
) -> Iterator[Result]:
    """Runs jobs on this machine; arguments: see `Arguments`.

    One worker is this process, unless it must be ended when it hangs: one model after another, one
    in memory at a time. Several are processes of their own, which outlive a model and are replaced
    where they fall. Raises ConfigError where the arguments cannot be meant.
    """
    wishes = read(Arguments, arguments, "--executor-args")
    if not jobs:
        return
    device = str(jobs[0].settings["device"])
    devices = devices_of(device, wishes.devices, wishes.workers, _visible(device))
    works = [sized(job) for job in jobs]
    places = len(spread(works, len(devices)))
    alone = len(devices) == 1 or places == 1
    narrow = all(work.gpus == 1 for work in works)
    if alone and narrow and not wishes.devices and wishes.cell_timeout is None:
        yield from _here(jobs, on_event)
        return
    for work in works:
        if reason := too_wide(work, devices):
            yield from (Result(spec, "failed", error=reason) for spec in work.job.specs)
    fitting = [work for work in works if not too_wide(work, devices)]
    with Forkserver() as server:
        for round_ in rounds(fitting, devices):
            threads = threads_each(len(round_.slots))
            crew = Crew(server, threads, wishes.cell_timeout, on_event)
            yield from crew.run(round_.slots, [Remaining(work) for work in round_.works])


def _here(jobs: Sequence[Job], on_event: OnEvent) -> Iterator[Result]:
    """Runs jobs one after another in this process.

    While one is asked, the files of the next are read, so that it loads from memory. Where the
    device fails this process, a worker process does the rest.
    """
    try:
        for number, (job, following) in enumerate(zip_longest(jobs, jobs[1:])):
            task = Remaining(sized(job))
            try:
                with reading_ahead(_checkpoint_of(following)):
                    for result in evaluate_job(job, _noting(task, on_event)):
                        task.brought(result)
                        yield result
            except DeviceError as problem:
                logger.warning("%s: the run goes on in another process", problem)
                task.fell(f"lost its device ({problem})")
                tasks = [task, *(Remaining(sized(each)) for each in jobs[number + 1 :])]
                yield from _elsewhere(tasks, on_event)
                return
    finally:
        for job in jobs:
            evaluator_for(job.settings).close()


def _noting(task: Remaining, on_event: OnEvent) -> OnEvent:
    """A listener that also tells the task what is being done."""

    def tell(name: str, facts: Mapping[str, Any]) -> None:
        task.told(name, facts)
        on_event(name, facts)

    return tell


def _elsewhere(tasks: Sequence[Remaining], on_event: OnEvent) -> Iterator[Result]:
    """Goes on in one worker process, with what this one was at first."""
    slot = Slot((str(tasks[0].work.job.settings["device"]),))
    with Forkserver() as server:
        yield from Crew(server, threads_each(1), None, on_event).run([slot], tasks)


def _checkpoint_of(job: Job | None) -> Checkpoint | None:
    """The files of a job's model, where it has any and they were found."""
    if job is None or not job.specs:
        return None
    prepared = evaluator_for(job.settings).prepare(job.specs[0])
    return None if isinstance(prepared, Result) else prepared.checkpoint


def _visible(device: str) -> int:
    """CUDA devices that torch sees; not asked for where the run is on a CPU."""
    if not device.startswith("cuda"):
        return 0
    import torch

    return torch.cuda.device_count()


def threads_each(workers: int) -> int:
    """Threads of torch for each of so many workers: a share of the cores, and no more than torch
    was told to take (OMP_NUM_THREADS, say)."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(torch.get_num_threads(), (cores or 1) // workers))
