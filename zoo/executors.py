"""Where jobs run. The built-in executor `local` runs them one after another in this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.evaluation.ahead import reading_ahead
from zoo.evaluation.huggingface import HF, TORCH
from zoo.fingerprints import canonical
from zoo.hookspecs import Executor, Job
from zoo.host import Host
from zoo.results import Result
from zoo.structuring import read

if TYPE_CHECKING:
    from zoo.evaluation.checkpoints import Checkpoint
    from zoo.evaluation.evaluator import Evaluator, OnEvent
    from zoo.evaluation.preparing import Cell


@dataclass(frozen=True)
class Settings:
    """How jobs are run: plain values, so that a job can be sent to another process.

    run: tells one run from another, since what a run has read of models and tasks it keeps, and the
        next run must read again. device, dtype: resolved, not "auto" where that can be known here.
    """

    run: str
    store: str
    device: str
    dtype: str
    batch_size: str | int = "auto"
    loader: str | None = None
    loader_args: Mapping[str, Any] = field(default_factory=dict)
    config: str | None = None
    plugins_enabled: bool = True
    include_paths: tuple[str, ...] = ()
    fresh: bool = False


def builtins() -> dict[str, Sequence[Any]]:
    """What the host brings itself, by kind."""
    return {"loaders": (HF, TORCH), "executors": (Executor("local", run_local),)}


def evaluator_for(settings: Mapping[str, Any]) -> Evaluator:
    """This process's evaluator for a run: made once, so that requests are built once."""
    return _evaluator(canonical(dict(settings)))


def evaluate_job(job: Job, on_event: OnEvent = lambda *_: None) -> Iterator[Result]:
    """Evaluates one job here; any executor may call it in any process."""
    evaluator = evaluator_for(job.settings)
    evaluator.on_event = on_event
    cells: list[Cell] = []
    for spec in job.specs:
        prepared = evaluator.prepare(spec)
        if isinstance(prepared, Result):
            yield prepared
        else:
            cells.append(prepared)
    yield from evaluator.evaluate(cells)


def run_local(jobs: Sequence[Job], on_event: OnEvent = lambda *_: None) -> Iterator[Result]:
    """Runs jobs one after another in this process; one model is in memory at a time.

    While one is asked, the files of the next are read, so that it loads from memory.
    """
    try:
        for job, following in zip_longest(jobs, jobs[1:]):
            with reading_ahead(_checkpoint_of(following)):
                yield from evaluate_job(job, on_event)
    finally:
        for job in jobs:
            evaluator_for(job.settings).close()


def _checkpoint_of(job: Job | None) -> Checkpoint | None:
    """The files of a job's model, where it has any and they were found."""
    if job is None or not job.specs:
        return None
    prepared = evaluator_for(job.settings).prepare(job.specs[0])
    return None if isinstance(prepared, Result) else prepared.checkpoint


@lru_cache(maxsize=2)
def _evaluator(text: str) -> Evaluator:
    import json

    from zoo.evaluation.evaluator import Evaluator
    from zoo.evaluation.preparing import Preparer
    from zoo.evaluation.tasks import TaskLoader

    settings = read(Settings, json.loads(text), "settings")
    host = Host(
        config_path=Path(settings.config) if settings.config else None,
        store_path=Path(settings.store),
        plugins_enabled=settings.plugins_enabled,
        include_paths=tuple(Path(path) for path in settings.include_paths),
        builtins=builtins(),
    )

    def loader_of(model: Any) -> Any:
        return host.loader_of(model, settings.loader)

    return Evaluator(
        store=host.store,
        preparer=Preparer(
            TaskLoader(host.catalogue.tasks, host.config.unsafe_code),
            loader_of,
            settings.dtype,
            settings.loader_args,
        ),
        loader_of=loader_of,
        device=settings.device,
        batch_size=settings.batch_size,
        plugins=host.versions_of_plugins(),
        fresh=settings.fresh,
    )
