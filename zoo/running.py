"""Plan to store: what is missing is evaluated, what is there is read, and a record is written."""

from __future__ import annotations

import inspect
import platform
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.benchmarks import Suite
from zoo.errors import StoreError, ZooError
from zoo.evaluation.asked import keep_asked
from zoo.evaluation.environment import resolve_device, resolve_dtype
from zoo.evaluation.evaluator import OnEvent
from zoo.evaluation.preflight.findings import Finding
from zoo.evaluation.preflight.inspection import inspect as inspect_cells
from zoo.evaluation.preparing import Cell
from zoo.executors import Settings, evaluator_for
from zoo.fingerprints import digest
from zoo.hookspecs import Executor, Job, Probe
from zoo.host import Host
from zoo.liveness import Sign, signs_of_life
from zoo.maintenance import add_to_index
from zoo.measuring import measured
from zoo.models import Family, Model
from zoo.plan import Plan, Wishes, as_asked, make_plan
from zoo.probes import chosen, known_of, wanted
from zoo.probing import describe
from zoo.progress import Progress, Tally
from zoo.redaction import redact, refuse_secrets
from zoo.results import RecordedCell, Result, RunRecord, RunSpec
from zoo.structuring import plain

UNASKED = "the run was stopped before this cell had a score; run again to go on"
"""Why a cell of an interrupted run failed."""

LOCAL = ("run", "store", "config", "fresh", "asks", "counts")
"""Settings that say nothing of the numbers and stay out of the record."""


