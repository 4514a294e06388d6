"""Files to a run in the store, so that every report of it is one of a run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from zoo.benchmarks import Benchmark, Suite
from zoo.errors import BenchmarkError, ConfigError, UnknownNameError
from zoo.host import Host
from zoo.importing.cells import LOADER, ImportedCell, described, keep_cell
from zoo.importing.formats import read_all
from zoo.importing.nouns import Results, TaskResults
from zoo.importing.whose import Owned, find_owners
from zoo.maintenance import keep_run
from zoo.models import Family, Model, Prompting
from zoo.plan import Wishes, make_plan
from zoo.results import Protocol, RecordedCell, Result, RunRecord, RunSpec
from zoo.structuring import plain


@dataclass(frozen=True)
class Imported:
    """A run that was made of files. problems: what could not be taken, each with why; notes: what
    was left out on purpose."""

    family: Family
    suite: Suite
    results: tuple[Result, ...]
    record: RunRecord
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """One task of one file, and the benchmark that it answers."""

    model: Model
    benchmark: Benchmark
    results: Results
    task: TaskResults


def import_files(
    host: Host,
    paths: Sequence[Path],
    *,
    family: str | None = None,
    models: Mapping[str, str] | None = None,
    suite: str | None = None,
) -> Imported:
    """Reads results files, or folders of them, and records them as a run.

    family: whose models the results are of; by default the one that they fit. models: model id ->
    what the file calls the model, or where the file lies. suite: only its benchmarks are taken.
    Raises ConfigError where nothing can be imported, StoreError where it cannot be kept.
    """
    read = read_all(paths)
    if not read.results:
        raise ConfigError(read.problems[0] if read.problems else "there is nothing to import")
    owned = find_owners(read.results, host.discovery.families, family, models)
    (lineage,) = host.discovery.resolve([owned.family])
    notes: list[str] = []
    found = list(_found(host, lineage, owned, suite, notes))
    if not found:
        raise ConfigError(f"none of the tasks is one of the suite {suite!r}: {'; '.join(notes)}")
    plainly = all(_is_plain(each.results.asked) for each in found)
    cells: dict[tuple[object, ...], tuple[RunSpec, _Found]] = {}
    for each in sorted(found, key=lambda one: one.results.date):
        for protocol in ("uniform",) if plainly else _protocols(host, each):
            spec = RunSpec(
                each.model,
                each.benchmark,
                protocol,
                each.results.asked,
                each.results.seed,
                each.task.limit,
                rules=(("imported", each.results.format),),
            )
            if spec.identity in cells:
                older = cells[spec.identity][1].results.path
                notes.append(f"{older} is older than {each.results.path} and left out: {spec.name}")
            cells[spec.identity] = spec, each
    order = {model.id: place for place, model in enumerate(lineage.models)}
    kept = [
        keep_cell(host.store, spec, each.results, each.task)
        for spec, each in sorted(cells.values(), key=lambda pair: order[pair[0].model.id])
    ]
    results = tuple(each.result for each in kept)
    present = {result.spec.model.id: result.spec.model for result in results}
    asked = _suite(results, suite)
    record = _record(lineage.name, asked, kept)
    keep_run(host.store, record, results)
    shown = replace(lineage, models=tuple(present.values()), suite=asked.name)
    problems = (*read.problems, *owned.problems)
    return Imported(shown, asked, results, record, problems, tuple(dict.fromkeys(notes)))


def _found(
    host: Host, family: Family, owned: Owned, suite: str | None, notes: list[str]
) -> Iterator[_Found]:
    """Every task of every file with its benchmark; what a named suite does not ask is noted."""
    by_id = {model.id: model for model in family.models}
    wanted = host.catalogue.suite(suite) if suite else None
    for owner, results in owned.results:
        # which bytes answered is not known: only what the file says of them
        model = replace(by_id[owner], revision=results.revision)
        for task in results.tasks:
            if wanted is None:
                yield _Found(model, described(_benchmark(host, task), task), results, task)
                continue
            asked = [each for each in wanted.benchmarks if _is_asked(each, task)]
            for each in asked:
                yield _Found(model, described(each, task), results, task)
            if not asked:
                shots = f"{task.name} with {task.num_fewshot} shots"
                notes.append(f"{results.path}: the suite {suite!r} does not ask {shots}")


def _is_asked(benchmark: Benchmark, task: TaskResults) -> bool:
    return (
        benchmark.task == task.name
        and benchmark.num_fewshot in (None, task.num_fewshot)
        and (benchmark.metric, benchmark.filter) in task.aggregates
    )


def _benchmark(host: Host, task: TaskResults) -> Benchmark:
    """What this zoo says of a task; one that it does not know measures itself."""
    try:
        return host.suite(None, (task.name,), None).benchmarks[0]
    except (UnknownNameError, BenchmarkError, ConfigError):
        return Benchmark(task.name, "", capability=task.name)


def _protocols(host: Host, found: _Found) -> tuple[Protocol, ...]:
    """Under which protocols results stand, by how they were asked.

    Plain completion is the uniform protocol; it is the native one too where the stage's regime asks
    plainly, so that a child asked in its own form has a parent to be held against. Anything else is
    some form of its own, and stands under the native one.
    """
    if not _is_plain(found.results.asked):
        return ("native",)
    plan = make_plan(
        (found.model,),
        Suite("", (found.benchmark,)),
        host.registry.regimes,
        Wishes(protocols=("native",)),
        prompting=host.config.prompting,
        model_prompting=host.config.model_prompting,
    )
    if any(_is_plain(spec.prompting) for spec in plan.specs):
        return ("uniform", "native")
    return ("uniform",)


def _is_plain(prompting: Prompting) -> bool:
    return not (prompting.is_chat or prompting.system_instruction)


def _suite(results: Sequence[Result], name: str | None) -> Suite:
    """What was found, as a suite: named like the one that was asked for, else by its tasks."""
    benchmarks = {result.spec.benchmark.key: result.spec.benchmark for result in results}
    chosen = tuple(benchmarks[key] for key in sorted(benchmarks, key=str))
    return Suite(name or ",".join(dict.fromkeys(each.task for each in chosen)), chosen)


def _record(family: str, suite: Suite, cells: Sequence[ImportedCell]) -> RunRecord:
    results = [each.result for each in cells]
    started = datetime.now(UTC)

    def shared(values: set[object]) -> object:
        return values.pop() if len(values) == 1 else None

    return RunRecord(
        id=f"{started:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}",
        family=family,
        suite=plain(suite),
        started=started.isoformat(timespec="seconds"),
        settings={
            "loader": LOADER,
            "dtype": shared({result.provenance.dtype for result in results}),
            "seed": shared({result.spec.seed for result in results}),
            "limit": shared({result.spec.limit for result in results}),
            "num_fewshot": None,
            "gen_kwargs": {},
            "imported": True,
        },
        cells=tuple(
            RecordedCell(
                spec=each.result.spec,
                status=each.result.status,
                score_key=each.result.provenance.score_key,
                error=each.result.error,
                questions=each.questions,
            )
            for each in cells
        ),
    )
