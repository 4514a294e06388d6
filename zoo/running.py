"""Plan to store: what is missing is evaluated, what is there is read, and a record is written."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.benchmarks import Suite
from zoo.errors import ZooError
from zoo.evaluation.asked import keep_asked
from zoo.evaluation.environment import resolve_device, resolve_dtype
from zoo.evaluation.evaluator import OnEvent
from zoo.evaluation.preparing import Cell
from zoo.executors import Settings, evaluator_for
from zoo.hookspecs import Job
from zoo.host import Host
from zoo.maintenance import add_to_index
from zoo.models import Family, Model
from zoo.plan import Plan, Wishes, as_asked, make_plan
from zoo.probing import describe
from zoo.results import RecordedCell, Result, RunRecord
from zoo.structuring import plain

LOCAL = ("run", "store", "config", "fresh", "asks")
"""Settings that say nothing of the numbers and stay out of the record."""


@dataclass(frozen=True)
class Options:
    """How a run is to be made, as the command line says it.

    asks: whether models may be asked; otherwise only stored answers are scored.
    """

    wishes: Wishes = field(default_factory=Wishes)
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int | str = "auto"
    loader: str | None = None
    loader_args: Mapping[str, Any] = field(default_factory=dict)
    executor: str | None = None
    executor_args: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    asks: bool = True


@dataclass(frozen=True)
class Outcome:
    """What a run brought, cell by cell in the order of the plan, and where it is recorded."""

    family: Family
    suite: Suite
    results: tuple[Result, ...]
    record: RunRecord
    path: Path

    @property
    def failed(self) -> tuple[Result, ...]:
        """Cells that were asked for and have no score."""
        return tuple(result for result in self.results if result.status == "failed")


def plan_family(host: Host, family: Family, suite: Suite, wishes: Wishes) -> Plan:
    """The plan for a family on a suite, as this zoo's configuration resolves it."""
    return make_plan(
        family.models,
        suite,
        host.registry.regimes,
        wishes,
        prompting=host.config.prompting,
        model_prompting=host.config.model_prompting,
        output_types=host.catalogue.output_types(suite),
    )


def settings_of(host: Host, options: Options) -> Settings:
    """The options with device and dtype resolved, for a run of their own.

    Raises ConfigError where they cannot be met.
    """
    device = resolve_device(options.device, here=not host.executor(options.executor).remote)
    return Settings(
        run=f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}",
        store=str(host.store.root.resolve()),
        device=device,
        dtype=resolve_dtype(options.dtype, device),
        batch_size=options.batch_size,
        loader=options.loader,
        loader_args=dict(options.loader_args),
        config=str(host.config.path) if host.config.path else None,
        plugins_enabled=host.plugins_enabled,
        include_paths=tuple(str(path.resolve()) for path in host.include_paths),
        fresh=options.fresh,
        asks=options.asks,
    )


def run_family(
    host: Host,
    family: Family,
    suite: Suite,
    options: Options,
    on_event: OnEvent = lambda *_: None,
) -> Outcome:
    """Runs a family on a suite. Cells that fail are in the outcome with their reason.

    Every cell is prepared before the first weight is loaded; what the store has is not asked again.
    Raises StoreError where results cannot be kept; what is finished by then is kept.
    """
    started = datetime.now(UTC)
    suite = as_asked(suite, options.wishes)
    settings = settings_of(host, options)
    executor = host.executor(options.executor)
    plan = plan_family(host, family, suite, options.wishes)
    results: dict[int, Result] = {}
    cells = _prepare(plan, plain(settings), results, on_event)
    names = [cell.spec.identity for cell in cells.values()]
    questions = dict(zip(names, keep_asked(host.store, cells.values()), strict=True))
    waiting = {number: cell for number, cell in cells.items() if number not in results}
    on_event(
        "start",
        {
            "family": family.name,
            "suite": suite.name,
            "models": len(family.models),
            "cells": len(plan.specs) + len(plan.failed),
            "reused": sum(result.reused for result in results.values()),
            "requests": sum(
                cell.size
                for cell in {cell.response_key: cell for cell in waiting.values()}.values()
            ),
        },
    )
    jobs = [
        Job(model, tuple(cells[number].spec for number in numbers), plain(settings))
        for model, numbers in _by_model(waiting)
    ]
    numbers_of: dict[tuple[object, ...], list[int]] = {}
    for number, cell in waiting.items():
        numbers_of.setdefault(cell.spec.identity, []).append(number)
    lost = f"the executor {executor.name!r} gave no result for this cell; run again"
    try:
        listening = {"on_event": on_event} if _takes(executor.run, "on_event") else {}
        for result in executor.run(jobs, **listening, **options.executor_args):
            results.update(dict.fromkeys(numbers_of.get(result.spec.identity, ()), result))
            on_event("result", {"name": result.spec.name, "status": result.status})
    except ZooError:
        raise
    except Exception as problem:
        lost = f"the executor {executor.name!r} stopped: {describe(problem)}; run again"
    for number, cell in waiting.items():
        results.setdefault(number, Result(cell.spec, "failed", error=lost))
    ordered = (*(results[number] for number in sorted(results)), *plan.failed)
    record = _record(family, suite, options, settings, started, ordered, questions)
    path = host.store.add_run(record)
    add_to_index(host.store, ordered)
    on_event("finished", {"record": str(path), "cells": len(ordered)})
    return Outcome(family, suite, ordered, record, path)


def _takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function can be given an argument of that name."""
    parameters = inspect.signature(function).parameters.values()
    return any(p.name == name or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def _prepare(
    plan: Plan, settings: Mapping[str, Any], results: dict[int, Result], on_event: OnEvent
) -> dict[int, Cell]:
    """Cells by their place in the plan; what fails or is in the store goes into `results`."""
    evaluator = evaluator_for(settings)
    cells: dict[int, Cell] = {}
    for number, spec in enumerate(plan.specs):
        on_event("preparing", {"done": number, "cells": len(plan.specs), "name": spec.name})
        prepared = evaluator.prepare(spec)
        if isinstance(prepared, Result):
            results[number] = prepared
            continue
        cells[number] = prepared
        if (found := evaluator.finished(prepared)) is not None:
            results[number] = found
    return cells


def _by_model(cells: Mapping[int, Cell]) -> list[tuple[Model, list[int]]]:
    """Places of the cells of each model, in the order of the plan."""
    groups: dict[str, tuple[Model, list[int]]] = {}
    for number, cell in cells.items():
        groups.setdefault(cell.spec.model.id, (cell.spec.model, []))[1].append(number)
    return list(groups.values())


def _record(
    family: Family,
    suite: Suite,
    options: Options,
    settings: Settings,
    started: datetime,
    results: tuple[Result, ...],
    questions: Mapping[tuple[object, ...], str],
) -> RunRecord:
    return RunRecord(
        id=settings.run,
        family=family.name,
        suite=plain(suite),
        started=started.isoformat(timespec="seconds"),
        settings={
            **{k: v for k, v in plain(settings).items() if k not in LOCAL},
            "seed": options.wishes.seed,
            "limit": options.wishes.limit,
            "num_fewshot": options.wishes.num_fewshot,
            "gen_kwargs": dict(options.wishes.gen_kwargs),
        },
        cells=tuple(
            RecordedCell(
                spec=result.spec,
                status=result.status,
                response_key=result.provenance.response_key,
                score_key=result.provenance.score_key,
                error=result.error,
                reused=result.reused,
                questions=questions.get(result.spec.identity, ""),
            )
            for result in results
        ),
    )
