"""Evaluates a job in this process, whichever process that is: a job brings all that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.evaluation.echo import ECHO
from zoo.evaluation.huggingface import HF, TORCH
from zoo.fingerprints import canonical
from zoo.hookspecs import Job, Loader
from zoo.host import Host
from zoo.models import Model
from zoo.process_state import kept
from zoo.results import Result
from zoo.store import RESPONSES
from zoo.structuring import read

if TYPE_CHECKING:
    from zoo.evaluation.evaluator import Evaluator, OnEvent
    from zoo.evaluation.preparing import Cell

LOADERS = (HF, TORCH, ECHO)
"""The loaders that the host brings itself."""


@dataclass(frozen=True)
class Settings:
    """How jobs are run: plain values, so that a job can be sent to another process.

    run: tells one run from another, since what a run has read of models and tasks it keeps, and the
        next run must read again. device, dtype: resolved, not "auto" where that can be known here.
    asks: whether models may be asked; otherwise only stored answers are scored. counts: whether
        the tokens of prompts are counted, which takes time.
    trusted: hashes of tasks from outside that may run their Python, in the list of who gives the
        job: another machine has another.
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
    asks: bool = True
    trusted: tuple[str, ...] = ()
    counts: bool = False


def evaluator_for(settings: Mapping[str, Any]) -> Evaluator:
    """This process's evaluator for a run: made once, so that requests are built once."""
    return _evaluator(canonical(dict(settings)))


def evaluate_job(
    job: Job, on_event: OnEvent = lambda *_: None, *, together: bool = True
) -> Iterator[Result]:
    """Evaluates one job here; any executor may call it in any process.

    on_event: is told what happens, with the model's id among the facts of each event.
    together: as the evaluator's. Raises StoreError where results cannot be kept, and DeviceError
    where nothing more can be computed in this process.
    """
    with kept():  # what a guest's loader changes of the process is no other model's business
        yield from _evaluated(job, on_event, together)


def _evaluated(job: Job, on_event: OnEvent, together: bool) -> Iterator[Result]:
    evaluator = evaluator_for(job.settings)
    evaluator.on_event = lambda name, facts: on_event(name, {**facts, "model": job.model.id})
    cells: list[Cell] = []
    for spec in job.specs:
        prepared = evaluator.prepare(spec)
        if isinstance(prepared, Result):
            yield prepared
        else:
            cells.append(prepared)
    yield from evaluator.evaluate(cells, together=together)


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
        builtins={"loaders": LOADERS},
    )

    def loader_of(model: Model, config: Mapping[str, Any] | None = None) -> Loader:
        return host.loader_of(model, settings.loader, config)

    return Evaluator(
        store=host.store,
        preparer=Preparer(
            TaskLoader(
                host.catalogue.tasks,
                host.config.unsafe_code,
                host.config.sandbox,
                settings.trusted,
            ),
            loader_of,
            settings.dtype,
            settings.loader_args,
            lambda key: host.store.get_or_set_aside(RESPONSES, key),
            host.registry.regimes,
        ),
        loader_of=loader_of,
        device=settings.device,
        batch_size=settings.batch_size,
        plugins=host.versions_of_plugins(),
        fresh=settings.fresh,
        asks=settings.asks,
        counts=settings.counts,
    )
