"""A job with what planning needs to know of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from zoo.evaluation.checkpoints import is_whole
from zoo.evaluation.preparing import Cell
from zoo.executors.evaluating import evaluator_for
from zoo.fingerprints import canonical
from zoo.hookspecs import Job
from zoo.results import Result, RunSpec
from zoo.tasks import FILE_BUILDERS

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN")
"""Variables that let a process act as a person on the Hub."""


@dataclass(frozen=True)
class Unit:
    """Specs that share one answer, so that they stay together. requests: answers they take."""

    specs: tuple[RunSpec, ...]
    requests: int


@dataclass(frozen=True)
class Work:
    """A job, sized.

    base: the weights under its model, or the model's own; tokenizer: a hash. Work of one base, and
        of one tokenizer, is best done by one worker.
    gpus: devices it takes at once; 1 on a CPU too.
    secrets: variables of the environment that it needs and other work is not given.
    """

    job: Job
    units: tuple[Unit, ...]
    base: str = ""
    tokenizer: str = ""
    gpus: int = 1
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def requests(self) -> int:
        """Answers it takes."""
        return sum(unit.requests for unit in self.units)

    def of(self, units: tuple[Unit, ...]) -> Work:
        """The same with some of its units, specs in the job's order."""
        kept = {spec.identity for unit in units for spec in unit.specs}
        specs = tuple(spec for spec in self.job.specs if spec.identity in kept)
        return replace(self, units=units, job=replace(self.job, specs=specs))


def sized(job: Job) -> Work:
    """A job as its evaluator knows it; what cannot be prepared takes no answers."""
    evaluator = evaluator_for(job.settings)
    cells: list[Cell] = []
    units: dict[str, Unit] = {}
    for spec in job.specs:
        prepared = evaluator.prepare(spec)
        if isinstance(prepared, Result):
            units[f"failed {len(units)}"] = Unit((spec,), 0)
            continue
        key = prepared.response_key
        shared = units[key].specs if key in units else ()
        units[key] = Unit((*shared, spec), prepared.size)
        cells.append(prepared)
    on_gpus = str(job.settings.get("device", "")).startswith("cuda")
    work = Work(job, tuple(units.values()), gpus=max(1, job.model.gpus) if on_gpus else 1)
    if not cells:
        return work
    checkpoint = cells[0].checkpoint
    hub = {name: os.environ[name] for name in TOKENS if name in os.environ}
    return replace(
        work,
        base=str(checkpoint.folder or job.model.id),
        tokenizer=checkpoint.identity.tokenizer,
        secrets=hub if any(_needs_the_hub(cell) for cell in cells) else {},
    )


def _needs_the_hub(cell: Cell) -> bool:
    """Whether a worker may have to ask the Hub: it is not all folders and files of this machine."""
    config = cell.loaded.source.config
    is_file = config.get("dataset_path") in FILE_BUILDERS
    is_elsewhere = "://" in canonical(config.get("dataset_kwargs"))
    folder, repository = cell.checkpoint.folder, cell.checkpoint.repository
    is_here = folder is not None and (repository is None or is_whole(folder))
    return not (is_file and is_here) or is_elsewhere