@dataclass(frozen=True)
class Options:
    """How a run is to be made, as the command line says it.

    asks: whether models may be asked; otherwise only stored answers are scored.
    probes: names, or "all"; probe_args: by "probe.argument".
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
    probes: tuple[str, ...] = ()
    probe_args: Mapping[str, Any] = field(default_factory=dict)


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


class Interrupted(KeyboardInterrupt):
    """A run was stopped; what it had finished is in the store, and in its record.

    outcome: what there is of it.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__("the run was stopped")


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

    Raises ConfigError where they cannot be met, or hold a secret.
    """
    refuse_secrets(options.loader_args, "--loader-args")
    refuse_secrets(options.executor_args, "--executor-args")
    refuse_secrets(options.wishes.gen_kwargs, "--gen-kwargs")
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
        counts=bool({"cost", "all"} & set(options.probes)),
    )


def run_family(
    host: Host,
    family: Family,
    suite: Suite,
    options: Options,
    on_event: OnEvent = lambda *_: None,
    command: str = "",
) -> Outcome:
    """Runs a family on a suite. Cells that fail are in the outcome with their reason.

    Every cell is prepared before the first weight is loaded; what the store has is not asked again.
    command: what was typed, for `zoo status` to say how to go on.
    Raises StoreError where results cannot be kept, and Interrupted where on_event or a signal
    raised KeyboardInterrupt; what is finished by then is kept.
    """
    started = datetime.now(UTC)
    suite = as_asked(suite, options.wishes)
    settings = settings_of(host, options)
    executor = host.executor(options.executor)
    plan = plan_family(host, family, suite, options.wishes)
    probes = chosen(host.registry.probes, options.probes, options.probe_args)
    tally = Tally()

    def tell(name: str, facts: Mapping[str, Any]) -> None:
        tally(name, facts)
        on_event(name, facts)

    first = _sign(family, suite, options, settings, started, command)
    done: list[Result] = []
    questions: dict[tuple[object, ...], str] = {}
    interruption: KeyboardInterrupt | None = None
    with signs_of_life(host.store.root, first, tally.now):
        more = wanted_by(host, probes, family, plan, done, options, tell)
        wave: Plan | None = replace(plan, specs=plan.specs + more)
        try:
            while wave is not None:
                brought, asked, interruption = _wave(
                    host, family, suite, wave, options, settings, executor, tell
                )
                done += brought
                questions |= asked
                more = wanted_by(host, probes, family, plan, done, options, tell)
                wave = Plan(more) if more and interruption is None else None
            if interruption is None:
                done += measured(host, probes, family, executor, settings, done, tell)
        except KeyboardInterrupt as problem:
            if not done:
                raise  # there is nothing yet to make a record of
            interruption = problem
        ordered = (*done, *plan.failed)
        record = _record(family, suite, options, settings, started, ordered, questions)
        path = host.store.add_run(record)
        add_to_index(host.store, ordered)
        outcome = Outcome(family, suite, ordered, record, path)
        tell(
            "interrupted" if interruption else "finished",
            {
                "record": str(path),
                "cells": len(ordered),
                "scored": sum(result.status == "scored" for result in ordered),
                "failed": len(outcome.failed),
            },
        )
        if interruption is not None:
            raise Interrupted(outcome) from interruption
    return outcome


def wanted_by(
    host: Host,
    probes: Sequence[Probe],
    family: Family,
    plan: Plan,
    done: Sequence[Result],
    options: Options,
    tell: OnEvent = lambda *_: None,
) -> tuple[RunSpec, ...]:
    """What probes want asked beside a plan, given what was answered so far."""

    def say(text: str) -> None:
        tell("finding", plain(Finding(text)))

    tasks = {spec.benchmark.task: spec.benchmark for spec in plan.specs}
    types = host.catalogue.output_types(Suite("", tuple(tasks.values())))
    known = known_of(family, host.registry.regimes, plan.specs, done, types)
    return wanted(probes, known, options.probe_args, say)


def _wave(
    host: Host,
    family: Family,
    suite: Suite,
    plan: Plan,
    options: Options,
    settings: Settings,
    executor: Executor,
    tell: OnEvent,
) -> tuple[list[Result], dict[tuple[object, ...], str], KeyboardInterrupt | None]:
    """Runs cells that can all be asked now: their results in order, where the store keeps what was
    asked, and what stopped the run if anything did.
    """
    results: dict[int, Result] = {}
    cells = _prepare(plan.specs, plain(settings), results, tell)
    shown = [cell for cell in cells.values() if not cell.spec.purpose]
    names = [cell.spec.identity for cell in shown]
    questions = dict(zip(names, keep_asked(host.store, shown), strict=True))
    device = None if executor.remote else settings.device
    waiting = _waiting(host, cells, device, results, tell)
    tell("start", _start(plan, family, suite, results, waiting))
    missing = UNASKED
    interruption: KeyboardInterrupt | None = None
    try:
        with closing(_executed(executor, waiting, settings, options, tell)) as brought:
            for number, result in brought:
                results[number] = replace(result, error=redact(result.error))
                tell("result", _told(results[number]))
        missing = f"the executor {executor.name!r} gave no result for this cell; run again"
    except ZooError:
        raise
    except KeyboardInterrupt as problem:
        interruption = problem
    except Exception as problem:
        missing = f"the executor {executor.name!r} stopped: {redact(describe(problem))}; run again"
    for number, cell in waiting.items():
        results.setdefault(number, Result(cell.spec, "failed", error=missing))
    return [results[number] for number in sorted(results)], questions, interruption


def _executed(
    executor: Executor,
    waiting: Mapping[int, Cell],
    settings: Settings,
    options: Options,
    tell: OnEvent,
) -> Generator[tuple[int, Result], None, None]:
    """Results by their place in the plan, as the executor brings them."""
    jobs = [
        Job(model, tuple(waiting[number].spec for number in numbers), plain(settings))
        for model, numbers in _by_model(waiting)
    ]
    numbers_of: dict[tuple[object, ...], list[int]] = {}
    for number, cell in waiting.items():
        numbers_of.setdefault(cell.spec.identity, []).append(number)
    listening = {"on_event": tell} if _takes(executor.run, "on_event") else {}
    for result in executor.run(jobs, **listening, **options.executor_args):
        for number in numbers_of.get(result.spec.identity, ()):
            yield number, result


def _start(
    plan: Plan,
    family: Family,
    suite: Suite,
    results: Mapping[int, Result],
    waiting: Mapping[int, Cell],
) -> dict[str, Any]:
    """What a run has before it, in all and by model. Cells that share an answer ask it once."""
    asked: dict[str, dict[str, int]] = {model.id: {} for model in family.models}
    seen: set[str] = set()
    for cell in waiting.values():
        if cell.response_key not in seen:
            seen.add(cell.response_key)
            asked.setdefault(cell.spec.model.id, {})[cell.response_key] = cell.size
    found = [*results.values(), *plan.failed]
    return {
        "family": family.name,
        "suite": suite.name,
        "models": len(family.models),
        "cells": len(plan.specs) + len(plan.failed),
        "reused": sum(result.reused for result in found),
        "failed": sum(result.status == "failed" for result in found),
        "requests": sum(sum(sizes.values()) for sizes in asked.values()),
        "by_model": [
            {
                "model": model,
                "cells": sum(cell.spec.model.id == model for cell in waiting.values()),
                "reused": sum(r.reused for r in found if r.spec.model.id == model),
                "requests": sum(sizes.values()),
            }
            for model, sizes in asked.items()
        ],
    }


def _told(result: Result) -> dict[str, Any]:
    """What is told of a result."""
    spec = result.spec
    return {
        "model": spec.model.id,
        "benchmark": spec.benchmark.name,
        "protocol": spec.protocol,
        "name": spec.name,
        "status": result.status,
        "error": result.error,
    }


def _sign(
    family: Family,
    suite: Suite,
    options: Options,
    settings: Settings,
    started: datetime,
    command: str,
) -> Sign:
    """The run's first sign of life."""
    now = started.isoformat(timespec="seconds")
    wishes = plain(replace(options, executor=None, executor_args={}, fresh=False))
    asked = digest([[model.id for model in family.models], plain(suite), wishes])
    progress = Progress(family.name, suite.name)
    return Sign(settings.run, now, now, 1, platform.node(), asked, redact(command), progress)


