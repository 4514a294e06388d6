"""Imported results as cells of the store, under keys of their own.

Who answered is not known by bytes, so an imported cell has no response key and never stands in for
one that was measured here. Its score key is made of its files and of how they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.errors import CellError
from zoo.evaluation.outcomes import result_of
from zoo.fingerprints import digest
from zoo.importing.nouns import Logged, Results, TaskResults, UnpairableError
from zoo.probing import describe
from zoo.questions import Question, keep_questions
from zoo.results import Item, Provenance, RecordedCell, Result, RunSpec, Score
from zoo.stats import mean_stderr
from zoo.store import SCORES, WRITERS, Store
from zoo.structuring import plain

LOADER = "imported"
"""What stands for the loader of an imported cell: a contrast with a cell that was measured here
has two loaders, and is marked as mixed."""

READING = 1
"""Version of how files become cells: raise it with every change of a number."""

UNSAID = "not_said"
"""Under which a cell's provenance keeps what its file does not say."""

ONLY_AGGREGATES = "no items, only its aggregate"


@dataclass(frozen=True)
class ImportedCell:
    """A result, and how it is kept.

    columns: its items, for the store; a cell without any is kept by its summary, in the record of
    its run. questions: what was asked, by prompt hash, under the key of that name.
    """

    result: Result
    summary: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    asked: Mapping[str, Question] = field(default_factory=dict)
    questions: str = ""

    @property
    def recorded(self) -> RecordedCell:
        """Its line in the record of the run."""
        return RecordedCell(
            spec=self.result.spec,
            status=self.result.status,
            score_key=self.result.provenance.score_key,
            error=self.result.error,
            questions=self.questions,
            summary={} if self.columns else self.summary,
        )


def read_cell(spec: RunSpec, results: Results, task: TaskResults) -> ImportedCell:
    """One task's results as a cell; a damaged one is a failed result that says why."""
    benchmark = spec.benchmark
    measure = benchmark.metric, benchmark.filter
    row = results.model, results.revision, results.dtype, results.asked.is_chat, spec.limit
    measured = task.name, task.num_fewshot, *measure, benchmark.cluster
    identity = [READING, results.sha256, task.sha256, *row, *measured]
    key = digest({"imported": identity})
    why = ONLY_AGGREGATES
    logged: Logged | None = None
    try:
        if task.broken:
            raise CellError(task.broken)
        if task.items is not None:
            logged = task.items(measure, benchmark.cluster)
    except UnpairableError as problem:
        why = f"{ONLY_AGGREGATES}, since {problem}"
    except CellError as problem:
        return ImportedCell(Result(spec, "failed", error=str(problem)))
    except Exception as problem:  # as of a file: items that nobody expected cost only their cell
        said = f"the items of {task.name} cannot be taken: {describe(problem)}"
        return ImportedCell(Result(spec, "failed", error=said))
    provenance = _provenance(results, task, key, "" if logged else why)
    items = logged.items if logged else ()
    score = _score(task, benchmark, items)
    summary = {"scores": plain((score,)), "provenance": plain(provenance)}
    if logged is None:
        return ImportedCell(Result(spec, "scored", (score,), provenance=provenance), summary)
    columns = {name: [getattr(each, name) for each in items] for name in Item.__dataclass_fields__}
    return ImportedCell(
        result_of(spec, (columns, summary)),
        summary,
        columns,
        logged.questions,
        digest({"imported": [READING, task.sha256, *measure]}),
    )


def keep_cells(
    store: Store, found: Iterable[tuple[RunSpec, Results, TaskResults]]
) -> Iterator[ImportedCell]:
    """Reads cells, puts those with items into the store, a few at a time, and hands each on.

    Raises StoreError where one cannot be written.
    """
    waiting = iter(found)
    while some := [read_cell(*each) for each in islice(waiting, WRITERS)]:
        own = {each.result.provenance.score_key: each for each in some if each.columns}
        store.put_all(SCORES, ((key, each.columns, each.summary) for key, each in own.items()))
        keep_questions(store, ((each.questions, each.asked.items()) for each in own.values()))
        yield from some


def _score(task: TaskResults, benchmark: Benchmark, items: tuple[Item, ...]) -> Score:
    """The file's own number; its error over the items where there are any, else the file's."""
    own = task.aggregates[benchmark.metric, benchmark.filter]
    stderr = own.stderr
    if items:
        _, found = mean_stderr(
            np.array([item.score for item in items]), [item.cluster_id for item in items]
        )
        stderr = float(found) if np.isfinite(found) else None
    n = len(items) or task.n or 0
    return Score(
        benchmark.metric, own.value, stderr, n, own.higher_is_better, filter=benchmark.filter
    )


def _provenance(results: Results, task: TaskResults, key: str, without: str) -> Provenance:
    facts: Mapping[str, Any] = {
        "format": results.format,
        "model": results.model,
        "date": results.date,
        **results.facts,
        "file": results.path.name,
        "file_sha256": results.sha256,
        "task_version": task.version,
        "n_shot": "" if task.num_fewshot is None else str(task.num_fewshot),
        "samples_sha256": task.sha256,
        "items": without,
        UNSAID: ", ".join(results.unsaid),
    }
    return Provenance(
        score_key=key,
        chat_template=results.facts.get("chat_template_sha", ""),
        loader=LOADER,
        engine=results.engine,
        dtype=results.dtype,
        device=results.device,
        batch_size=results.batch_size,
        finished=results.date,
        versions=dict(results.versions),
        imported={name: text for name, text in facts.items() if text},
    )


def described(benchmark: Benchmark, task: TaskResults) -> Benchmark:
    """A benchmark as a file asked it: its shots and version, and a measure that the file has.

    Without items a guesser's score is the file's to say, where this zoo does not know it.
    """
    measure = benchmark.metric, benchmark.filter
    if measure not in task.aggregates and task.aggregates:
        metric, filter = next(iter(task.aggregates))
        benchmark = replace(benchmark, metric=metric, filter=filter, chance=None)
    asked = replace(benchmark, num_fewshot=task.num_fewshot, version=task.version, repeats=1)
    if asked.chance is None and task.items is None:
        return replace(asked, chance=task.chance)
    return asked
