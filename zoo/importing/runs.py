"""Files to a run in the store, so that every report of it is one of a run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from zoo.benchmarks import Benchmark, Suite
from zoo.errors import BenchmarkError, ConfigError, UnknownNameError
from zoo.fingerprints import digest
from zoo.host import Host
from zoo.importing.cells import LOADER, UNSAID, ImportedCell, described, keep_cells
from zoo.importing.formats import read_all
from zoo.importing.nouns import Results, TaskResults
from zoo.importing.unnamed import lineages
from zoo.importing.whose import find_owners
from zoo.maintenance import keep_runs
from zoo.models import Family, Model, Prompting
from zoo.plan import Wishes, make_plan
from zoo.results import Protocol, Result, RunRecord, RunSpec
from zoo.store import Store
from zoo.structuring import plain

LONGEST = 80
"""Characters of a suite's name that is made of its tasks."""

BATCH = 64
"""Runs that are written at once."""


@dataclass(frozen=True)
class ImportedRun:
    """A run that was made of files: one family's results, each cell once.

    id: of its record in the store, which has all else. cells: how many; failed: those without a
    score. unsaid: what its files do not say of how they were made -> models.
    """

    id: str
    family: str
    models: tuple[str, ...]
    cells: int
    failed: tuple[Result, ...]
    unsaid: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Imported:
    """Everything that was made of files.

    problems: what could not be taken, each with why; notes: what was left out on purpose.
    """

    runs: tuple[ImportedRun, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def main(self) -> ImportedRun:
        """The run with the most cells, the newest of several."""
        return max(reversed(self.runs), key=lambda run: run.cells)


@dataclass(frozen=True)
class _Found:
    """One task of one file, and the benchmark that it answers."""

    model: Model
    benchmark: Benchmark
    results: Results
    task: TaskResults


Asked = tuple[RunSpec, _Found]


def import_files(
    host: Host,
    paths: Sequence[Path],
    *,
    family: str | None = None,
    models: Mapping[str, str] | None = None,
    suite: str | None = None,
) -> Imported:
    """Reads results files, or folders of them, and records them: a run for each family.

    family: whose models the results are of; by default the ones that they fit, and for models that
    no family names a lineage of what the files say. models: model id -> what the file calls the
    model, or where the file lies. suite: only its benchmarks are taken.
    Raises ConfigError where nothing can be imported, StoreError where it cannot be kept.
    """
    read = read_all(paths)
    owned = find_owners(read.results, host.discovery.families, family, models)
    found = [
        (host.discovery.resolve([name])[0], results) for name, results in owned.families.items()
    ]
    found += lineages(owned.unnamed, host.discovery)
    problems, notes = [*read.problems, *owned.problems], [*read.notes]
    asked_by = _asked_by(host, suite) if suite else None
    names = dict.fromkeys(task.name for results in read.results for task in results.tasks)
    known = {} if asked_by else {name: _benchmark(host, name) for name in names}
    planned = (
        (lineage, layer)
        for lineage, results in found
        for layer in _layers(host, list(_found(lineage, results, asked_by, known, notes)), notes)
    )
    runs: list[ImportedRun] = []
    while some := list(islice(planned, BATCH)):
        made = [_make(host.store, lineage, layer, suite) for lineage, layer in some]
        keep_runs(host.store, made)
        runs += [_told(*each) for each in made]
    if not runs:
        said = [*problems, *notes]
        raise ConfigError(said[0] if said else "there is nothing to import")
    return Imported(tuple(runs), tuple(problems), tuple(dict.fromkeys(notes)))


def _layers(host: Host, found: Sequence[_Found], notes: list[str]) -> list[list[Asked]]:
    """A family's cells, as runs in which each stands once; the last one holds the newest.

    Of results for one cell that were found alike the newest counts, and the others are noted. Those
    that were found otherwise (another revision, dtype, engine) are claims of their own.
    """
    plainly = all(_is_plain(each.results.asked) for each in found)
    layers: list[dict[tuple[object, ...], Asked]] = []
    for each in sorted(found, key=lambda one: one.results.date)[::-1]:
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
            for layer in layers:
                newer = layer.setdefault(spec.identity, (spec, each))
                if newer[1] is each:
                    break
                if _setting(newer) == _setting((spec, each)):
                    where = newer[1].results.path
                    notes.append(
                        f"{each.results.path} is older than {where} and left out: {spec.name}"
                    )
                    break
            else:
                layers.append({spec.identity: (spec, each)})
    return [list(layer.values())[::-1] for layer in reversed(layers)]


def _setting(asked: Asked) -> object:
    """How a number was found, as far as its file says."""
    spec, found = asked
    results = found.results
    return spec.model.revision, spec.limit, spec.prompting, results.dtype, results.engine


def _make(
    store: Store, lineage: Family, layer: Sequence[Asked], suite: str | None
) -> tuple[RunRecord, tuple[Result, ...]]:
    """The run of some cells; those with items are in the store then, the run is not."""
    order = {model.id: place for place, model in enumerate(lineage.models)}
    ordered = sorted(layer, key=lambda asked: order[asked[0].model.id])
    cells = list(keep_cells(store, ((spec, one.results, one.task) for spec, one in ordered)))
    results = tuple(each.result for each in cells)
    return _record(lineage.name, _suite(results, suite), cells), results


def _told(record: RunRecord, results: Sequence[Result]) -> ImportedRun:
    unsaid: dict[str, dict[str, None]] = {}
    for each in results:
        for fact in filter(None, each.provenance.imported.get(UNSAID, "").split(", ")):
            unsaid.setdefault(fact, {})[each.spec.model.id] = None
    return ImportedRun(
        record.id,
        record.family,
        tuple(dict.fromkeys(each.spec.model.id for each in results)),
        len(results),
        tuple(each for each in results if each.status == "failed"),
        {fact: tuple(models) for fact, models in unsaid.items()},
    )


def _found(
    family: Family,
    owned: Sequence[tuple[str, Results]],
    asked_by: Suite | None,
    known: Mapping[str, Benchmark],
    notes: list[str],
) -> Iterator[_Found]:
    """Every task of every file with its benchmark; what a named suite does not ask is noted."""
    by_id = {model.id: model for model in family.models}
    for owner, results in owned:
        # which bytes answered is not known: only what the file says of them
        model = replace(by_id[owner], revision=results.revision)
        for task in results.tasks:
            if asked_by is None:
                yield _Found(model, described(known[task.name], task), results, task)
                continue
            asked = [each for each in asked_by.benchmarks if _is_asked(each, task)]
            for each in asked:
                yield _Found(model, described(each, task), results, task)
            if not asked:
                shots = f"{task.name} with {task.num_fewshot} shots by a measure that is there"
                notes.append(f"{results.path}: the suite {asked_by.name!r} does not ask {shots}")


def _is_asked(benchmark: Benchmark, task: TaskResults) -> bool:
    return (
        benchmark.task == task.name
        and benchmark.num_fewshot in (None, task.num_fewshot)
        and (benchmark.metric, benchmark.filter) in task.aggregates
    )


def _benchmark(host: Host, task: str) -> Benchmark:
    """What this zoo says of a task; one that it does not know measures itself.

    Of a group of tasks a file has the mean: that is a measure of the group's own name.
    """
    if host.catalogue.knows(task):
        with suppress(UnknownNameError, BenchmarkError, ConfigError):
            found = host.suite(None, (task,), None).benchmarks[0]
            if found.task == task:
                return found
            return Benchmark(
                task,
                found.metric,
                found.filter,
                axis=found.axis,
                capability=found.capability,
                policy=found.policy,
                licence=found.licence,
            )
    return Benchmark(task, "", capability=task)


def _asked_by(host: Host, name: str) -> Suite:
    """A suite, with its groups of tasks both as they are named and task by task."""
    both = (*host.catalogue.suite(name).benchmarks, *host.catalogue.suites[name].benchmarks)
    return Suite(name, tuple({benchmark.key: benchmark for benchmark in both}.values()))


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
    """What was found, as a suite: named like the one that was asked for, else by its tasks.

    Of many tasks the name is short, and tells suites of other measures or tasks apart.
    """
    benchmarks = {result.spec.benchmark.key: result.spec.benchmark for result in results}
    chosen = tuple(benchmarks[key] for key in sorted(benchmarks, key=str))
    tasks = list(dict.fromkeys(each.task for each in chosen))
    joined = ",".join(tasks)
    if len(joined) > LONGEST:
        keys = digest([list(each.key) for each in chosen])[:6]
        joined = f"{tasks[0]} and {len(tasks) - 1} more tasks ({keys})"
    return Suite(name or joined, chosen)


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
        cells=tuple(each.recorded for each in cells),
    )