def _takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function can be given an argument of that name."""
    parameters = inspect.signature(function).parameters.values()
    return any(p.name == name or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def _waiting(
    host: Host,
    cells: Mapping[int, Cell],
    device: str | None,
    results: dict[int, Result],
    tell: OnEvent,
) -> dict[int, Cell]:
    """Cells that are to be asked, by their place in the plan; what cannot be goes into `results`.

    What is found of this machine is told. Raises StoreError where the run is not to be begun.
    """
    waiting = {number: cell for number, cell in cells.items() if number not in results}
    found = inspect_cells(list(waiting.values()), device=device, store=host.store.root)
    for finding in found:
        tell("finding", plain(finding))
        if not finding.refuses:
            continue
        if not finding.model:
            raise StoreError(finding.text)
        for number, cell in list(waiting.items()):
            if cell.spec.model.id == finding.model:
                results[number] = Result(cell.spec, "failed", error=finding.text)
                del waiting[number]
    return waiting


@dataclass(frozen=True)
class Checked:
    """What a run would do: cells that fail now, that the store has, and that are to be asked.

    specs: all that could be planned, those among them that probes want of what the store has.
    requests: answers that are lacking, by purpose ("" for the suite's own cells).
    """

    specs: tuple[RunSpec, ...]
    failed: tuple[Result, ...]
    reused: tuple[Result, ...]
    asked: tuple[RunSpec, ...]
    requests: Mapping[str, int]


def check_family(
    host: Host, family: Family, plan: Plan, options: Options, on_event: OnEvent = lambda *_: None
) -> Checked:
    """Prepares every cell of a plan, as a run does before it loads the first weight."""
    settings = settings_of(host, options)
    device = None if host.executor(options.executor).remote else settings.device
    probes = chosen(host.registry.probes, options.probes, options.probe_args)
    specs: tuple[RunSpec, ...] = ()
    known: list[Result] = []
    asked: list[RunSpec] = []
    sizes: dict[str, tuple[str, int]] = {}
    more = plan.specs + wanted_by(host, probes, family, plan, known, options, on_event)
    while more:
        results: dict[int, Result] = {}
        cells = _prepare(more, plain(settings), results, on_event)
        waiting = _waiting(host, cells, device, results, on_event)
        specs += more
        known += results.values()
        asked += [cell.spec for cell in waiting.values()]
        for cell in waiting.values():
            sizes.setdefault(cell.response_key, (cell.spec.purpose, cell.size))
        unasked = {spec.identity for spec in asked}
        wished = wanted_by(host, probes, family, plan, known, options, on_event)
        more = tuple(spec for spec in wished if spec.identity not in unasked)
    requests: dict[str, int] = {}
    for purpose, size in sizes.values():
        requests[purpose] = requests.get(purpose, 0) + size
    return Checked(
        specs,
        tuple(each for each in known if each.status == "failed") + plan.failed,
        tuple(each for each in known if each.reused),
        tuple(asked),
        requests,
    )


def _prepare(
    specs: Sequence[RunSpec],
    settings: Mapping[str, Any],
    results: dict[int, Result],
    on_event: OnEvent,
) -> dict[int, Cell]:
    """Cells by their place in the plan; what fails or is in the store goes into `results`."""
    evaluator = evaluator_for(settings)
    cells: dict[int, Cell] = {}
    for number, spec in enumerate(specs):
        on_event("preparing", {"done": number, "cells": len(specs), "name": spec.name})
        prepared = evaluator.prepare(spec)
        if isinstance(prepared, Result):
            results[number] = replace(prepared, error=redact(prepared.error))
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
            "probes": list(options.probes),
            "probe_args": dict(options.probe_args),
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
