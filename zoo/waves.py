"""One wave of cells: prepared, asked where the store lacks them, each with what is told of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from zoo.benchmarks import Suite
from zoo.errors import ZooError
from zoo.evaluation.asked import keep_asked
from zoo.evaluation.evaluator import OnEvent
from zoo.evaluation.preflight.findings import Finding
from zoo.evaluation.preparing import Cell
from zoo.executors import Settings
from zoo.hookspecs import Executor, Job, Probe
from zoo.host import Host
from zoo.models import Family, Model
from zoo.plan import Plan
from zoo.preparation import cells_to_ask, prepare_cells
from zoo.probes import known_of, wanted
from zoo.probing import describe
from zoo.redaction import redact
from zoo.results import Result, RunSpec
from zoo.structuring import plain
from zoo.telling import what_came, what_lies_ahead

WAVES = 8
"""Most times that probes may ask about the answers to what they asked: one that always wants more
ends there."""

UNASKED = "the run was stopped before this cell had a score; run again to go on"
"""Why a cell of an interrupted run failed."""


def wanted_by(
    host: Host,
    probes: Sequence[Probe],
    family: Family,
    plan: Plan,
    done: Sequence[Result],
    probe_args: Mapping[str, Any],
    tell: OnEvent = lambda *_: None,
) -> tuple[RunSpec, ...]:
    """What probes want asked beside a plan, given what was answered so far."""

    def say(text: str) -> None:
        tell("finding", plain(Finding(text)))

    tasks = {spec.benchmark.task: spec.benchmark for spec in plan.specs}
    types = host.catalogue.output_types(Suite("", tuple(tasks.values())))
    known = known_of(family, host.registry.regimes, plan.specs, done, types)
    return wanted(probes, known, probe_args, say)


def run_wave(
    host: Host,
    family: Family,
    suite: Suite,
    plan: Plan,
    settings: Settings,
    executor: Executor,
    executor_args: Mapping[str, Any],
    tell: OnEvent,
) -> tuple[list[Result], dict[tuple[object, ...], str], KeyboardInterrupt | None]:
    """Runs cells that can all be asked now: their results in order, where the store keeps what was
    asked, and what stopped the run if anything did.
    """
    results: dict[int, Result] = {}
    cells = prepare_cells(plan.specs, plain(settings), results, tell)
    shown = [cell for cell in cells.values() if not cell.spec.purpose]
    names = [cell.spec.identity for cell in shown]
    questions = dict(zip(names, keep_asked(host.store, shown), strict=True))
    device = None if executor.remote else settings.device
    waiting = cells_to_ask(host, cells, device, results, tell)
    tell("start", what_lies_ahead(plan, family, suite, results, waiting))
    missing = UNASKED
    interruption: KeyboardInterrupt | None = None
    try:
        with closing(_executed(executor, executor_args, waiting, settings, tell)) as brought:
            for number, result in brought:
                results[number] = replace(result, error=redact(result.error))
                tell("result", what_came(results[number]))
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
    executor_args: Mapping[str, Any],
    waiting: Mapping[int, Cell],
    settings: Settings,
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
    for result in executor.run(jobs, **listening, **executor_args):
        for number in numbers_of.get(result.spec.identity, ()):
            yield number, result


def _takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function can be given an argument of that name."""
    parameters = inspect.signature(function).parameters.values()
    return any(p.name == name or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def _by_model(cells: Mapping[int, Cell]) -> list[tuple[Model, list[int]]]:
    """Places of the cells of each model, in the order of the plan."""
    groups: dict[str, tuple[Model, list[int]]] = {}
    for number, cell in cells.items():
        groups.setdefault(cell.spec.model.id, (cell.spec.model, []))[1].append(number)
    return list(groups.values())
